// What a person sees of a run: on a terminal a display that is drawn again and again, elsewhere
// plain lines.
#pragma once

#include "domain/batch_state.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::app {

// Counts of a run, kept up by its events.
struct run_totals {
  std::uint32_t files = 0, completed = 0, failed = 0, cancelled = 0;
  std::size_t unreadable = 0, skipped = 0;               // found, and not among the files
  std::uint32_t completed_now = 0;                       // by this process, not by an earlier one
  std::uint64_t bytes_in = 0, bytes_out = 0, pixels = 0; // of those
  std::uint32_t ended() const { return completed + failed + cancelled; }
};

enum class display : std::uint8_t { none, lines, terminal };

class progress {
public:
  using clock = std::chrono::steady_clock;
  // What is under way just now, one line each; shown on a terminal.
  using activity = std::function<std::vector<std::string>()>;
  progress(display kind, bool colour, activity under_way = nullptr);
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
  activity under_way_;
  clock::time_point began_ = clock::now();
  clock::time_point drawn_{};
  std::size_t lines_drawn_ = 0;
};

// " 45 %  encoding      a/b.png"
std::string activity_text(std::uint64_t percent, std::string_view stage, std::string_view path);

// "17 files: 16 converted, 1 failed, 12.3 MB -> 4.1 MB (33 %), 3.1 s, 5.4 files/s, 30.2 MP/s"
std::string summary_text(const run_totals& totals, double seconds);
// Of a batch that ended before; how long it took from its start, if it had one.
std::string ended_text(const run_totals& totals, std::optional<double> seconds);

// What standard error is and what the environment asks for.
display display_for_stderr(bool quiet);
bool colour_for_stderr();

} // namespace darkroom::app
