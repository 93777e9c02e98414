// The seam of a slot: what probes and converts one file, blocking. The real one drives a sandboxed
// codec host; tests and measurements put others in its place.
#pragma once

#include "codecs/conversion_plan.hpp"
#include "codecs/pipeline.hpp"
#include "domain/events.hpp"
#include "persistence/output_store.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace darkroom::actors {

struct probe_job {
  std::string owner;
  std::shared_ptr<const domain::file_entry> file;
};

struct conversion_job {
  domain::batch_id batch;
  domain::file_index index = 0;
  domain::lease_id lease = 0;
  std::string owner; // a host never serves two owners
  std::shared_ptr<const domain::file_entry> file;
  std::shared_ptr<const domain::conversion_spec> spec;
  std::uint64_t memory_bytes = 0; // granted
  std::uint32_t cpu_ms = 0;
  bool header_read = true; // false: memory and time are guesses
  // A crash may have come between the name of an output and its event: what lies at the target is
  // compared before it is called somebody else's.
  bool may_be_placed = false;
};

// How a conversion ended.
struct conversion_failed {
  codecs::codec_error error;
};
struct conversion_interrupted {
  domain::interruption cause = domain::interruption::shutdown;
  std::string detail = {};        // more about it; may be empty
  std::uint64_t memory_bytes = 0; // with memory_raised: what it needs, or more
};
struct file_converted {
  domain::file_completed result;                  // all but index and attempt
  std::vector<persistence::staged_output> staged; // waiting for their names
};
using conversion_outcome = std::variant<conversion_failed, conversion_interrupted, file_converted>;

class slot_runner {
public:
  virtual ~slot_runner() = default;
  virtual codecs::result<codecs::image_info> probe(const probe_job& job) = 0;
  // `on_progress` is called now and then, from this thread.
  virtual conversion_outcome convert(const conversion_job& job,
                                     const codecs::progress_listener& on_progress) = 0;
  // Processor time in microseconds that the last conversion took; nothing: it is not known.
  virtual std::optional<std::uint64_t> cpu_us() const { return std::nullopt; }
  // Ends the conversion of this lease, now or as soon as it comes; nothing else. From any thread.
  virtual void interrupt(domain::lease_id lease) noexcept = 0;
};

using slot_runner_factory = std::function<std::unique_ptr<slot_runner>()>;

} // namespace darkroom::actors
