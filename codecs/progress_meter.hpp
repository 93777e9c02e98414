// How far a conversion has come, told through one number in memory that another process may read
// at any time. Telling costs a store, and only when the number changes.
#pragma once

#include "domain/conversion_stage.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>

namespace darkroom::codecs {

// The number: what is read of it may be anything, and is made sane here.
using progress_cell = std::uint32_t;

constexpr progress_cell to_cell(domain::conversion_progress p) {
  return static_cast<progress_cell>(p.stage) << 8 | p.percent;
}
constexpr domain::conversion_progress from_cell(progress_cell cell) {
  const auto stage =
      std::min<progress_cell>(cell >> 8, base::enum_count<domain::conversion_stage> - 1);
  const auto percent = std::min<progress_cell>(cell & 0xff, 100);
  return {static_cast<domain::conversion_stage>(stage), static_cast<std::uint8_t>(percent)};
}

// Told now and then how far a conversion has come.
using progress_listener = std::function<void(domain::conversion_progress)>;

// A stretch of the whole: from one percentage to another.
class progress_meter {
public:
  progress_meter() = default; // tells nobody
  explicit progress_meter(progress_cell* cell) : cell_(cell) {}

  // A part of this stretch, in percent of it, and what is done there. Says that it begins.
  progress_meter part(domain::conversion_stage stage, unsigned from_percent,
                      unsigned to_percent) const noexcept {
    progress_meter inner(cell_);
    inner.stage_ = stage;
    inner.from_ = static_cast<std::uint8_t>(from_ + (to_ - from_) * from_percent / 100);
    inner.to_ = static_cast<std::uint8_t>(from_ + (to_ - from_) * to_percent / 100);
    inner.at(0, 1);
    return inner;
  }

  // So much of this stretch is done. Trivial enough to be called between calls of C libraries.
  void at(std::uint64_t done, std::uint64_t of) const noexcept {
    if (cell_ == nullptr || of == 0) return;
    const auto percent = from_ + (to_ - from_) * std::min(done, of) / of;
    const std::atomic_ref<progress_cell> cell(*cell_);
    const auto now = to_cell({stage_, static_cast<std::uint8_t>(percent)});
    if (cell.load(std::memory_order_relaxed) != now) cell.store(now, std::memory_order_relaxed);
  }

private:
  progress_cell* cell_ = nullptr;
  domain::conversion_stage stage_ = domain::conversion_stage::starting;
  std::uint8_t from_ = 0, to_ = 100;
};

} // namespace darkroom::codecs
