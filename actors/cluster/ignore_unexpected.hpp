// For actors that other machines can reach.
#pragma once

#include <caf/delegated.hpp>
#include <caf/message.hpp>
#include <caf/result.hpp>
#include <caf/scheduled_actor.hpp>

namespace darkroom::actors {

// CAF prints a message that an actor does not expect, and answers it with an error: a stranger
// could fill the log, and the other side would not expect the answer.
inline void ignore_unexpected(caf::scheduled_actor* self) {
  self->set_default_handler(caf::scheduled_actor::default_handler{
      [](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> {
        return caf::delegated<caf::message>{};
      }});
}

} // namespace darkroom::actors
