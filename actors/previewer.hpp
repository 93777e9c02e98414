// PREVIEWER: looks at one file outside of its batch's work: at its header when it is uploaded, or
// converts it to a small picture. It speaks to DISPATCHER and CODEC POOL as a converter does.
#pragma once

#include "actors/interfaces.hpp"

namespace darkroom::actors {

struct preview_order {
  std::string owner;
  std::shared_ptr<const domain::file_entry> file;      // with one output name, if there is a spec
  std::shared_ptr<const domain::conversion_spec> spec; // null: only the header is read
};

// What was found.
struct preview_failed {
  codecs::codec_error error;
};
struct header_read {}; // nothing else was asked for
struct picture_made {
  persistence::staged_output picture; // the receiver discards it
};
using preview = std::variant<preview_failed, header_read, picture_made>;
using on_preview = std::function<void(preview)>;

struct previewer_state {
  static inline const char* name = "previewer";
  previewer_state() = default; // no aggregate: CAF would initialise the first member with the actor

  preview_order order;
  dispatcher_actor dispatcher;
  codec_pool_actor pool;
  on_preview done;
  domain::file_index number = 0; // tells it apart from others in the queue
  codecs::conversion_plan plan;
  bool waiting = false; // for a lease
  lease_granted lease;
};

converter_actor::behavior_type previewer(converter_actor::stateful_pointer<previewer_state> self,
                                         preview_order order, dispatcher_actor dispatcher,
                                         codec_pool_actor pool, on_preview done);

} // namespace darkroom::actors
