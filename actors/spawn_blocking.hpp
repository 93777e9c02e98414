// The one way to spawn an actor that blocks on a disk or on a codec host: it gets a thread of its
// own. Every other actor shares the scheduler's two threads, where a handler that blocks would
// stop all of them.
#pragma once

#include <caf/spawn_options.hpp>

#include <utility>

namespace darkroom::actors {

// `from`: an actor system, or the actor that spawns. `own_thread`: false only in deterministic
// tests, whose scheduler must run every actor itself.
template<caf::spawn_options Options = caf::no_spawn_options, class From, class... Args>
auto spawn_blocking(From& from, bool own_thread, Args&&... args) {
  return own_thread ? from.template spawn<Options + caf::detached>(std::forward<Args>(args)...)
                    : from.template spawn<Options>(std::forward<Args>(args)...);
}

} // namespace darkroom::actors
