// Outputs that go nowhere.
#pragma once

#include "persistence/output_store.hpp"

namespace darkroom::tests {

class no_outputs : public persistence::output_store {
public:
  persistence::file_result<persistence::staged_output> stage(const domain::batch_id&,
                                                             domain::file_index, std::uint32_t,
                                                             const std::string&, int,
                                                             domain::existing_policy) override {
    return persistence::staged_output{};
  }
  std::vector<persistence::placed_output>
  place(std::span<const persistence::staged_output>) override {
    return {};
  }
  void discard(const persistence::staged_output&) override {}
  void take_back(const persistence::staged_output&) override {}
  std::optional<persistence::written_file> existing(const std::string&) override { return {}; }
  bool exists(const std::string&) override { return false; }
  void sweep(const domain::batch_id&, domain::file_index, std::span<const std::string>) override {}
  persistence::file_result<base::unique_fd>
  open_staged(const persistence::staged_output&) override {
    return base::unique_fd{};
  }
  void release(const persistence::file_record&) override {}
};

} // namespace darkroom::tests
