#include "actors/preview_host.hpp"

#include "actors/spawn_blocking.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <exception>

namespace darkroom::actors {

namespace {

using preview_host_pointer = preview_host_actor::stateful_pointer<preview_host_state>;

struct preview_slot_state {
  static inline const char* name = "preview_slot";
  preview_slot_state() = default; // no aggregate: CAF would initialise the first member
};

// An exception must not end the slot: requests that wait would get no answer.
preview made_by(preview_runner& runner, const preview_job& job) {
  try {
    return runner.make_preview(job);
  } catch (const std::exception& e) {
    return preview_failed{{domain::failure_reason::internal, e.what()}};
  }
}

preview_slot_actor::behavior_type
preview_slot(preview_slot_actor::stateful_pointer<preview_slot_state> self,
             std::shared_ptr<preview_runner> runner) {
  return {[self, runner = std::move(runner)](const run_preview& message) {
    message.file.done(made_by(*runner, message.file.job));
    self->send(message.asker, preview_ended{});
  }};
}

// False when the system has no thread for the slot now.
bool ensure_preview_thread(preview_host_pointer self) {
  auto& s = self->state;
  if (!s.slot)
    s.slot = try_spawn_blocking<caf::linked>(*self, s.detached, "previews", preview_slot, s.runner);
  return s.slot != nullptr;
}

void run_next(preview_host_pointer self) {
  auto& s = self->state;
  if (s.running != 0) return;
  auto next = s.waiting.next();
  if (!next) return;
  if (!ensure_preview_thread(self))
    return next->done(no_workers{}); // the next one that comes tries again
  s.running = next->job.number = s.next_number++;
  s.running_viewer = next->job.viewer;
  self->send(s.slot, run_preview{std::move(*next), preview_host_actor{self}});
}

void add(preview_host_pointer self, const preview_file& message) {
  auto& s = self->state;
  const auto& viewer = message.job.viewer;
  if (viewer.empty()) {
    s.waiting.add_thumbnail(message);
  } else {
    if (const auto older = s.waiting.add_preview(viewer, message))
      older->done(preview_superseded{});
    if (s.running != 0 && s.running_viewer == viewer) s.runner->interrupt(s.running);
  }
  run_next(self);
}

} // namespace

preview_host_actor::behavior_type
preview_host(preview_host_pointer self, std::shared_ptr<preview_runner> runner, bool detached) {
  auto& s = self->state;
  s.runner = std::move(runner);
  s.detached = detached;
  ensure_preview_thread(self); // if not, when it is needed
  // What its host is doing ends at once, so that the slot's thread can.
  self->set_exit_handler([self](const caf::exit_msg& message) {
    auto& st = self->state;
    if (st.running != 0) st.runner->interrupt(st.running);
    while (const auto waiting = st.waiting.next())
      waiting->done(preview_failed{{domain::failure_reason::internal, "the server stops"}});
    self->quit(message.reason);
  });
  return {
      [self](const preview_file& message) { add(self, message); },
      [self](preview_ended) {
        self->state.running = 0;
        self->state.running_viewer.clear();
        run_next(self);
      },
  };
}

} // namespace darkroom::actors
