// The one way to spawn an actor that blocks on a disk or on a codec host: it gets a thread of its
// own, named by its role. Every other actor shares the scheduler's few threads, where a handler
// that blocks would stop all of them.
#pragma once

#include "base/thread_name.hpp"

#include <caf/spawn_options.hpp>

#include <string>
#include <utility>

namespace darkroom::actors {

// `from`: an actor system, or the actor that spawns. `own_thread`: false only in deterministic
// tests, whose scheduler must run every actor itself. `role`: at most 15 bytes are shown.
template<caf::spawn_options Options = caf::no_spawn_options, class From, class Behavior, class Self,
         class... Parameters, class... Args>
auto spawn_blocking(From& from, bool own_thread, std::string role,
                    Behavior (*run)(Self, Parameters...), Args&&... args) {
  // CAF calls this in the actor's own thread.
  const auto named = [role = std::move(role), run](Self self, Parameters... parameters) {
    base::name_thread(role);
    return run(self, std::forward<Parameters>(parameters)...);
  };
  return own_thread
             ? from.template spawn<Options + caf::detached>(named, std::forward<Args>(args)...)
             : from.template spawn<Options>(run, std::forward<Args>(args)...);
}

} // namespace darkroom::actors
