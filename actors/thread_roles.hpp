// How many threads actors share, and what their threads are called.
#pragma once

#include <caf/actor_system_config.hpp>

#include <cstddef>

namespace darkroom::actors {

// Threads for the actors that do not block, by the processors that there are. Codec hosts do the
// work of a file: one thread takes the messages of at least four slots.
constexpr std::size_t scheduler_threads(std::size_t cores) {
  return cores / 4 < 2 ? 2 : cores / 4;
}

// Sets that number, and has CAF's own threads named by their role. `cores`: 0: all of this machine.
void configure_threads(caf::actor_system_config& config, std::size_t cores);

} // namespace darkroom::actors
