// Messages about leases and nodes that name nobody; who sends them to whom is in `interfaces.hpp`.
#pragma once

#include "base/enum_names.hpp"
#include "domain/ids.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace darkroom::actors {

struct lease_ended {
  domain::lease_id lease = 0;
  std::optional<std::uint64_t> cpu_us = {}; // that the file took; nothing: not measured
  bool ran = true;                          // false: no machine has begun with the file
};
struct hold_leases {
  std::uint32_t ms = 0;
  bool no_room = false; // on the disk
};
// What the server leaves of its memory budget to the leases on its own machine.
struct resize_local_node {
  std::uint64_t memory_bytes = 0;
};
// What the server's threads that work for files have used of the processors since the last time.
struct server_used {
  std::uint64_t cpu_us = 0;
};
struct lease_tick {
  std::uint64_t due_ms = 0;
};
struct store_verdict {};
struct describe_queue {};

// What the files of a batch wait for.
enum class wait_reason : std::uint8_t {
  workers, // no machine takes files
  disk,    // there is no room for outputs
  memory,  // too little is free for what its next file needs
  turn,    // files of others run
  quota,   // what its owner may convert in a day is used up
};

// Of a batch with files that wait.
struct queue_place {
  domain::batch_id batch;
  std::uint32_t ahead = 0; // files that will be started before its next one
  wait_reason reason = wait_reason::turn;
  bool operator==(const queue_place&) const = default;
};
struct queue_view {
  std::vector<queue_place> places;
};
// What the next file of some batches waits for. Batches without a file that waits are left out.
struct describe_waits {
  std::vector<domain::batch_id> batches;
};
struct batch_waits {
  std::map<domain::batch_id, wait_reason> reasons;
};
enum class node_steering : std::uint8_t { cordon, uncordon, drain };

} // namespace darkroom::actors

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::actors::wait_reason> =
    names("workers", "disk", "memory", "turn", "quota");
template<>
inline constexpr auto darkroom::base::enum_names<darkroom::actors::node_steering> =
    names("cordon", "uncordon", "drain");

namespace darkroom::actors {

struct steer_node {
  std::string name;
  node_steering how = node_steering::cordon;
};
struct node_steered {
  bool known = false;
};
struct recall_lease {
  domain::lease_id lease = 0;
};

} // namespace darkroom::actors
