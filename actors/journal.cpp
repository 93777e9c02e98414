#include "actors/journal.hpp"

#include "config/limits.hpp"
#include "persistence/read_view.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace darkroom::actors {

namespace {

using self_pointer = journal_actor::stateful_pointer<journal_state>;

template<class Message>
void tell_asker(self_pointer self, const caf::strong_actor_ptr& asker, Message message) {
  if (asker) self->send(caf::actor_cast<batch_supervisor_actor>(asker), std::move(message));
}

void publish(self_pointer self) {
  auto& unsynced = self->state.unsynced;
  if (unsynced.empty()) return;
  self->send(self->state.hub,
             publish_events{std::make_shared<const std::vector<persistence::journaled_event>>(
                 std::move(unsynced))});
  unsynced.clear();
}

// Nothing more is written to this store: everybody who waits is told, and the supervisors are
// rebuilt from what is on disk when it can be opened again.
void give_up(self_pointer self, const persistence::journal_error& error,
             std::vector<journal_state::waiting_append>& group) {
  auto& s = self->state;
  s.store.reset();
  s.unsynced.clear();
  for (const auto& waiting : group)
    tell_asker(self, waiting.asker, append_failed{waiting.message.ticket});
  for (const auto& waiting : s.gathered)
    tell_asker(self, waiting.asker, append_failed{waiting.message.ticket});
  s.gathered.clear();
  if (auto coordinator = caf::actor_cast<caf::strong_actor_ptr>(s.coordinator))
    self->send(caf::actor_cast<coordinator_actor>(coordinator), journal_failed{error});
}

void write(self_pointer self) {
  auto& s = self->state;
  std::vector<journal_state::waiting_append> group;
  std::vector<persistence::append_request> requests;
  std::size_t events = 0;
  bool durable = false;
  while (!s.gathered.empty() && events < limits::journal_group_events_max) {
    auto& next = s.gathered.front();
    events += next.message.request.events.size();
    durable |= next.message.durable;
    requests.push_back(std::move(next.message.request));
    group.push_back(std::move(next));
    s.gathered.pop_front();
  }
  if (group.empty()) return;
  auto written = s.store->append(requests, durable);
  if (!written) return give_up(self, written.error(), group);
  for (auto& e : *written)
    s.unsynced.push_back(std::move(e));
  if (durable) publish(self);
  const auto last = s.store->last_seq();
  for (const auto& waiting : group)
    tell_asker(self, waiting.asker, events_appended{waiting.message.ticket, last});
  if (!durable && !s.sync_scheduled) {
    s.sync_scheduled = true;
    self->delayed_send(self, std::chrono::milliseconds(limits::unsynced_tail_ms), sync_tail{});
  }
}

void schedule_write(self_pointer self) {
  auto& s = self->state;
  if (s.write_scheduled || s.gathered.empty()) return;
  s.write_scheduled = true;
  self->send(self, write_group{});
}

batches_loaded load(const persistence::journal_store& store) {
  batches_loaded loaded;
  const auto view = store.view();
  const auto fail = [&](const persistence::journal_error& error) {
    return batches_loaded{{}, {}, error.detail};
  };
  const auto live = view->live_batches();
  if (!live) return fail(live.error());
  const auto summaries = view->batches();
  if (!summaries) return fail(summaries.error());
  for (const auto& id : *live) {
    auto state = view->replay(id);
    if (!state) return fail(state.error());
    loaded.batches.emplace_back(id,
                                std::make_shared<persistence::positioned_state>(std::move(*state)));
    const auto summary = std::ranges::find(*summaries, id, &persistence::batch_summary::id);
    loaded.summaries.push_back(summary == summaries->end() ? persistence::batch_summary{}
                                                           : *summary);
  }
  return loaded;
}

} // namespace

journal_actor::behavior_type
journal(self_pointer self, std::shared_ptr<std::unique_ptr<persistence::journal_store>> store,
        store_opener open, event_hub_actor hub) {
  auto& s = self->state;
  s.store = std::move(*store);
  s.open = std::move(open);
  s.hub = std::move(hub);
  self->send(s.hub, cut_subscribers{s.store->last_seq()});
  return {
      [self](append_events& message) {
        auto& state = self->state;
        if (!state.store) {
          tell_asker(self, self->current_sender(), append_failed{message.ticket});
          return;
        }
        state.gathered.push_back({std::move(message), self->current_sender()});
        schedule_write(self);
      },
      [self](const fetch_files& message) {
        auto& state = self->state;
        if (!state.store) return; // the asker is about to be rebuilt
        auto files = state.store->view()->files(message.batch, message.indexes);
        if (files) {
          tell_asker(self, self->current_sender(),
                     files_fetched{std::move(*files), message.to_sweep});
        } else {
          std::vector<journal_state::waiting_append> none;
          give_up(self, files.error(), none);
        }
      },
      [self](load_batches) -> caf::result<batches_loaded> {
        auto& state = self->state;
        if (auto asker = self->current_sender())
          state.coordinator = caf::actor_cast<caf::actor_addr>(asker);
        if (!state.store) return batches_loaded{{}, {}, "the journal is not open"};
        return load(*state.store);
      },
      [self](open_journal) -> caf::result<journal_opened> {
        auto& state = self->state;
        state.store.reset(); // the lock goes first
        auto opened = state.open();
        if (!opened) return journal_opened{opened.error().detail};
        state.store = std::move(*opened);
        // What was in doubt may be there after all, and was never published.
        self->send(state.hub, cut_subscribers{state.store->last_seq()});
        return journal_opened{};
      },
      [self](give_view) -> caf::result<view_given> {
        const auto& state = self->state;
        return view_given{state.store ? state.store->view() : nullptr};
      },
      [self](write_group) {
        auto& state = self->state;
        state.write_scheduled = false;
        if (state.store) write(self);
        schedule_write(self);
      },
      [self](sync_tail) {
        auto& state = self->state;
        state.sync_scheduled = false;
        if (!state.store || state.unsynced.empty()) return;
        if (auto ok = state.store->sync()) {
          publish(self);
        } else {
          std::vector<journal_state::waiting_append> none;
          give_up(self, ok.error(), none);
        }
      },
  };
}

} // namespace darkroom::actors
