#include "base/parse_time.hpp"

#include <algorithm>
#include <chrono>

namespace darkroom::base {

namespace {

// Takes pieces of fixed form from the front of a text.
class time_scanner {
public:
  explicit time_scanner(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<int> digits(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  std::optional<int> digits(std::size_t count, int least, int most) {
    const auto value = digits(count);
    return value && *value >= least && *value <= most ? value : std::nullopt;
  }
  // Behind a point: at least one digit; what is finer than microseconds is cut off.
  std::optional<std::int64_t> microseconds() {
    std::int64_t value = 0;
    std::int64_t unit = 100'000;
    std::size_t count = 0;
    for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count, unit /= 10)
      value += (rest_[count] - '0') * unit;
    rest_.remove_prefix(count);
    return count > 0 ? std::optional(value) : std::nullopt;
  }

private:
  std::string_view rest_;
};

// Seconds east of Greenwich.
std::optional<int> offset_of(time_scanner& scan) {
  if (scan.take('Z') || scan.take('z')) return 0;
  const bool west = scan.take('-');
  if (!west && !scan.take('+')) return std::nullopt;
  const auto hours = scan.digits(2, 0, 23);
  if (!hours || !scan.take(':')) return std::nullopt;
  const auto minutes = scan.digits(2, 0, 59);
  if (!minutes) return std::nullopt;
  const int seconds = *hours * 3'600 + *minutes * 60;
  return west ? -seconds : seconds;
}

} // namespace

std::optional<std::int64_t> parse_time(std::string_view text) {
  time_scanner scan(text);
  const auto year = scan.digits(4);
  if (!year || !scan.take('-')) return std::nullopt;
  const auto month = scan.digits(2, 1, 12);
  if (!month || !scan.take('-')) return std::nullopt;
  const auto day = scan.digits(2, 1, 31);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  std::int64_t seconds = days * 86'400;
  if (scan.at_end()) return seconds * 1'000'000;

  if (!scan.take('T') && !scan.take('t') && !scan.take(' ')) return std::nullopt;
  const auto hour = scan.digits(2, 0, 23);
  if (!hour || !scan.take(':')) return std::nullopt;
  const auto minute = scan.digits(2, 0, 59);
  if (!minute || !scan.take(':')) return std::nullopt;
  const auto second = scan.digits(2, 0, 60);
  if (!second) return std::nullopt;
  std::int64_t fraction_us = 0;
  if (scan.take('.')) {
    const auto fraction = scan.microseconds();
    if (!fraction) return std::nullopt;
    fraction_us = *fraction;
  }
  const auto offset = offset_of(scan);
  if (!offset || !scan.at_end()) return std::nullopt;
  seconds += *hour * 3'600 + *minute * 60 + std::min(*second, 59) - *offset;
  return seconds * 1'000'000 + fraction_us;
}

} // namespace darkroom::base
