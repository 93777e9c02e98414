#include "domain/text.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace darkroom::domain {

namespace {

// Bytes of the UTF-8 sequence at the begin; 0 when it is none (RFC 3629).
std::size_t utf8_length(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0 || length > s.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool beyond = (lead == 0xed && byte(1) > 0x9f) || (lead == 0xf4 && byte(1) > 0x8f);
  return overlong || beyond ? 0 : length;
}

template<class... Args>
std::string format(const char* pattern, Args... args) {
  char text[96];
  const int n = std::snprintf(text, sizeof text, pattern, args...);
  return {text, static_cast<std::size_t>(n < 0 ? 0 : n)};
}

} // namespace

std::string time_text(std::int64_t unix_us) {
  const std::time_t seconds = unix_us / 1'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[80];
  const int n = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                              utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                              utc.tm_min, utc.tm_sec, static_cast<int>(unix_us % 1'000'000));
  return {text, static_cast<std::size_t>(n < 0 ? 0 : n)};
}

std::string printable(std::string_view name) {
  constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD
  std::string out;
  while (!name.empty()) {
    const auto length = utf8_length(name);
    const auto lead = static_cast<unsigned char>(name[0]);
    const bool control =
        lead < 0x20 || lead == 0x7f ||
        (length == 2 && lead == 0xc2 && static_cast<unsigned char>(name[1]) < 0xa0);
    if (length == 0 || control)
      out += replacement;
    else
      out += name.substr(0, length);
    name.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

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

std::string count_text(std::uint64_t count, std::string_view one) {
  std::string text = std::to_string(count) + ' ' + std::string{one};
  if (count == 1) return text;
  return text + (one.ends_with("ch") ? "es" : "s"); // batches
}

} // namespace darkroom::domain
