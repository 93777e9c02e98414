#include "domain/ids.hpp"

#include "base/clock.hpp"
#include "base/random.hpp"

#include <algorithm>
#include <mutex>

namespace darkroom::domain {

namespace {

struct id_source {
  std::mutex mutex;
  batch_id last;
};

id_source& ids_of_process() {
  static id_source source;
  return source;
}

std::uint64_t read_number(const batch_id& id, int first, int count) {
  std::uint64_t value = 0;
  for (int i = first; i < first + count; ++i)
    value = value << 8 | id.bytes[static_cast<std::size_t>(i)];
  return value;
}

void write_number(batch_id& id, int first, int count, std::uint64_t value) {
  for (int i = first + count; i-- > first; value >>= 8)
    id.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value);
}

// Layout: 48 bits of time, 4 of version, 12 random, 2 of variant, 62 random.
batch_id counted_on(const batch_id& last, std::uint64_t step) {
  constexpr std::uint64_t low_bits = (std::uint64_t{1} << 62) - 1;
  const auto low = (read_number(last, 8, 8) & low_bits) + step;
  const auto high = (read_number(last, 6, 2) & 0xfff) + (low >> 62);
  batch_id id;
  write_number(id, 0, 6, read_number(last, 0, 6) + (high >> 12));
  write_number(id, 6, 2, 0x7000 | (high & 0xfff));
  write_number(id, 8, 8, std::uint64_t{1} << 63 | (low & low_bits));
  return id;
}

} // namespace

batch_id new_batch_id() {
  std::array<std::uint8_t, 10> random{};
  base::fill_random(random);
  auto& source = ids_of_process();
  const std::lock_guard lock(source.mutex);
  const auto now_ms = static_cast<std::uint64_t>(base::unix_now_us() / 1'000);
  return source.last = make_batch_id_after(source.last, now_ms, random);
}

void go_on_after(const batch_id& newest) {
  if (newest.bytes[6] >> 4 != 7) return; // none of ours: it says nothing of time
  auto& source = ids_of_process();
  const std::lock_guard lock(source.mutex);
  source.last = std::max(source.last, newest);
}

batch_id make_batch_id_after(const batch_id& last, std::uint64_t unix_ms,
                             std::span<const std::uint8_t, 10> random) {
  const auto id = make_batch_id(unix_ms, random);
  if (id > last) return id;
  // Steps of 32 random bits: an id cannot be guessed from the one before.
  std::uint64_t step = 1;
  for (int i = 0; i < 4; ++i)
    step += std::uint64_t{random[static_cast<std::size_t>(i)]} << (8 * i);
  return counted_on(last, step);
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
