// What a worker has of its files: small inputs in memory, others in files without a name, outputs
// in the memory of the hosts that made them. Nothing of it outlives the process. From any thread.
#pragma once

#include "base/unique_fd.hpp"
#include "codecs/codec_error.hpp"
#include "domain/ids.hpp"
#include "persistence/output_store.hpp"

#include <map>
#include <mutex>

namespace darkroom::actors {

class spool {
public:
  explicit spool(std::string folder) : folder_(std::move(folder)) {}

  // A file without a name, for an input of so many bytes.
  persistence::file_result<base::unique_fd> make_file(std::uint64_t bytes) const;
  void put_input(domain::lease_id lease, base::unique_fd file);
  // Opened anew: whoever reads has a position of its own.
  codecs::result<base::unique_fd> open_input(domain::lease_id lease) const;
  void drop_input(domain::lease_id lease);

  persistence::file_result<persistence::written_file> put_output(domain::lease_id lease,
                                                                 std::uint32_t output, int content);
  // Bytes from there, at most so many; fewer at the end; none when there is no such output.
  std::string read_output(domain::lease_id lease, std::uint32_t output, std::uint64_t offset,
                          std::uint32_t bytes) const;
  void drop(domain::lease_id lease);

private:
  std::string folder_;
  mutable std::mutex mutex_;
  std::map<domain::lease_id, base::unique_fd> inputs_;
  std::map<std::pair<domain::lease_id, std::uint32_t>, base::unique_fd> outputs_;
};

// On a worker, the name of an output is the lease that it is made under.
std::string spool_target(domain::lease_id lease);

// Where the slots of a worker put their outputs.
class spool_outputs final : public persistence::output_store {
public:
  explicit spool_outputs(std::shared_ptr<spool> to) : spool_(std::move(to)) {}

  persistence::file_result<persistence::staged_output>
  stage(const domain::batch_id&, domain::file_index, std::uint32_t output,
        const std::string& target, int content, domain::existing_policy existing) override;
  std::vector<persistence::placed_output>
  place(std::span<const persistence::staged_output> staged) override;
  void discard(const persistence::staged_output&) override {} // goes with its lease
  void take_back(const persistence::staged_output&) override {}
  std::optional<persistence::written_file> existing(const std::string&) override {
    return std::nullopt;
  }
  bool exists(const std::string&) override { return false; } // the server knows what exists
  void sweep(const domain::batch_id&, domain::file_index, std::span<const std::string>) override {}
  persistence::file_result<base::unique_fd>
  open_staged(const persistence::staged_output& staged) override;
  void release(const persistence::file_record&) override {}

private:
  std::shared_ptr<spool> spool_;
};

} // namespace darkroom::actors
