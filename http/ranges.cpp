#include "http/ranges.hpp"

#include <algorithm>
#include <charconv>

namespace darkroom::http {

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return UINT64_MAX;
  if (error != std::errc{}) return std::nullopt;
  return value;
}

} // namespace

range_answer read_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  // Several ranges, or what is no range: the whole is an answer that is always right.
  if (!header.starts_with(unit) || header.find(',') != std::string_view::npos) return {};
  header.remove_prefix(unit.size());
  const auto dash = header.find('-');
  if (dash == std::string_view::npos) return {};
  const auto from = header.substr(0, dash), to = header.substr(dash + 1);
  if (from.empty()) { // the last so many
    const auto last = number(to);
    if (!last) return {};
    if (*last == 0 || size == 0) return {range_verdict::not_satisfiable, {}};
    const auto length = std::min(*last, size);
    return {range_verdict::part, {size - length, length}};
  }
  const auto first = number(from);
  const auto last = to.empty() ? std::optional{UINT64_MAX} : number(to);
  if (!first || !last || *last < *first) return {};
  if (*first >= size) return {range_verdict::not_satisfiable, {}};
  return {range_verdict::part, {*first, std::min(*last, size - 1) - *first + 1}};
}

} // namespace darkroom::http
