// CAF's network protocol over Unix sockets: CAF itself only knows TCP ports, which everybody could
// reach. What joins two such sockets across machines is the link.
#pragma once

#include "actors/cluster/wire.hpp"
#include "base/result.hpp"

#include <caf/actor_system.hpp>
#include <string>

namespace darkroom::actors {

// Heartbeats and all else that an actor system needs that has a door. Before the system is made.
void configure_door(caf::actor_system_config& config);

// Lets whoever can connect to this path speak to `whom`. The folder of the path must be private.
base::result<void, std::string> open_door(caf::actor_system& system, const std::string& path,
                                          const cluster_actor& whom);

// The actor at the other end of a connected socket, which is taken over. Blocks for at most
// `link_handshake_ms`.
base::result<cluster_actor, std::string> knock(caf::actor_system& system, int socket);

} // namespace darkroom::actors
