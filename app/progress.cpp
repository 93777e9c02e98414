#include "app/progress.hpp"

#include "app/limits.hpp"
#include "app/omissions.hpp"
#include "app/text.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace darkroom::app {

namespace {

constexpr auto line_interval = std::chrono::seconds(5); // of plain lines
constexpr std::size_t activities_shown_max = 16;

double seconds_since(progress::clock::time_point began) {
  return std::chrono::duration<double>(progress::clock::now() - began).count();
}

std::string decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 100 ? "%.1f" : "%.0f", value);
  return text;
}

std::size_t columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

// Cuts at a number of characters, not in the middle of one.
std::string cut(const std::string& text, std::size_t width) {
  std::size_t shown = 0, at = 0;
  while (at < text.size() && shown < width) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
      ++at;
    ++shown;
  }
  return text.substr(0, at);
}

void put(const std::string& text) {
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

} // namespace

progress::progress(display kind, bool colour, activity under_way)
    : kind_(kind), colour_(colour), under_way_(std::move(under_way)) {}

progress::~progress() {
  clear();
}

void progress::clear() {
  if (lines_drawn_ == 0) return;
  // Up to the first line of the display, and away with everything below.
  put("\r\x1b[" + std::to_string(lines_drawn_) + "A\x1b[J");
  lines_drawn_ = 0;
}

void progress::note(const std::string& line, bool bad) {
  if (kind_ == display::none) return;
  clear();
  put(bad && colour_ ? "\x1b[31m" + line + "\x1b[0m\n" : line + '\n');
  drawn_ = {};
}

std::string progress::rates(const run_totals& t) const {
  const double seconds = std::max(seconds_since(began_), 0.001);
  const double per_second = t.completed_now / seconds;
  std::string text = decimal(per_second) + " files/s, " +
                     decimal(static_cast<double>(t.pixels) / 1e6 / seconds) + " MP/s";
  const auto left = t.files - std::min(t.files, t.ended());
  if (per_second > 0 && left > 0) text += ", " + duration_text(left / per_second) + " left";
  if (t.failed != 0) text += ", " + std::to_string(t.failed) + " failed";
  return text;
}

std::string progress::bar(const run_totals& t, std::size_t width) const {
  const double part = t.files == 0 ? 1 : static_cast<double>(t.ended()) / t.files;
  const auto full = static_cast<std::size_t>(part * static_cast<double>(width));
  std::string text = "[";
  for (std::size_t i = 0; i < width; ++i)
    text += i < full ? '#' : '.';
  char percent[16];
  std::snprintf(percent, sizeof percent, "] %3.0f %%  ", part * 100);
  return text + percent + std::to_string(t.ended()) + '/' + std::to_string(t.files);
}

void progress::draw(const run_totals& t) {
  const auto width = columns();
  std::string text;
  std::size_t lines = 0;
  const auto add = [&](const std::string& line) {
    text += cut(line, width - 1) + '\n';
    ++lines;
  };
  add(bar(t, std::clamp<std::size_t>(width / 3, 10, 40)) + "  " + rates(t));
  std::size_t shown = 0;
  if (under_way_)
    for (const auto& one : under_way_()) {
      if (++shown > activities_shown_max) break;
      add("  " + one);
    }
  clear();
  put(text);
  lines_drawn_ = lines;
}

void progress::update(const run_totals& totals, bool at_once) {
  if (kind_ == display::none) return;
  const auto now = clock::now();
  if (kind_ == display::terminal) {
    if (!at_once && now - drawn_ < std::chrono::milliseconds(limits::display_refresh_ms)) return;
    drawn_ = now;
    draw(totals);
    return;
  }
  if (drawn_ == clock::time_point{}) drawn_ = now;
  if (now - drawn_ < line_interval) return;
  drawn_ = now;
  put(std::to_string(totals.ended()) + '/' + std::to_string(totals.files) + ", " + rates(totals) +
      '\n');
}

std::string activity_text(std::uint64_t percent, std::string_view stage, std::string_view path) {
  char text[48];
  std::snprintf(text, sizeof text, "%3u %%  %-12.12s  ",
                static_cast<unsigned>(std::min<std::uint64_t>(percent, 100)),
                printable(stage).c_str());
  return text + printable(path);
}

namespace {

std::string counts_text(const run_totals& t) {
  std::string text = count_text(t.files, "file") + ": " + std::to_string(t.completed) +
                     " converted, " + std::to_string(t.failed) + " failed";
  if (t.cancelled != 0) text += ", " + std::to_string(t.cancelled) + " cancelled";
  if (const auto left = t.files - std::min(t.files, t.ended()); left != 0)
    text += ", " + std::to_string(left) + " left";
  text += omissions_text(t.unreadable, t.skipped);
  if (t.bytes_in != 0) {
    text += ", " + size_text(t.bytes_in) + " -> " + size_text(t.bytes_out) + " (" +
            std::to_string(t.bytes_out * 100 / t.bytes_in) + " %)";
  }
  return text;
}

} // namespace

std::string ended_text(const run_totals& t, std::optional<double> seconds) {
  auto text = counts_text(t);
  if (seconds) text.append(", took ").append(duration_text(*seconds));
  return text;
}

std::string summary_text(const run_totals& t, double seconds) {
  const double time = std::max(seconds, 0.001);
  return counts_text(t) + ", " + duration_text(seconds) + ", " + decimal(t.completed_now / time) +
         " files/s, " + decimal(static_cast<double>(t.pixels) / 1e6 / time) + " MP/s";
}

display display_for_stderr(bool quiet) {
  if (quiet) return display::none;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view{term} == "dumb";
  return ::isatty(STDERR_FILENO) != 0 && !dumb ? display::terminal : display::lines;
}

bool colour_for_stderr() {
  const char* no_colour = std::getenv("NO_COLOR");
  return ::isatty(STDERR_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0');
}

} // namespace darkroom::app
