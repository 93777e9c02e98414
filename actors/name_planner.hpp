// NAME PLANNER: plans the names of a batch's files after its spec has changed, a part at a time, so
// that no event and no message grows with the batch. What keeps its names takes them first.
#pragma once

#include "actors/interfaces.hpp"
#include "actors/thread_budget.hpp"
#include "actors/view_slot.hpp"

namespace darkroom::actors {

struct name_planner_state {
  static inline const char* name = "name_planner";
  name_planner_state() =
      default;                // no aggregate: CAF would initialise the first member with the actor
  thread_budget::place place; // may be null
  batch_supervisor_actor supervisor;
  plan_names order;                            // from here on
  std::optional<domain::output_planner> names; // once those that are kept are taken
};

// Blocks: spawn with `try_spawn_blocking`. It plans on for `supervisor` until the last part, until
// it is told to stop, or until the supervisor has ended.
name_planner_actor::behavior_type
name_planner(name_planner_actor::stateful_pointer<name_planner_state> self,
             batch_supervisor_actor supervisor, std::shared_ptr<view_slot> views,
             thread_budget::place place);

} // namespace darkroom::actors
