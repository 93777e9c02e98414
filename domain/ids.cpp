#include "domain/ids.hpp"

#include "base/clock.hpp"
#include "base/random.hpp"

#include <algorithm>

namespace darkroom::domain {

batch_id new_batch_id() {
  std::array<std::uint8_t, 10> random{};
  base::fill_random(random);
  return make_batch_id(static_cast<std::uint64_t>(base::unix_now_us() / 1'000), random);
}

batch_id make_batch_id(std::uint64_t unix_ms, std::span<const std::uint8_t, 10> random) {
  batch_id id;
  for (int i = 0; i < 6; ++i)
    id.bytes[i] = static_cast<std::uint8_t>(unix_ms >> (40 - 8 * i));
  std::ranges::copy(random, id.bytes.begin() + 6);
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x70);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

constexpr bool dash_before_byte(int i) {
  return i == 4 || i == 6 || i == 8 || i == 10;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

} // namespace

std::string to_string(const batch_id& id) {
  std::string text;
  text.reserve(36);
  for (int i = 0; i < 16; ++i) {
    if (dash_before_byte(i)) text += '-';
    text += hex_digits[id.bytes[i] >> 4];
    text += hex_digits[id.bytes[i] & 15];
  }
  return text;
}

std::optional<batch_id> parse_batch_id(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  batch_id id;
  std::size_t at = 0;
  for (int i = 0; i < 16; ++i) {
    if (dash_before_byte(i) && text[at++] != '-') return std::nullopt;
    const int high = hex_value(text[at]);
    const int low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    at += 2;
  }
  return id;
}

} // namespace darkroom::domain
