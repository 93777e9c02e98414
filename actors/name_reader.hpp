// NAME READER: reads which names a batch has, for a supervisor that came back from the journal or
// whose spec changes; plans anew what the new spec names otherwise.
#pragma once

#include "actors/interfaces.hpp"
#include "actors/thread_budget.hpp"
#include "actors/view_slot.hpp"

namespace darkroom::actors {

struct name_reader_state {
  static inline const char* name = "name_reader";
  name_reader_state() =
      default;                // no aggregate: CAF would initialise the first member with the actor
  thread_budget::place place; // may be null
};

// Blocks: spawn with `try_spawn_blocking`.
name_reader_actor::behavior_type
name_reader(name_reader_actor::stateful_pointer<name_reader_state> self,
            std::shared_ptr<view_slot> views, thread_budget::place place);

bool has_completed(const persistence::file_record& file);

// The file extension of each output of the spec; its formats must be known.
std::vector<std::string> extensions_of(const domain::conversion_spec& spec);

// Whether files have the same output names under both.
bool same_output_names(const domain::conversion_spec& a, const domain::conversion_spec& b);

} // namespace darkroom::actors
