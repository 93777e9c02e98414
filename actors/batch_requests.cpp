#include "actors/batch_requests.hpp"

#include "actors/name_reader.hpp"
#include "base/result.hpp"

#include <algorithm>
#include <utility>

namespace darkroom::actors {

namespace {

using domain::file_index;
using domain::file_status;

// The view of the state as it is now, to be shown when that is durable.
batch_view view_of(supervisor_pointer self, bool with_files) {
  auto& s = self->state;
  batch_view view{true, summary_of(s), static_cast<std::uint32_t>(s.in_flight.size())};
  const auto rate = s.rate.read(s.seams.now_us());
  view.files_per_s = rate.files;
  view.pixels_per_s = rate.pixels;
  view.bytes_per_s = rate.bytes;
  if (with_files) view.files = std::make_shared<const std::vector<file_status>>(s.working.files);
  return view;
}

batch_view positioned(const batch_supervisor_state& s, batch_view view) {
  view.summary.seq = s.last_seq;
  view.summary.command_seq = s.command_seq;
  return view;
}

command_outcome refused(supervisor_pointer self, domain::refusal why) {
  command_outcome outcome;
  outcome.refusal = std::move(why);
  outcome.phase = self->state.working.phase;
  outcome.unknown =
      outcome.phase == domain::batch_phase::absent || outcome.phase == domain::batch_phase::deleted;
  outcome.view = positioned(self->state, view_of(self, false));
  return outcome;
}

command_outcome unreadable(const std::string& why) {
  command_outcome outcome;
  outcome.in_doubt = true;
  outcome.refusal.detail = why;
  return outcome;
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
void refuse_when_durable(supervisor_pointer self, command_outcome outcome,
                         caf::typed_response_promise<command_outcome> promise) {
  when_durable(self, [self, outcome = std::move(outcome), promise](bool durable) mutable {
    if (!durable) outcome = unreadable("the journal has failed");
    promise.deliver(std::move(outcome));
    tell_when_idle(self);
  });
}

void carry_out_request(supervisor_pointer self, const batch_request& request,
                       caf::typed_response_promise<command_outcome> promise) {
  auto& s = self->state;
  if (request.if_match && (s.commands_pending != 0 || s.command_seq > *request.if_match)) {
    command_outcome outcome = refused(self, {});
    outcome.precondition_failed = true;
    return refuse_when_durable(self, std::move(outcome), promise);
  }
  auto events = execute_all(s.working, request);
  if (!events) return refuse_when_durable(self, refused(self, events.error()), promise);
  if (s.working.sealed) s.names.reset();
  const auto* removed = std::get_if<domain::remove_file>(&request.command);
  if (removed != nullptr && s.names) s.names->remove(removed->entry);
  const bool changed = !events->empty();
  std::vector<persistence::access_record> records;
  if (request.audit) records.emplace_back(*request.audit);
  const auto view = std::make_shared<batch_view>(); // filled in below, when all is noted
  const auto act = [self, promise, request, changed, view](bool durable) mutable {
    command_outcome outcome;
    outcome.ok = durable;
    outcome.in_doubt = !durable;
    outcome.changed = changed;
    outcome.phase = self->state.working.phase;
    outcome.view = positioned(self->state, std::move(*view));
    if (durable) {
      act_on_command(self, request.command);
      for (const auto& command : request.more)
        act_on_command(self, command);
      act_on_phase(self);
    }
    promise.deliver(std::move(outcome));
  };
  // It may be so already; but what that reflects may not be durable yet: an empty append waits for
  // it.
  journal_events(self, std::move(*events), true, act, std::move(records));
  *view = view_of(self, false);
}

// Reads the names in the batch; requests that come meanwhile wait.
void read_names(supervisor_pointer self, std::optional<domain::conversion_spec> new_spec,
                std::function<void(const names_loaded&)> then) {
  auto& s = self->state;
  s.reading_names = true;
  s.after_names = std::move(then);
  const load_names wish{s.id, s.working.spec, std::move(new_spec)};
  // What was decided before must be there to be read.
  journal_events(self, {}, true, [self, wish](bool durable) {
    if (!durable) return on_names_loaded(self, names_loaded{.error = "the journal has failed"});
    const auto& views = self->state.peers.views;
    const auto reader = self->state.peers.detached_readers
                            ? self->spawn<caf::detached>(name_reader, views)
                            : self->spawn(name_reader, views);
    self->send(reader, wish);
  });
}

domain::change_spec* spec_change_in(batch_request& request) {
  if (auto* change = std::get_if<domain::change_spec>(&request.command)) return change;
  for (auto& command : request.more)
    if (auto* change = std::get_if<domain::change_spec>(&command)) return change;
  return nullptr;
}

// Plans and adds what can be added; each entry is answered for.
void add_files(supervisor_pointer self, const add_files_request& request,
               caf::typed_response_promise<files_outcome> promise) {
  auto& s = self->state;
  const auto refuse = [&](command_outcome why) {
    when_durable(self, [self, why = std::move(why), promise](bool durable) mutable {
      if (!durable) why = unreadable("the journal has failed");
      promise.deliver(files_outcome{std::move(why), {}});
      tell_when_idle(self);
    });
  };
  // Whether it takes any at all, before names are planned.
  if (auto ok = domain::decide(s.working, domain::add_files{request.entries}); !ok)
    return refuse(refused(self, ok.error()));
  if (!s.names && !s.working.files.empty()) {
    read_names(self, {}, [self, request, promise](const names_loaded& loaded) mutable {
      self->state.names = loaded.names;
      if (loaded.names)
        add_files(self, request, promise);
      else
        promise.deliver(files_outcome{unreadable(loaded.error), {}});
    });
    return;
  }
  if (!s.names)
    s.names = std::make_shared<domain::file_names>(s.working.spec, extensions_of(s.working.spec));
  files_outcome outcome;
  domain::add_files add;
  std::vector<persistence::access_record> records;
  auto index = static_cast<file_index>(s.working.files.size());
  for (std::size_t i = 0; i < request.entries.size(); ++i) {
    auto entry = request.entries[i];
    if (const auto there = s.names->find(entry.path)) {
      outcome.files.push_back({file_addition::kind::path_taken, *there, {}});
      continue;
    }
    if (request.only_look) {
      outcome.files.push_back({});
      continue;
    }
    auto outputs = s.names->add(entry.path, index);
    if (!outputs) {
      outcome.files.push_back({file_addition::kind::output_collision, 0, outputs.error().output});
      continue;
    }
    entry.outputs = std::move(*outputs);
    add.entries.push_back(std::move(entry));
    if (i < request.audit.size()) records.emplace_back(request.audit[i]);
    outcome.files.push_back({file_addition::kind::added, index++, {}});
  }
  auto events = domain::execute(s.working, add);
  if (!events) return refuse(refused(self, events.error()));
  const bool changed = !events->empty();
  const auto view = std::make_shared<batch_view>();
  journal_events(
      self, std::move(*events), true,
      [self, promise, outcome, changed, view](bool durable) mutable {
        outcome.command.ok = durable;
        outcome.command.in_doubt = !durable;
        outcome.command.changed = changed;
        outcome.command.phase = self->state.working.phase;
        outcome.command.view = positioned(self->state, std::move(*view));
        if (durable) act_on_phase(self);
        promise.deliver(std::move(outcome));
      },
      std::move(records));
  *view = view_of(self, false);
}

} // namespace

void on_request(supervisor_pointer self, batch_request request,
                caf::typed_response_promise<command_outcome> promise) {
  auto& s = self->state;
  if (s.reading_names) {
    s.held_requests.emplace_back([self, request, promise] { on_request(self, request, promise); });
    return;
  }
  const auto* change = spec_change_in(request);
  const bool renames = change != nullptr && !s.working.files.empty() &&
                       !same_output_names(s.working.spec, change->spec) &&
                       domain::decide(s.working, *change).has_value();
  if (!renames) {
    if (change != nullptr) s.names.reset(); // they were planned for another spec
    return carry_out_request(self, request, promise);
  }
  read_names(self, change->spec, [self, request, promise](const names_loaded& loaded) mutable {
    if (loaded.collision) {
      domain::refusal why;
      why.code = domain::refusal_code::invalid_spec;
      why.detail = loaded.error;
      refuse_when_durable(self, refused(self, std::move(why)), promise);
    } else if (!loaded.names) {
      promise.deliver(unreadable(loaded.error));
    } else {
      spec_change_in(request)->files = loaded.replanned;
      self->state.names = loaded.names;
      carry_out_request(self, request, promise);
    }
  });
}

void on_add_files(supervisor_pointer self, const add_files_request& request,
                  caf::typed_response_promise<files_outcome> promise) {
  auto& s = self->state;
  if (s.reading_names)
    s.held_requests.emplace_back(
        [self, request, promise] { on_add_files(self, request, promise); });
  else
    add_files(self, request, promise);
}

void on_names_loaded(supervisor_pointer self, const names_loaded& loaded) {
  auto& s = self->state;
  s.reading_names = false;
  std::exchange(s.after_names, nullptr)(loaded);
  while (!s.reading_names && !s.held_requests.empty()) {
    const auto next = std::move(s.held_requests.front());
    s.held_requests.pop_front();
    next();
  }
  tell_when_idle(self);
}

caf::result<batch_view> describe(supervisor_pointer self, bool with_files) {
  auto promise = self->make_response_promise<batch_view>();
  auto answer = [self, promise, view = view_of(self, with_files)](bool durable) mutable {
    promise.deliver(durable ? positioned(self->state, std::move(view)) : batch_view{});
  };
  when_durable(self, answer);
  return promise;
}

} // namespace darkroom::actors
