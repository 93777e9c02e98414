// Limits of one image and of the codec host that processes it. Units come last in the name.
#pragma once

#include "base/units.hpp"
#include "config/limits.hpp"
#include "domain/limits.hpp"

#include <cstddef>
#include <cstdint>

namespace darkroom::limits {

// What one source may be.
// Of metadata that is kept; a larger one is dropped and declared, and never fails the picture.
inline constexpr std::uint64_t metadata_bytes_max = 4 * MiB; // EXIF, and XMP
inline constexpr std::uint64_t icc_bytes_max = 4 * MiB;      // CMYK profiles have up to about 3 MiB
inline constexpr std::uint32_t icc_tags_max = 256;           // lcms takes 100
inline constexpr std::uint32_t exif_entries_max = 256;

// What one output may be.
inline constexpr std::uint64_t output_bytes_max = 256 * MiB;

// Codec hosts.
inline constexpr std::uint64_t host_address_base_bytes = 256 * MiB; // on top of a job's own
inline constexpr std::uint64_t host_address_bytes_per_pixel = 16;
inline constexpr std::uint32_t host_open_files = 64;
inline constexpr std::uint64_t host_cpu_lifetime_s = 3'600; // backstop: it accumulates
inline constexpr std::uint32_t host_spawn_ms = 5'000;
inline constexpr std::uint32_t host_stock_retry_ms = 1'000; // when none could be started
// Between the end of a host's sockets and its own: some microseconds, on a busy machine more.
inline constexpr std::uint32_t host_exit_ms = 200;
// A host is looked at ten times a second; a watcher that is later did not run.
inline constexpr std::uint32_t host_watch_gap_ms = 1'000;
inline constexpr std::uint64_t host_stack_bytes = 8 * MiB; // the usual one, whatever is inherited
inline constexpr int host_nice = 10;                       // the server answers first
// For the zygote to end: at once, unless it is stopped or the kernel is busy with its memory.
inline constexpr int zygote_end_ms = 1'000;
inline constexpr std::uint32_t probe_wall_ms = 10'000;
inline constexpr std::uint32_t probe_cpu_ms = 2'000;
inline constexpr std::uint64_t probe_memory_bytes = 16 * MiB;
// A picture whose file is so small is converted without reading its header before: that would take
// about as long. It may take this much memory, which does for most; one that needs more is given
// back, and its header is read then.
inline constexpr std::uint64_t unread_bytes_max = 64 * KiB;
inline constexpr std::uint64_t unread_memory_bytes = 8 * MiB;
inline constexpr std::uint32_t cpu_base_ms = 10'000;
inline constexpr std::uint32_t cpu_ms_per_megapixel = 2'000;
inline constexpr std::uint32_t cpu_slow_factor = 3; // lossless, or effort above 4
inline constexpr std::uint32_t stream_buffer_bytes = 64 * KiB;

static_assert(probe_cpu_ms < probe_wall_ms);
static_assert(outputs_max + 4 < host_open_files);

} // namespace darkroom::limits
