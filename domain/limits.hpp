// Limits of a batch and its spec, enforced by the domain. Units come last in the name.
#pragma once

#include <cstddef>
#include <cstdint>

namespace darkroom::limits {

// Specs.
inline constexpr std::uint32_t side_pixels_max = 16'384;
inline constexpr std::uint32_t outputs_max = 16; // outputs of one spec
inline constexpr std::uint32_t format_name_bytes_max = 15;
inline constexpr std::uint32_t effort_max = 6;
inline constexpr std::uint32_t suffix_bytes_max = 64;

// Batches.
inline constexpr std::uint32_t files_per_batch_max = 1'000'000;
// Of an event that lists names or files: it is written, read and sent as a whole.
inline constexpr std::uint32_t files_per_event_max = 1'000;
inline constexpr std::size_t event_bytes_max = 1'048'576;
inline constexpr std::uint32_t priority_max = 9;
inline constexpr std::uint32_t batch_slots_max = 65'535; // more than any cluster has
// Kinds of files that a batch may require. Each path that is added is compared with each pattern.
inline constexpr std::size_t companions_max = 16;
inline constexpr std::size_t companion_role_bytes_max = 64, companion_pattern_bytes_max = 256;
inline constexpr std::size_t name_bytes_max = 256, reason_bytes_max = 512;
inline constexpr std::size_t tags_max = 16, tag_bytes_max = 64;
inline constexpr std::uint32_t name_suffix_tries_max = 100'000; // "-2", "-3", … for one name
inline constexpr std::size_t name_part_bytes_max = 255; // NAME_MAX of Linux; NTFS has 255 units

// Attempts.
inline constexpr std::uint32_t attempts_max = 3;
inline constexpr std::uint32_t retry_base_ms = 1'000; // 1 s · 2ⁿ
inline constexpr std::uint32_t retry_jitter_percent = 25;
inline constexpr std::uint32_t crashes_before_alone = 2; // running at so many crashes: runs alone
inline constexpr std::uint32_t crashes_max = 3;          // running at so many crashes: failed
inline constexpr std::uint32_t nodes_lost_max = 5;       // in a row: failed
inline constexpr std::uint32_t detail_bytes_max = 200;   // text of one failure

static_assert(crashes_before_alone < crashes_max);
static_assert(files_per_event_max <= files_per_batch_max);
// Files that are retried are listed as runs, of at least two bytes for two files.
static_assert(files_per_batch_max <= event_bytes_max);

} // namespace darkroom::limits
