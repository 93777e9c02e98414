// Converts a few files of a run and throws their outputs away, to learn what the others will take
// and become on this machine.
#pragma once

#include "actors/cost_calibration.hpp"
#include "codecs/host/zygote.hpp"
#include "domain/conversion_spec.hpp"
#include "domain/events.hpp"

#include <cstddef>
#include <span>

namespace darkroom::app {

struct sample_file {
  const domain::file_entry* entry = nullptr;
  actors::cost_prediction predicted;
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpu_ms = 0;
};

// `known` learns from up to `limits::sample_files` of each kind of which it knows less; as many at
// a time as there are slots, for at most about `limits::sample_ms`. `memory_bytes`: for all of them
// together. How many were converted.
std::size_t learn_from_sample(actors::cost_calibration& known, std::span<const sample_file> files,
                              const domain::conversion_spec& spec, std::size_t slots,
                              std::uint64_t memory_bytes, codecs::host::zygote& hosts);

} // namespace darkroom::app
