// Looking at one file outside of its batch's work: what is asked, and how it ends.
#pragma once

#include "codecs/crop.hpp"
#include "domain/conversion_spec.hpp"
#include "domain/events.hpp"
#include "persistence/output_store.hpp"

#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace darkroom::actors {

using codecs::pixel_area;

struct preview_failed {
  codecs::codec_error error;
};
// A newer preview of the same viewer took its place.
struct preview_superseded {};
// The part asked for lies outside of the output, which has this size.
struct crop_out_of_bounds {
  std::uint32_t width = 0, height = 0;
};
// It needs more memory than is kept for previews, and no machine converts; or the system has no
// thread for it.
struct no_workers {};
struct picture_made {
  std::shared_ptr<base::unique_fd> memory;               // a file in memory; null: it is staged
  std::optional<persistence::staged_output> staged = {}; // the receiver discards it
  std::uint64_t bytes = 0;
  std::uint32_t width = 0, height = 0;
  domain::loss_set losses = {};
  std::uint32_t took_ms = 0;
  // Of the whole output: its size in pixels, and about how many bytes it has. The same as above
  // when it was made whole.
  std::uint32_t full_width = 0, full_height = 0;
  std::uint64_t full_bytes_estimate = 0;
};
using preview =
    std::variant<preview_failed, preview_superseded, crop_out_of_bounds, no_workers, picture_made>;
using on_preview = std::function<void(preview)>;

struct preview_job {
  domain::lease_id number = 0; // to interrupt it by
  std::string owner;           // a host never serves two owners
  std::string viewer;          // empty: it is a thumbnail
  std::shared_ptr<const domain::file_entry> file;
  std::shared_ptr<const domain::conversion_spec> spec; // with one output
  std::optional<pixel_area> crop;
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpu_ms = 0;
};

// What makes one picture into memory, blocking.
class preview_runner {
public:
  virtual ~preview_runner() = default;
  // A `picture_made` whose `full_…` are not set, or how it failed.
  virtual preview make_preview(const preview_job& job) = 0;
  // Ends the preview of this number, now or as soon as it comes; nothing else. From any thread.
  virtual void interrupt(domain::lease_id number) noexcept = 0;
};

} // namespace darkroom::actors
