#include "actors/batch_requests.hpp"

#include "actors/limits.hpp"
#include "actors/name_planner.hpp"
#include "actors/name_reader.hpp"
#include "actors/spawn_blocking.hpp"
#include "base/overloaded.hpp"
#include "base/result.hpp"

#include <algorithm>
#include <utility>

namespace darkroom::actors {

namespace {

using domain::file_index;
using domain::file_status;

constexpr const char* journal_failure = "the journal has failed";

std::shared_ptr<const file_states> states_of(const domain::batch_state& working, file_range files) {
  auto states = std::make_shared<file_states>();
  states->first = files.first;
  if (files.first < working.files.size()) {
    const auto left = static_cast<file_index>(working.files.size()) - files.first;
    const auto begin = working.files.begin() + files.first;
    states->states.assign(begin, begin + std::min(files.count, left));
  }
  return states;
}

// The view of the state as it is now, to be shown when that is durable.
batch_view view_of(supervisor_pointer self, file_range files = {}) {
  auto& s = self->state;
  batch_view view{true, summary_of(s), static_cast<std::uint32_t>(s.in_flight.size())};
  const auto rate = s.rate.read(s.seams.now_us());
  view.files_per_s = rate.files;
  view.pixels_per_s = rate.pixels;
  view.bytes_per_s = rate.bytes;
  if (s.working.phase == domain::batch_phase::running)
    view.time_left = s.forecast.read(s.working, s.seams.now_us());
  if (s.working.phase == domain::batch_phase::running && s.working.open() != 0 &&
      s.working.count(file_status::running) == 0 && waits_for_quota(s))
    view.waiting_for = wait_reason::quota;
  if (files.count != 0) view.files = states_of(s.working, files);
  return view;
}

batch_view positioned(const batch_supervisor_state& s, batch_view view) {
  view.summary.seq = s.last_seq;
  view.summary.command_seq = s.command_seq;
  return view;
}

// `creates`: what was refused would have made the batch.
template<class Outcome>
Outcome refused(supervisor_pointer self, domain::refusal why, bool creates = false) {
  const auto phase = self->state.working.phase;
  if (phase == domain::batch_phase::deleted || (phase == domain::batch_phase::absent && !creates))
    return not_found{};
  return rejected{std::move(why), positioned(self->state, view_of(self))};
}

base::result<std::vector<domain::event>, domain::refusal>
execute_all(domain::batch_state& state, const batch_request& request) {
  if (request.more.empty()) return domain::execute(state, request.command);
  auto trial = state; // all of them or none
  auto events = domain::execute(trial, request.command);
  for (const auto& command : request.more) {
    if (!events) return events;
    auto further = domain::execute(trial, command);
    if (!further) return further;
    std::ranges::move(*further, std::back_inserter(*events));
  }
  if (events) state = std::move(trial);
  return events;
}

// Runs `then` when all that was decided up to now is durable; with false when it is in doubt.
void when_durable(supervisor_pointer self, std::function<void(bool)> then) {
  auto& s = self->state;
  if (s.journal_lost)
    then(false); // the state may be ahead of what replay will give back
  else if (s.pending.empty() && !s.unsynced)
    then(true);
  else if (!s.pending.empty() && s.pending.back().durable) // with that
    s.pending.push_back({s.pending.back().ticket, true, 0, std::move(then)});
  else
    journal_events(self, {}, true, std::move(then));
}

// A refusal reflects the state as well: it waits until that is durable.
template<class Outcome>
void refuse_when_durable(supervisor_pointer self, Outcome outcome,
                         caf::typed_response_promise<Outcome> promise) {
  when_durable(self, [self, outcome = std::move(outcome), promise](bool durable) mutable {
    if (!durable) outcome = in_doubt{journal_failure};
    promise.deliver(std::move(outcome));
    tell_when_idle(self);
  });
}

template<class Request> // batch_request, constant or not
auto* spec_change_in(Request& request) {
  auto* change = std::get_if<domain::change_spec>(&request.command);
  for (auto at = request.more.begin(); change == nullptr && at != request.more.end(); ++at)
    change = std::get_if<domain::change_spec>(&*at);
  return change;
}

// What was on its way for the spec before must not run: it would have names that are not planned.
void forget_earlier_spec(supervisor_pointer self) {
  auto& s = self->state;
  s.spec_number += 1;
  s.fetching.clear();
  s.next_index = 0;
  for (auto& [index, file] : s.in_flight)
    file.outdated = true;
  if (s.working.unplanned_from == 0) stop_planner(self); // it begins again
}

void carry_out_request(supervisor_pointer self, const batch_request& request,
                       caf::typed_response_promise<command_outcome> promise) {
  auto& s = self->state;
  const bool command_came =
      request.if_match && (s.commands_pending != 0 || s.command_seq > *request.if_match);
  const bool event_came =
      request.if_unchanged && (!s.pending.empty() || s.last_seq > *request.if_unchanged);
  if (command_came || event_came) {
    if (spec_change_in(request) != nullptr) s.names.reset(); // planned for what is refused
    auto outcome = refused<command_outcome>(self, {});
    if (auto* as_it_is = std::get_if<rejected>(&outcome))
      outcome = stale{std::move(as_it_is->view)};
    return refuse_when_durable(self, std::move(outcome), promise);
  }
  auto events = execute_all(s.working, request);
  if (!events) {
    const bool creates = std::holds_alternative<domain::create_batch>(request.command);
    if (spec_change_in(request) != nullptr) s.names.reset(); // planned for what is refused
    return refuse_when_durable(self, refused<command_outcome>(self, events.error(), creates),
                               promise);
  }
  const auto changes_spec = [](const domain::event& e) {
    return std::holds_alternative<domain::spec_changed>(e);
  };
  if (std::ranges::any_of(*events, changes_spec)) forget_earlier_spec(self);
  // A draft still gives files back, and looks for them by path.
  if (s.working.sealed && s.working.phase != domain::batch_phase::draft) s.names.reset();
  const auto* removed = std::get_if<domain::remove_file>(&request.command);
  if (removed != nullptr && s.names) s.names->remove(removed->entry);
  const bool changed = !events->empty();
  std::vector<persistence::access_record> records;
  if (request.audit) records.emplace_back(*request.audit);
  const auto view = std::make_shared<batch_view>(); // filled in below, when all is noted
  const auto act = [self, promise, request, changed, view](bool durable) mutable {
    if (!durable) {
      promise.deliver(command_outcome{in_doubt{journal_failure}});
      return;
    }
    auto after = positioned(self->state, std::move(*view));
    act_on_command(self, request.command);
    for (const auto& command : request.more)
      act_on_command(self, command);
    act_on_phase(self);
    promise.deliver(changed ? command_outcome{accepted{std::move(after)}}
                            : command_outcome{unchanged{std::move(after)}});
  };
  if (!changed && records.empty()) { // it is so already; what that reflects may not be durable yet
    *view = view_of(self);
    return when_durable(self, act);
  }
  journal_events(self, std::move(*events), true, act, std::move(records));
  *view = view_of(self);
}

// Reads the names in the batch; requests that depend on them wait meanwhile. `only_check`: the new
// names are not wanted, only whether there can be any.
void read_names(supervisor_pointer self, std::optional<domain::conversion_spec> new_spec,
                bool only_check, std::function<void(const names_loaded&)> then) {
  auto& s = self->state;
  s.reading_names = true;
  s.after_names = std::move(then);
  const load_names wish{s.id, s.working.spec, std::move(new_spec), only_check};
  // What was decided before must be there to be read.
  journal_events(self, {}, true, [self, wish](bool durable) {
    if (!durable) return on_names_loaded(self, names_unreadable{journal_failure});
    self->state.names_wish = wish;
    start_name_reader(self);
  });
}

// Why there are no names.
std::string failure_of(const names_loaded& loaded) {
  return std::visit(base::overloaded{[](const names_unreadable& failure) { return failure.why; },
                                     [](const names_collide& failure) { return failure.detail; },
                                     [](const names_read&) { return std::string{}; }},
                    loaded);
}

struct planned_addition {
  domain::add_files command;
  std::vector<persistence::access_record> records;
  files_answered answer;
};

// Why nothing can be added, or looked for; nothing when it can.
std::optional<domain::refusal> refusal_of(const batch_supervisor_state& s,
                                          const add_files_request& request) {
  if (request.only_look) {
    if (s.working.phase == domain::batch_phase::draft) return std::nullopt;
    return domain::refusal{domain::refusal_code::wrong_state, "files leave only a draft",
                           domain::allowed_commands(s.working)};
  }
  auto ok = domain::decide(s.working, domain::add_files{request.entries});
  if (!ok) return std::move(ok).error();
  const auto most =
      s.peers.usage ? s.peers.usage->limits_of(s.working.owner).files_per_batch_max : UINT64_MAX;
  if (s.working.files.size() + request.entries.size() > most)
    return domain::refusal{domain::refusal_code::too_many_files,
                           "a batch of this user has at most " + std::to_string(most) + " files",
                           domain::allowed_commands(s.working)};
  return std::nullopt;
}

// Plans the outputs of what can be added, and answers for each entry.
planned_addition plan_addition(batch_supervisor_state& s, const add_files_request& request) {
  planned_addition plan;
  auto& answers = plan.answer.files;
  auto index = static_cast<file_index>(s.working.files.size());
  for (std::size_t i = 0; i < request.entries.size(); ++i) {
    auto entry = request.entries[i];
    if (const auto there = s.names->find(entry.path)) {
      answers.emplace_back(path_taken{*there});
      continue;
    }
    if (request.only_look) {
      answers.emplace_back(path_free{});
      continue;
    }
    auto outputs = s.names->add(entry.path, index);
    if (!outputs) {
      answers.emplace_back(output_collision{outputs.error().output});
      continue;
    }
    entry.outputs = std::move(*outputs);
    plan.command.entries.push_back(std::move(entry));
    if (i < request.audit.size()) plan.records.emplace_back(request.audit[i]);
    answers.emplace_back(file_added{index++});
  }
  return plan;
}

void add_files(supervisor_pointer self, const add_files_request& request,
               caf::typed_response_promise<files_outcome> promise) {
  auto& s = self->state;
  // Whether it takes any at all, before names are planned.
  if (const auto why = refusal_of(s, request))
    return refuse_when_durable(self, refused<files_outcome>(self, *why), promise);
  if (!s.names && !s.working.files.empty()) {
    read_names(self, {}, false, [self, request, promise](const names_loaded& loaded) mutable {
      if (const auto* found = std::get_if<names_read>(&loaded)) {
        self->state.names = found->names;
        return add_files(self, request, promise);
      }
      self->state.names = nullptr;
      promise.deliver(files_outcome{in_doubt{failure_of(loaded)}});
    });
    return;
  }
  if (!s.names)
    s.names = std::make_shared<domain::file_names>(s.working.spec, extensions_of(s.working.spec));
  auto plan = plan_addition(s, request);
  if (request.only_look) { // a sealed draft is looked at as well, which takes no files
    when_durable(self, [promise, answer = std::move(plan.answer)](bool durable) mutable {
      promise.deliver(durable ? files_outcome{std::move(answer)}
                              : files_outcome{in_doubt{journal_failure}});
    });
    return;
  }
  auto events = domain::execute(s.working, plan.command);
  if (!events) {
    for (const auto& entry : plan.command.entries)
      s.names->remove(entry);
    return refuse_when_durable(self, refused<files_outcome>(self, events.error()), promise);
  }
  journal_events(
      self, std::move(*events), true,
      [self, promise, answer = std::move(plan.answer)](bool durable) mutable {
        if (durable) act_on_phase(self);
        promise.deliver(durable ? files_outcome{std::move(answer)}
                                : files_outcome{in_doubt{journal_failure}});
      },
      std::move(plan.records));
}

// Whether it can be carried out while names are read or planned.
bool needs_no_names(const domain::command& command) {
  return std::visit(base::overloaded{[](const domain::pause_batch&) { return true; },
                                     [](const domain::cancel_batch&) { return true; },
                                     [](const domain::change_priority&) { return true; },
                                     [](const domain::change_details&) { return true; },
                                     [](const domain::delete_batch&) { return true; },
                                     [](const auto&) { return false; }},
                    command);
}

bool must_wait_for_names(const batch_supervisor_state& s, const batch_request& request) {
  return s.reading_names &&
         (!needs_no_names(request.command) || !std::ranges::all_of(request.more, needs_no_names));
}

// Which names are free is not known before all files have theirs.
bool names_are_open(const batch_supervisor_state& s) {
  return s.reading_names ||
         (s.working.unplanned_upto != 0 && s.working.phase != domain::batch_phase::deleted);
}

// Goes on with what waited for names.
void take_up_held(supervisor_pointer self) {
  auto& s = self->state;
  while (!s.reading_names) {
    const bool commands = !s.held_commands.empty();
    auto& held = commands ? s.held_commands : s.held_additions;
    if (held.empty() || (!commands && names_are_open(s))) return;
    const auto next = std::move(held.front());
    held.pop_front();
    next.go_on();
  }
}

template<class Outcome>
std::function<void()> refusal_for(caf::typed_response_promise<Outcome> promise) {
  return [promise]() mutable { promise.deliver(Outcome{in_doubt{"the batch leaves the memory"}}); };
}

bool one_event_holds(const std::vector<domain::replanned_file>& files) {
  std::size_t bytes = 0;
  for (const auto& file : files)
    bytes += domain::event_bytes_of(file);
  return files.size() <= limits::files_per_event_max && bytes <= limits::event_bytes_max;
}

void plan_again_later(supervisor_pointer self) {
  if (std::exchange(self->state.planning_tick_scheduled, true)) return;
  self->delayed_send(self, std::chrono::milliseconds(limits::planning_again_ms), planning_tick{});
}

// Changes a spec that gives files other names, which have been read, and can have them.
void change_names(supervisor_pointer self, batch_request& request, const names_read& found,
                  const caf::typed_response_promise<command_outcome>& promise) {
  auto& change = *spec_change_in(request);
  const auto& w = self->state.working;
  // What an earlier change has left without names is planned for this one instead.
  change.names_follow = w.unplanned_upto != 0 || w.files.size() > limits::files_per_event_max ||
                        !one_event_holds(found.replanned);
  if (!change.names_follow) {
    change.files = found.replanned;
    self->state.names = found.names;
  }
  carry_out_request(self, request, promise);
}

} // namespace

void on_request(supervisor_pointer self, batch_request request,
                caf::typed_response_promise<command_outcome> promise) {
  auto& s = self->state;
  if (must_wait_for_names(s, request))
    return s.held_commands.push_back(
        {[self, request, promise] { on_request(self, request, promise); }, refusal_for(promise)});
  auto* change = spec_change_in(request);
  const bool renames = change != nullptr && !s.working.files.empty() &&
                       !same_output_names(s.working.spec, change->spec) &&
                       domain::decide(s.working, *change).has_value();
  if (change != nullptr) s.names.reset(); // they were planned for another spec
  if (!renames) return carry_out_request(self, request, promise);
  const bool many = s.working.files.size() > limits::files_per_event_max;
  if (many && change->spec.collision == domain::collision_policy::rename) {
    change->names_follow = true;
    return carry_out_request(self, request, promise);
  }
  read_names(
      self, change->spec, many, [self, request, promise](const names_loaded& loaded) mutable {
        std::visit(base::overloaded{[&](const names_read& found) {
                                      change_names(self, request, found, promise);
                                    },
                                    [&](const names_collide& collision) {
                                      const domain::refusal why{
                                          domain::refusal_code::invalid_spec, collision.detail, {}};
                                      refuse_when_durable(self, refused<command_outcome>(self, why),
                                                          promise);
                                    },
                                    [&](const names_unreadable& failure) {
                                      promise.deliver(command_outcome{in_doubt{failure.why}});
                                    }},
                   loaded);
      });
}

void on_add_files(supervisor_pointer self, const add_files_request& request,
                  caf::typed_response_promise<files_outcome> promise) {
  auto& s = self->state;
  if (names_are_open(s))
    s.held_additions.push_back(
        {[self, request, promise] { on_add_files(self, request, promise); }, refusal_for(promise)});
  else
    add_files(self, request, promise);
}

void on_names_loaded(supervisor_pointer self, const names_loaded& loaded) {
  auto& s = self->state;
  s.reading_names = false;
  s.name_reader = nullptr;
  std::exchange(s.after_names, nullptr)(loaded);
  take_up_held(self);
  tell_when_idle(self);
}

void start_name_reader(supervisor_pointer self) {
  auto& s = self->state;
  if (!s.names_wish) return;
  auto place = s.peers.naming_threads->readers.take();
  if (!place) {
    self->delayed_send(self, std::chrono::milliseconds(limits::reading_names_again_ms),
                       naming_tick{});
    return;
  }
  const auto wish = *std::exchange(s.names_wish, std::nullopt);
  const auto reader = try_spawn_blocking<caf::monitored>(
      *self, s.peers.detached_readers, "name reader", name_reader, s.peers.views, std::move(place));
  if (!reader) { // a message: what is held would fail the same way, one within the other
    self->send(self, names_loaded{names_unreadable{"no thread was free to read the names"}});
    return;
  }
  s.name_reader = reader.address();
  self->send(reader, wish);
}

void on_name_reader_down(supervisor_pointer self, const caf::error& reason) {
  if (reason) on_names_loaded(self, names_unreadable{"the names could not be read"});
}

void plan_missing_names(supervisor_pointer self) {
  auto& s = self->state;
  const auto& w = s.working;
  if (w.phase == domain::batch_phase::deleted) stop_planner(self);
  if (w.unplanned_upto == 0 || w.phase == domain::batch_phase::deleted) return take_up_held(self);
  if (s.planner || s.ending) return;
  if (auto place = s.peers.naming_threads->planners.take())
    s.planner = try_spawn_blocking<caf::monitored>(*self, s.peers.detached_readers, "name planner",
                                                   name_planner, batch_supervisor_actor{self},
                                                   s.peers.views, std::move(place));
  if (!s.planner) return plan_again_later(self);
  self->send(s.planner, plan_names{s.id, w.spec, w.unplanned_from, w.unplanned_upto});
}

void stop_planner(supervisor_pointer self) {
  if (auto planner = std::exchange(self->state.planner, nullptr))
    self->send(planner, stop_planning{});
}

void on_names_planned(supervisor_pointer self, names_planned& message) {
  auto& s = self->state;
  if (!s.planner || self->current_sender() != s.planner) return; // of the spec before
  if (!message.error.empty()) return;                            // its end follows
  const auto go_on = [self, planner = s.planner](bool written) {
    if (written && self->state.planner == planner) self->send(planner, plan_more{});
  };
  if (!carry_out(self, std::move(message.part), false,
                 message.last ? nullptr : std::function(go_on)))
    stop_planner(self);
  else if (message.last)
    s.planner = nullptr;
  fill(self);
  take_up_held(self);
  tell_when_idle(self);
}

void refuse_held(supervisor_pointer self) {
  auto& s = self->state;
  for (auto* held : {&s.held_commands, &s.held_additions})
    for (const auto& request : std::exchange(*held, {}))
      request.refuse();
}

void on_planner_down(supervisor_pointer self, const caf::actor_addr& who) {
  auto& s = self->state;
  if (!s.planner || s.planner.address() != who) return;
  s.planner = nullptr;
  plan_again_later(self);
}

caf::result<batch_view> describe(supervisor_pointer self, file_range files) {
  auto promise = self->make_response_promise<batch_view>();
  auto answer = [self, promise, view = view_of(self, files)](bool durable) mutable {
    promise.deliver(durable ? positioned(self->state, std::move(view)) : batch_view{});
  };
  when_durable(self, answer);
  return promise;
}

} // namespace darkroom::actors
