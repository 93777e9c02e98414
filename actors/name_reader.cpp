#include "actors/name_reader.hpp"

#include "codecs/format.hpp"
#include "persistence/read_view.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <exception>

namespace darkroom::actors {

namespace {

names_loaded read_all(const persistence::read_view& view, const load_names& wish) {
  std::vector<domain::replanned_file> replanned;
  std::optional<names_collide> collision;
  const auto& spec = wish.new_spec ? *wish.new_spec : wish.spec;
  auto names = std::make_shared<domain::file_names>(spec, extensions_of(spec));
  // What keeps its names takes them first.
  auto ok = view.each_file(wish.batch, 0, [&](persistence::file_record&& file) {
    if (wish.new_spec && !has_completed(file)) file.entry.outputs.clear();
    names->take(file.entry, file.index);
    return true;
  });
  if (ok && wish.new_spec)
    ok = view.each_file(wish.batch, 0, [&](persistence::file_record&& file) {
      if (has_completed(file)) return true;
      auto outputs = names->replan(file.entry.path);
      if (!outputs) {
        collision = {outputs.error().path + " and another file both become " +
                     outputs.error().output + "; choose the collision rename"};
        return false;
      }
      if (!wish.only_check) replanned.push_back({file.index, std::move(*outputs)});
      return true;
    });
  if (!ok) return names_unreadable{ok.error().detail};
  if (collision) return std::move(*collision);
  return names_read{std::move(names), std::move(replanned)};
}

names_loaded try_read(const std::shared_ptr<view_slot>& views, const load_names& wish) {
  try { // a batch whose names do not fit in memory must not leave requests waiting for them
    const auto view = views ? views->get() : nullptr;
    if (!view) return names_unreadable{"the journal cannot be read"};
    return read_all(*view, wish);
  } catch (const std::exception& e) {
    return names_unreadable{std::string{"the names cannot be read: "} + e.what()};
  }
}

} // namespace

bool has_completed(const persistence::file_record& file) {
  return std::holds_alternative<domain::file_completed>(file.result);
}

std::vector<std::string> extensions_of(const domain::conversion_spec& spec) {
  std::vector<std::string> extensions;
  for (const auto& output : spec.outputs) {
    const auto* format = codecs::find_format(output.format);
    extensions.emplace_back(format == nullptr ? std::string_view{output.format}
                                              : format->extension);
  }
  return extensions;
}

bool same_output_names(const domain::conversion_spec& a, const domain::conversion_spec& b) {
  return std::ranges::equal(a.outputs, b.outputs, [](const auto& x, const auto& y) {
    return x.format == y.format && x.suffix == y.suffix;
  });
}

name_reader_actor::behavior_type
name_reader(name_reader_actor::stateful_pointer<name_reader_state> self,
            std::shared_ptr<view_slot> views, thread_budget::place place) {
  self->state.place = std::move(place);
  return {[self, views](const load_names& wish) {
    self->send(caf::actor_cast<batch_supervisor_actor>(self->current_sender()),
               try_read(views, wish));
    self->quit();
  }};
}

} // namespace darkroom::actors
