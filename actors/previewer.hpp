// PREVIEWER: looks at one file outside of its batch's work: at its header when it is uploaded, or
// at what a conversion would make of it. A picture is made by the interactive host, which waits for
// no slot. What needs more memory than is kept for that asks DISPATCHER for a lease, as a converter
// does.
#pragma once

#include "actors/interfaces.hpp"

namespace darkroom::actors {

struct preview_order {
  std::string owner;
  std::shared_ptr<const domain::file_entry> file;      // with one output name, if there is a spec
  std::shared_ptr<const domain::conversion_spec> spec; // null: only the header is read
  std::string viewer;             // user whose newer preview supersedes this one; empty: none
  bool may_wait = true;           // for a slot, if it is too large for the preview host
  std::uint32_t width = 0;        // maximum width in pixels; 0: no maximum
  std::optional<pixel_area> crop; // of the output
};

struct preview_host_link {
  preview_host_actor actor;       // null: there is none
  std::uint64_t memory_bytes = 0; // for one picture
};

struct previewer_state {
  static inline const char* name = "previewer";
  previewer_state() = default; // no aggregate: CAF would initialise the first member with the actor

  preview_order order;
  dispatcher_actor dispatcher;
  codec_pool_actor pool;
  preview_host_link host;
  on_preview done;
  domain::file_index number = 0; // tells it apart from others in the queue
  codecs::conversion_plan plan;
  bool waiting = false; // for a lease
  lease_granted lease;
};

converter_actor::behavior_type previewer(converter_actor::stateful_pointer<previewer_state> self,
                                         preview_order order, dispatcher_actor dispatcher,
                                         codec_pool_actor pool, preview_host_link host,
                                         on_preview done);

} // namespace darkroom::actors
