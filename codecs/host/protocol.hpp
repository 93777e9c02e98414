// What server and codec host say to each other: plain structures of fixed size over SOCK_SEQPACKET,
// one message a job and one a reply. Both sides are the same binary. The host trusts its parent;
// the parent believes nothing that a host says without checking it.
#pragma once

#include "codecs/host/spec_packing.hpp"
#include "codecs/pipeline.hpp"
#include "domain/limits.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace darkroom::codecs::host {

enum class job_kind : std::uint8_t { probe, convert };

// A short text in place, zero-terminated.
template<std::size_t N>
struct wire_text {
  std::array<char, N> bytes{};
  void set(std::string_view text);
  std::string_view get() const;
};

// With it come descriptors: the source, then for `convert` one for each output.
struct wire_job {
  std::uint64_t job_id;
  job_kind kind;
  std::uint64_t input_bytes;
  std::uint64_t address_bytes_max; // all address space of the host during the job
  // Of a conversion that was not planned from the header: what it may take. 0: it was.
  std::uint64_t unread_memory_bytes;
  std::uint32_t unread_cpu_ms;
  input_limits limits;
  std::uint32_t output_count; // of the spec
  packed_spec spec;
  pixel_area crop; // empty: whole outputs
};

struct wire_info {
  wire_text<16> format;
  std::uint32_t width, height, frames, icc_bytes, exif_bytes, xmp_bytes;
  std::uint8_t channels, depth, orientation, alpha, progressive, lossless, cmyk, yuv420;
};

struct wire_reply {
  std::uint64_t job_id;
  std::uint8_t ok;
  std::uint8_t needs_more; // ok, and nothing was converted: it would take more than it may
  std::uint8_t reason;     // a failure_reason, when not ok
  std::uint8_t arrived_percent;
  std::uint32_t losses;
  wire_info info;
  std::uint32_t output_count;
  struct output {
    std::uint64_t bytes;
    std::uint32_t width, height;
  };
  std::array<output, limits::outputs_max> outputs;
  wire_text<limits::detail_bytes_max> detail;
};

wire_info to_wire(const image_info& info);
// Nothing when it names no format of ours or holds numbers that no header can.
std::optional<image_info> from_wire(const wire_info& info);

} // namespace darkroom::codecs::host
