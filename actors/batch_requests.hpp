// What people ask of a batch, as its supervisor carries it out: commands, files to add, how it is.
// Part of BATCH SUPERVISOR; runs in its actor only.
#pragma once

#include "actors/batch_supervisor.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace darkroom::actors {

using supervisor_pointer = batch_supervisor_actor::stateful_pointer<batch_supervisor_state>;

void on_request(supervisor_pointer self, batch_request request,
                caf::typed_response_promise<command_outcome> promise);
void on_add_files(supervisor_pointer self, const add_files_request& request,
                  caf::typed_response_promise<files_outcome> promise);
void on_names_loaded(supervisor_pointer self, const names_loaded& loaded);
void on_names_planned(supervisor_pointer self, names_planned& message);
caf::result<batch_view> describe(supervisor_pointer self, file_range files);

// Begins to plan the names that are missing since the spec has changed, unless that goes on.
void plan_missing_names(supervisor_pointer self);
void stop_planner(supervisor_pointer self);
// Answers what waits for names: it is not carried out by this actor any more.
void refuse_held(supervisor_pointer self);
// Begins to read the names that are wished for, when a thread is left for that.
void start_name_reader(supervisor_pointer self);
// NAME READER has ended before its answer was there.
void on_name_reader_down(supervisor_pointer self, const caf::error& reason);
// NAME PLANNER has ended without its last part, if it is that: it begins again after a while.
void on_planner_down(supervisor_pointer self, const caf::actor_addr& who);

// --- What the supervisor does for them ----------------------------------------------------------

persistence::batch_summary summary_of(const batch_supervisor_state& s);

// Journals what was decided and applied; `then` runs when it is durable (or, with `durable` false,
// written), or with false when it is in doubt.
void journal_events(supervisor_pointer self, std::vector<domain::event> events, bool durable,
                    std::function<void(bool)> then,
                    std::vector<persistence::access_record> records = {});

// Decides a command of the machinery, and journals it. False: it is late news about something that
// has changed meanwhile, and changes nothing.
bool carry_out(supervisor_pointer self, const domain::command& command, bool durable = true,
               std::function<void(bool)> then = nullptr);

// Keeps the window full.
void fill(supervisor_pointer self);

// Whether the owner's conversions wait for the next day.
bool waits_for_quota(const batch_supervisor_state& s);

// What follows outside from a command, and from the batch's new phase.
void act_on_command(supervisor_pointer self, const domain::command& command);
void act_on_phase(supervisor_pointer self);

// A batch with nothing to do and nothing on its way may leave the memory.
void tell_when_idle(supervisor_pointer self);

} // namespace darkroom::actors
