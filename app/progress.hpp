// What a person sees of a run: on a terminal a display that is drawn again and again, elsewhere
// plain lines.
#pragma once

#include "actors/slot_board.hpp"
#include "domain/batch_state.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace darkroom::app {

// Counts of a run, kept up by its events.
struct run_totals {
  std::uint32_t files = 0, completed = 0, failed = 0, cancelled = 0;
  std::uint32_t completed_now = 0;                       // by this process, not by an earlier one
  std::uint64_t bytes_in = 0, bytes_out = 0, pixels = 0; // of those
  std::uint32_t ended() const { return completed + failed + cancelled; }
};

enum class display : std::uint8_t { none, lines, terminal };

class progress {
public:
  using clock = std::chrono::steady_clock;
  progress(display kind, bool colour, const actors::slot_board* board);
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  // Something that stays to be read: a failure, a warning.
  void note(const std::string& line, bool bad);
  // Draws, if it is time to.
  void update(const run_totals& totals, bool at_once = false);
  // Takes the display away.
  void clear();

private:
  std::string bar(const run_totals& totals, std::size_t width) const;
  std::string rates(const run_totals& totals) const;
  void draw(const run_totals& totals);

  display kind_;
  bool colour_;
  const actors::slot_board* board_;
  clock::time_point began_ = clock::now();
  clock::time_point drawn_{};
  std::size_t lines_drawn_ = 0;
};

// "17 files: 16 converted, 1 failed, 12.3 MB -> 4.1 MB (33 %), 3.1 s, 5.4 files/s, 30.2 MP/s"
std::string summary_text(const run_totals& totals, double seconds);

// What standard error is and what the environment asks for.
display display_for_stderr(bool quiet);
bool colour_for_stderr();

} // namespace darkroom::app
