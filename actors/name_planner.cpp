#include "actors/name_planner.hpp"

#include "actors/name_reader.hpp"
#include "domain/limits.hpp"
#include "persistence/read_view.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace darkroom::actors {

namespace {

using planner_pointer = name_planner_actor::stateful_pointer<name_planner_state>;

bool needs_names(const plan_names& order, const persistence::file_record& file) {
  return file.index >= order.from && file.index < order.upto && !has_completed(file);
}

persistence::journal_result<void> take_names(const persistence::read_view& view,
                                             const plan_names& order,
                                             domain::output_planner& names) {
  return view.each_file(order.batch, 0, [&](persistence::file_record&& file) {
    if (needs_names(order, file)) return true;
    for (const auto& output : file.entry.outputs)
      names.reserve(output);
    return true;
  });
}

// The next part, within the limits of one event.
persistence::journal_result<domain::replan_files> plan_part(const persistence::read_view& view,
                                                            const plan_names& order,
                                                            domain::output_planner& names) {
  domain::replan_files part{order.from, order.upto, {}};
  std::size_t bytes = 0;
  const auto ok = view.each_file(order.batch, order.from, [&](persistence::file_record&& file) {
    if (file.index >= order.upto) return false;
    if (!needs_names(order, file)) return true;
    // When all numbers for a name are taken it has none, and fails when it is to run.
    auto outputs = names.plan(file.entry.path);
    domain::replanned_file next{file.index,
                                std::move(outputs).value_or(std::vector<std::string>{})};
    bytes += domain::event_bytes_of(next);
    if (part.files.size() == limits::files_per_event_max ||
        (bytes > limits::event_bytes_max && !part.files.empty())) {
      for (const auto& output : next.outputs)
        names.release(output); // it is planned again, for the next part
      part.next = file.index;
      return false;
    }
    part.files.push_back(std::move(next));
    return true;
  });
  if (!ok) return std::unexpected(ok.error());
  return part;
}

void plan_next(planner_pointer self, const std::shared_ptr<view_slot>& views) {
  auto& s = self->state;
  const auto view = views ? views->get() : nullptr;
  const auto fail = [&](const std::string& why) {
    self->send(s.supervisor, names_planned{{}, false, why});
    self->quit();
  };
  if (!view) return fail("the journal cannot be read");
  if (!s.names) {
    s.names.emplace(s.order.spec, extensions_of(s.order.spec));
    if (auto ok = take_names(*view, s.order, *s.names); !ok) return fail(ok.error().detail);
  }
  auto part = plan_part(*view, s.order, *s.names);
  if (!part) return fail(part.error().detail);
  s.order.from = part->next;
  const bool last = s.order.from == s.order.upto;
  self->send(s.supervisor, names_planned{std::move(*part), last, {}});
  if (last) self->quit();
}

} // namespace

name_planner_actor::behavior_type name_planner(planner_pointer self,
                                               batch_supervisor_actor supervisor,
                                               std::shared_ptr<view_slot> views,
                                               thread_budget::place place) {
  self->state.place = std::move(place);
  self->state.supervisor = std::move(supervisor);
  self->set_down_handler([self](const caf::down_msg&) { self->quit(); });
  self->monitor(self->state.supervisor);
  return {[self, views](const plan_names& order) {
            self->state.order = order;
            // Whether two files may want one name was checked before the spec changed.
            self->state.order.spec.collision = domain::collision_policy::rename;
            plan_next(self, views);
          },
          [self, views](plan_more) { plan_next(self, views); },
          [self](stop_planning) { self->quit(); }};
}

} // namespace darkroom::actors
