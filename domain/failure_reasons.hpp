// Why the files of a batch failed: a byte for each file up to the last one that failed, and nothing
// for a batch without failures. Files fail in any order, and perhaps all of a million do.
#pragma once

#include "domain/failure_reason.hpp"
#include "domain/ids.hpp"

#include <optional>
#include <vector>

namespace darkroom::domain {

class failure_reasons {
public:
  void set(file_index file, failure_reason reason) {
    if (file >= reasons_.size()) reasons_.resize(std::size_t{file} + 1, none);
    reasons_[file] = reason;
  }
  void erase(file_index file) {
    if (file >= reasons_.size()) return;
    reasons_[file] = none;
    // Equal failures are then equal bytes, and the last retry leaves nothing to copy.
    while (!reasons_.empty() && reasons_.back() == none)
      reasons_.pop_back();
  }
  // Nothing: it has not failed.
  std::optional<failure_reason> of(file_index file) const {
    if (file >= reasons_.size() || reasons_[file] == none) return std::nullopt;
    return reasons_[file];
  }
  // In the order of files.
  template<class Visit>
  void each(Visit visit) const {
    for (std::size_t i = 0; i < reasons_.size(); ++i)
      if (reasons_[i] != none) visit(static_cast<file_index>(i), reasons_[i]);
  }
  bool operator==(const failure_reasons&) const = default;

private:
  static constexpr failure_reason none{255};
  static_assert(base::enum_count<failure_reason> <= 255);

  std::vector<failure_reason> reasons_; // by index; the last one is a reason
};

} // namespace darkroom::domain
