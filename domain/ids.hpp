// Identifiers of batches and files. A batch id is a UUIDv7 (RFC 9562, section 5.7): ids that are
// made later compare greater, so the order of keys is the order of creation.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace darkroom::domain {

struct batch_id {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const batch_id&) const = default;
};

// Position of a file within its batch, from 0, in the order in which files were added.
using file_index = std::uint32_t;

// Position of an event in the journal: one sequence for everything, rising, never used twice.
using seq = std::uint64_t;

// Names one grant of a slot for one attempt at one file; never used twice in a process.
using lease_id = std::uint64_t;
// The server itself, among the machines that convert.
inline constexpr std::string_view local_node = "local";

// A new one, of this moment; greater than all that this process has made or knows of. From any
// thread.
batch_id new_batch_id();
// Later ones are greater than this one of an earlier process, also if the clock was set back.
void go_on_after(const batch_id& newest);
// A UUIDv7 of milliseconds since the Unix epoch and ten random bytes.
batch_id make_batch_id(std::uint64_t unix_ms, std::span<const std::uint8_t, 10> random);
// The same, but greater than `last`: within a millisecond, and after the clock was set back, it
// counts on from there in random steps (RFC 9562, section 6.2, method 2).
batch_id make_batch_id_after(const batch_id& last, std::uint64_t unix_ms,
                             std::span<const std::uint8_t, 10> random);

// Canonical text: 36 characters, lower case.
std::string to_string(const batch_id& id);

// Reads canonical text (upper or lower case); nothing when it is not a UUID.
std::optional<batch_id> parse_batch_id(std::string_view text);

} // namespace darkroom::domain
