#include "app/text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace darkroom::app {

namespace {

template<class... Args>
std::string format(const char* pattern, Args... args) {
  char text[96];
  const int n = std::snprintf(text, sizeof text, pattern, args...);
  return {text, static_cast<std::size_t>(n < 0 ? 0 : n)};
}

} // namespace

std::string size_text(std::uint64_t bytes) {
  constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? format("%llu B", static_cast<unsigned long long>(bytes))
                   : format("%.1f %s", value, units[unit]);
}

std::string duration_text(double seconds) {
  if (seconds < 60) return format("%.1f s", seconds);
  const long whole = std::lround(seconds);
  if (whole < 3600) return format("%ld min %ld s", whole / 60, whole % 60);
  return format("%ld h %ld min", whole / 3600, whole / 60 % 60);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  std::uint64_t factor = 0;
  if (unit.empty() || unit == "B") factor = 1;
  if (unit == "kB" || unit == "KB") factor = 1'000;
  if (unit == "MB") factor = 1'000'000;
  if (unit == "GB") factor = 1'000'000'000;
  if (unit == "KiB") factor = 1ull << 10;
  if (unit == "MiB") factor = 1ull << 20;
  if (unit == "GiB") factor = 1ull << 30;
  if (factor == 0 || value > UINT64_MAX / factor) return std::nullopt;
  return value * factor;
}

std::string count_text(std::uint64_t count, std::string_view one) {
  std::string text = std::to_string(count) + ' ' + std::string{one};
  if (count == 1) return text;
  return text + (one.ends_with("ch") ? "es" : "s"); // batches
}

} // namespace darkroom::app
