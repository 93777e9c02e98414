// Outputs as blobs: what the server writes. Their names are only names; nothing can be in the way.
#pragma once

#include "persistence/blob_store.hpp"
#include "persistence/output_store.hpp"

namespace darkroom::persistence {

class blob_outputs final : public output_store {
public:
  explicit blob_outputs(blob_store& blobs) : blobs_(blobs) {}

  file_result<staged_output> stage(const domain::batch_id& batch, domain::file_index file,
                                   std::uint32_t output, const std::string& target, int content,
                                   domain::existing_policy existing) override;
  // A placed output is referred to from here on: should its event not come about, the blob stays
  // until the next start finds it without use.
  std::vector<placed_output> place(std::span<const staged_output> staged) override;
  void discard(const staged_output& staged) override;
  void take_back(const staged_output& staged) override;
  std::optional<written_file> existing(const std::string&) override { return std::nullopt; }
  bool exists(const std::string&) override { return false; }
  // The store's own sweep finds what is left.
  void sweep(const domain::batch_id&, domain::file_index, std::span<const std::string>) override {}
  file_result<base::unique_fd> open_staged(const staged_output& staged) override;
  void release(const file_record& file) override;

private:
  blob_store& blobs_;
};

} // namespace darkroom::persistence
