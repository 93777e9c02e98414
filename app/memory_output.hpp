// Outputs that are not stored anywhere.
#pragma once

#include "base/unique_fd.hpp"
#include "persistence/files.hpp"
#include "persistence/output_store.hpp"

#include <optional>
#include <span>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace darkroom::app {

// Keeps the last output that it was given, and writes nothing: for one file at a time, without a
// folder where another could be in its way.
class memory_output final : public persistence::output_store {
public:
  persistence::file_result<persistence::staged_output> stage(const domain::batch_id&,
                                                             domain::file_index, std::uint32_t,
                                                             const std::string&, int content,
                                                             domain::existing_policy) override {
    content_.reset(::dup(content));
    if (!content_) return std::unexpected(persistence::last_error("taking the output"));
    struct stat about{};
    if (::fstat(content_.get(), &about) != 0)
      return std::unexpected(persistence::last_error("reading the size of the output"));
    persistence::staged_output staged;
    staged.bytes = static_cast<std::uint64_t>(about.st_size);
    return staged;
  }
  std::vector<persistence::placed_output>
  place(std::span<const persistence::staged_output>) override {
    return {};
  }
  void discard(const persistence::staged_output&) override { content_.reset(); }
  void take_back(const persistence::staged_output&) override {}
  std::optional<persistence::written_file> existing(const std::string&) override { return {}; }
  bool exists(const std::string&) override { return false; }
  void sweep(const domain::batch_id&, domain::file_index, std::span<const std::string>) override {}
  persistence::file_result<base::unique_fd>
  open_staged(const persistence::staged_output&) override {
    return base::unique_fd{::dup(content_.get())};
  }
  void release(const persistence::file_record&) override {}

  int content() const { return content_.get(); }

private:
  base::unique_fd content_;
};

} // namespace darkroom::app
