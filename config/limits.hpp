// Defaults and bounds of what an operator may set. Units come last in the name.
#pragma once

#include "base/units.hpp"

#include <cstddef>
#include <cstdint>

namespace darkroom::limits {

inline constexpr std::uint64_t input_bytes_max = 64 * MiB;
inline constexpr std::uint64_t image_pixels_max = 50'000'000;
inline constexpr std::uint64_t image_pixels_ceiling = 268'435'456; // what a setting may allow
inline constexpr std::uint64_t memory_budget_default_bytes = 1 * GiB;
inline constexpr std::uint64_t memory_budget_min_bytes = 128 * MiB;
inline constexpr std::uint32_t slots_max = 256;

// Audit log. A year and a month: an auditor who looks at the last year finds all of it.
inline constexpr std::uint64_t audit_days = 400;
// Audited refusals of one user: one each 6 s. At some 200 bytes for an entry, a client in a loop
// adds 3 MB a day.
inline constexpr std::uint64_t refusals_per_hour = 600;

// Default quotas of one user. They protect other users and the machine from a script that runs
// away, and are beyond what people do by hand; quota.exceptions raises them for those who need
// more.
//
// A batch that has not ended costs some 20 KB of memory while its supervisor lives: 20 MB.
inline constexpr std::uint64_t user_live_batches = 1'000;
// What a batch is built and tested for: a byte of memory a file, 40 while it takes files.
inline constexpr std::uint64_t user_files_per_batch = 1'000'000;
// Two full batches: one that runs, and one that is being uploaded.
inline constexpr std::uint64_t user_queued_files = 2'000'000;
// Half of a disk of 512 GiB; some 50,000 originals of 4 MB, with outputs of the same size.
inline constexpr std::uint64_t user_stored_bytes = 256 * GiB;
// Ten times what a browser opens to one server (6), and 16 clients with `batch submit` (4). Each
// holds 128 KiB of buffers.
inline constexpr std::uint64_t user_uploads = 64;
// A day of four slots, for one user: at 15 megapixels a second and slot they convert some 5
// terapixels, which are 400,000 photos of 12 megapixels.
inline constexpr std::uint64_t user_cpu_s_per_day = 4 * 86'400;
inline constexpr std::uint64_t user_megapixels_per_day = 5'000'000;

static_assert(user_queued_files >= user_files_per_batch);
static_assert(image_pixels_max <= image_pixels_ceiling);

} // namespace darkroom::limits
