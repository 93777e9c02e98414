// Messages about leases and nodes that name nobody; who sends them to whom is in `interfaces.hpp`.
#pragma once

#include "base/enum_names.hpp"
#include "domain/ids.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace darkroom::actors {

struct lease_ended {
  domain::lease_id lease = 0;
};
struct hold_leases {
  std::uint32_t ms = 0;
};
struct lease_tick {};
struct describe_queue {};
struct queue_view {
  // Files ahead of the first one that waits, by batch.
  std::vector<std::pair<domain::batch_id, std::uint32_t>> ahead;
};
enum class node_steering : std::uint8_t { cordon, uncordon, drain };

} // namespace darkroom::actors

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
