#include "actors/journal.hpp"

#include "actors/at_rest.hpp"
#include "actors/batch_reader.hpp"
#include "actors/limits.hpp"
#include "actors/spawn_blocking.hpp"
#include "base/clock.hpp"
#include "persistence/read_view.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>

namespace darkroom::actors {

namespace {

using journal_pointer = journal_actor::stateful_pointer<journal_state>;

template<class Message>
void tell_asker(journal_pointer self, const caf::strong_actor_ptr& asker, Message message) {
  if (asker) self->send(caf::actor_cast<batch_supervisor_actor>(asker), std::move(message));
}

void publish(journal_pointer self) {
  auto& unsynced = self->state.unsynced;
  if (unsynced.empty()) return;
  self->send(self->state.peers.hub,
             publish_events{std::make_shared<const std::vector<persistence::journaled_event>>(
                 std::move(unsynced))});
  unsynced.clear();
}

// Where an older version has written: a slice of the index at a time, others get their turn in
// between.
void schedule_index(journal_pointer self) {
  auto& s = self->state;
  if (s.index_scheduled || !s.store || s.store->feed_is_indexed()) return;
  s.index_scheduled = true;
  self->delayed_send(self, std::chrono::milliseconds(limits::feed_index_pause_ms), index_feed{});
}

void schedule_purge(journal_pointer self) {
  auto& s = self->state;
  if (s.purge_scheduled || !s.store || s.purges.empty()) return;
  s.purge_scheduled = true;
  self->send(self, purge_slice{});
}

void use_store(journal_pointer self, std::unique_ptr<persistence::journal_store> store) {
  auto& s = self->state;
  s.store = std::move(store);
  if (s.peers.views) s.peers.views->set(s.store ? s.store->view() : nullptr);
  if (s.peers.numbers) s.peers.numbers->journal_usable = s.store != nullptr;
  // What was in doubt may be there after all, and was never published.
  if (s.store) self->send(s.peers.hub, cut_subscribers{s.store->last_seq()});
  schedule_index(self);
  // Slices are not synced: some of what was cleared away may be there again. It is cleared away
  // once more, but not released once more.
  for (auto& purging : s.purges)
    purging.from = 0;
  schedule_purge(self);
}

// After something was synced: the witness knows of it, but not yet over a loss of power.
void schedule_witness_sync(journal_pointer self) {
  auto& s = self->state;
  if (s.peers.numbers) s.peers.numbers->witness_failures = s.store->witness_failures();
  if (s.witness_sync_scheduled) return;
  s.witness_sync_scheduled = true;
  self->delayed_send(self, std::chrono::milliseconds(limits::witness_sync_ms), sync_witness{});
}

void refuse(journal_pointer self, journal_state::waiting_append& waiting) {
  if (waiting.promise)
    waiting.promise->deliver(records_written{false});
  else
    tell_asker(self, waiting.asker, append_failed{waiting.message.ticket});
}

// Nothing more is written to this store: everybody who waits is told, and the supervisors are
// rebuilt from what is on disk when it can be opened again.
void give_up(journal_pointer self, const persistence::journal_error& error,
             std::vector<journal_state::waiting_append>& group) {
  auto& s = self->state;
  use_store(self, nullptr);
  if (s.peers.views) s.peers.views->take_away(error.detail);
  s.unsynced.clear();
  for (auto& waiting : group)
    refuse(self, waiting);
  for (auto& waiting : s.gathered)
    refuse(self, waiting);
  s.gathered.clear();
  if (auto coordinator = caf::actor_cast<caf::strong_actor_ptr>(s.coordinator))
    self->send(caf::actor_cast<coordinator_actor>(coordinator), journal_failed{error});
}

// Tells each asker which of the written events are its own.
void answer(journal_pointer self, std::vector<journal_state::waiting_append>& group,
            const std::vector<std::size_t>& counts,
            const std::vector<persistence::journaled_event>& written) {
  auto next = written.begin();
  for (std::size_t i = 0; i < group.size(); ++i) {
    auto& waiting = group[i];
    if (waiting.promise) {
      waiting.promise->deliver(records_written{true});
      continue;
    }
    events_appended done{waiting.message.ticket};
    for (std::size_t n = 0; n < counts[i]; ++n, ++next) {
      done.last = next->seq;
      if (domain::is_command_event(next->fact)) done.last_command = next->seq;
    }
    tell_asker(self, waiting.asker, done);
  }
}

void write(journal_pointer self) {
  auto& s = self->state;
  std::vector<journal_state::waiting_append> group;
  std::vector<persistence::append_request> requests;
  std::vector<std::size_t> counts;
  std::size_t events = 0;
  bool durable = false;
  while (!s.gathered.empty() && events < limits::journal_group_events_max) {
    auto& next = s.gathered.front();
    counts.push_back(next.message.request.events.size());
    events += counts.back();
    durable |= next.message.durable;
    requests.push_back(std::move(next.message.request));
    group.push_back(std::move(next));
    s.gathered.pop_front();
  }
  if (group.empty()) return;
  const auto began = std::chrono::steady_clock::now();
  auto written = s.store->append(requests, durable);
  if (!written) return give_up(self, written.error(), group);
  if (s.peers.numbers) {
    auto& numbers = *s.peers.numbers;
    (durable ? numbers.journal_sync : numbers.journal_append)
        .add(std::chrono::steady_clock::now() - began);
    numbers.journal_events += written->size();
  }
  answer(self, group, counts, *written);
  for (auto& e : *written)
    s.unsynced.push_back(std::move(e));
  if (durable) {
    publish(self);
    schedule_witness_sync(self);
  }
  if (!durable && !s.sync_scheduled) {
    s.sync_scheduled = true;
    self->delayed_send(self, std::chrono::milliseconds(limits::unsynced_tail_ms), sync_tail{});
  }
}

void schedule_write(journal_pointer self) {
  auto& s = self->state;
  if (s.write_scheduled || s.gathered.empty()) return;
  s.write_scheduled = true;
  self->send(self, write_group{});
}

// One pass over the summaries: they tell which batches are at rest, and these are not replayed.
batches_loaded load(const persistence::journal_store& store) {
  batches_loaded loaded;
  const auto view = store.view();
  const auto fail = [&](const persistence::journal_error& error) {
    return batches_loaded{.error = error.detail};
  };
  const auto ok = view->each_batch([&](persistence::batch_summary&& batch) {
    loaded.shares.emplace_back(batch.id, share_of(batch));
    if (!at_rest(batch.phase, batch.counts)) loaded.working.push_back({std::move(batch), nullptr});
    return true;
  });
  if (!ok) return fail(ok.error());
  for (auto& batch : loaded.working) {
    auto state = view->replay(batch.summary.id);
    if (!state) return fail(state.error());
    batch.state = std::make_shared<persistence::positioned_state>(std::move(*state));
  }
  auto deleted = view->tombstones();
  if (!deleted) return fail(deleted.error());
  loaded.deleted = std::move(*deleted);
  return loaded;
}

batch_replayed not_replayed(std::string error) {
  return {nullptr, {}, std::move(error)};
}

void start_readers(journal_pointer self) {
  auto& s = self->state;
  while (!s.replays.empty() && (!s.store || s.readers < limits::batch_readers_max)) {
    auto next = std::move(s.replays.front());
    s.replays.pop_front();
    if (!s.store) {
      next.promise.deliver(not_replayed("the journal is not open"));
      continue;
    }
    const auto reader = try_spawn_blocking<caf::monitored>(
        *self, s.peers.detached_readers, "batch reader", batch_reader, s.store->view());
    if (!reader && s.readers != 0) { // the end of one makes room
      s.replays.push_front(std::move(next));
      return;
    }
    if (!reader) {
      next.promise.deliver(not_replayed("no thread was free to read it"));
      continue;
    }
    s.readers += 1;
    next.promise.delegate(reader, next.message);
  }
}

// Whether there is such a batch is found at once; it is read beside the appends.
void replay(journal_pointer self, const replay_batch& message,
            caf::typed_response_promise<batch_replayed> promise) {
  auto& s = self->state;
  // What a supervisor that has died wrote last is part of its batch.
  while (s.store && !s.gathered.empty())
    write(self);
  if (s.store) {
    const auto summary = s.store->view()->summary(message.batch);
    if (!summary) {
      promise.deliver(not_replayed(summary.error().detail));
      return;
    }
    if (!*summary) {
      promise.deliver(batch_replayed{});
      return;
    }
  }
  s.replays.push_back({message, std::move(promise)});
  start_readers(self);
}

// One slice of files; others get their turn in between. Nothing is released before the records
// of its files are gone: a slice that is cleared away again after a failed write would be released
// twice, and other batches would lose blobs that they share. After a crash between the two, the
// next start counts no use of these blobs, and sets them aside with all other unused ones.
void purge(journal_pointer self) {
  auto& s = self->state;
  const auto held = [&](const journal_state::waiting_purge& purging) {
    return s.peers.holds && s.peers.holds->held(purging.batch);
  };
  const auto next = std::ranges::find_if_not(s.purges, held);
  if (next == s.purges.end()) {
    s.purge_scheduled = true;
    self->delayed_send(self, std::chrono::milliseconds(limits::purge_retry_ms), purge_slice{});
    return;
  }
  auto purging = *next;
  release_files gone;
  const auto left = s.store->purge(purging.batch, purging.from, limits::files_per_purge_max,
                                   [&](const persistence::file_record& file) {
                                     if (!purging.release || file.index < purging.released_upto)
                                       return;
                                     gone.files.push_back(file);
                                   });
  if (!left) {
    if (++next->failures == limits::purge_failures_max) s.purges.erase(next);
    std::vector<journal_state::waiting_append> none;
    return give_up(self, left.error(), none);
  }
  s.purges.erase(next);
  purging.failures = 0;
  if (!gone.files.empty()) purging.released_upto = gone.files.back().index + 1;
  if (*left) {
    purging.from = **left;
    s.purges.push_back(purging); // a small batch does not wait for all of a large one
  }
  if (gone.files.empty() || !s.peers.remover) return schedule_purge(self);
  s.purge_scheduled = true; // until `files_released`
  self->send(s.peers.remover, std::move(gone));
}

// Answers to repeated requests, and news of deletions, are owed for a while only. A slice at a
// time, others get their turn in between.
void forget(journal_pointer self) {
  auto& s = self->state;
  const auto now = base::unix_now_us();
  auto next_ms = limits::forget_old_ms;
  if (s.store) {
    const auto before = [now](std::uint64_t seconds) {
      return now - static_cast<std::int64_t>(seconds) * 1'000'000;
    };
    const auto audit_before = s.peers.audit_days == 0 ? 0 : before(s.peers.audit_days * 86'400);
    const auto more =
        s.store->forget({before(limits::idempotency_s), before(limits::deletions_s), audit_before},
                        limits::forget_slice_records);
    if (!more) {
      std::vector<journal_state::waiting_append> none;
      give_up(self, more.error(), none);
    } else if (*more) {
      next_ms = limits::forget_pause_ms;
    }
  }
  self->delayed_send(self, std::chrono::milliseconds(next_ms), forget_old{});
}

} // namespace

journal_actor::behavior_type
journal(journal_pointer self, std::shared_ptr<std::unique_ptr<persistence::journal_store>> store,
        store_opener open, journal_peers peers) {
  auto& s = self->state;
  s.open = std::move(open);
  s.peers = std::move(peers);
  use_store(self, std::move(*store));
  self->delayed_send(self, std::chrono::milliseconds(limits::forget_old_ms), forget_old{});
  self->set_down_handler([self](const caf::down_msg&) { // a reader has ended
    self->state.readers -= 1;
    start_readers(self);
  });
  return {
      [self](append_events& message) {
        auto& state = self->state;
        if (!state.store) {
          tell_asker(self, self->current_sender(), append_failed{message.ticket});
          return;
        }
        state.gathered.push_back({std::move(message), self->current_sender(), {}});
        schedule_write(self);
      },
      [self](const fetch_files& message) {
        auto& state = self->state;
        // What the asker has decided before is on its way here: it may ask for just these files.
        while (state.store && !state.gathered.empty())
          write(self);
        if (!state.store) return; // the asker is about to be rebuilt
        auto files = state.store->view()->files(message.batch, message.indexes);
        if (files) {
          tell_asker(self, self->current_sender(),
                     files_fetched{std::move(*files), message.spec_number, message.to_sweep});
        } else {
          std::vector<journal_state::waiting_append> none;
          give_up(self, files.error(), none);
        }
      },
      [self](load_batches) -> caf::result<batches_loaded> {
        auto& state = self->state;
        if (auto asker = self->current_sender())
          state.coordinator = caf::actor_cast<caf::actor_addr>(asker);
        if (!state.store) return batches_loaded{.error = "the journal is not open"};
        return load(*state.store);
      },
      [self](open_journal) -> caf::result<journal_opened> {
        auto& state = self->state;
        use_store(self, nullptr); // the lock goes first
        auto opened = state.open();
        if (!opened) {
          if (state.peers.views) state.peers.views->take_away(opened.error().detail);
          return journal_opened{opened.error().detail};
        }
        use_store(self, std::move(*opened));
        return journal_opened{};
      },
      [self](const replay_batch& message) -> caf::result<batch_replayed> {
        auto promise = self->make_response_promise<batch_replayed>();
        replay(self, message, promise);
        return promise;
      },
      [self](write_records& message) -> caf::result<records_written> {
        auto& state = self->state;
        auto promise = self->make_response_promise<records_written>();
        if (!state.store) {
          promise.deliver(records_written{false});
          return promise;
        }
        journal_state::waiting_append waiting;
        waiting.message.request.records = std::move(message.records);
        waiting.message.request.records_only = true;
        waiting.promise = promise;
        state.gathered.push_back(std::move(waiting));
        schedule_write(self);
        return promise;
      },
      [self](const purge_batch& message) {
        auto& purges = self->state.purges;
        if (std::ranges::find(purges, message.batch, &journal_state::waiting_purge::batch) !=
            purges.end())
          return;
        purges.push_back({message.batch, message.release});
        schedule_purge(self);
      },
      [self](purge_slice) {
        auto& state = self->state;
        state.purge_scheduled = false;
        if (state.store && !state.purges.empty()) purge(self);
      },
      [self](files_released) {
        self->state.purge_scheduled = false;
        schedule_purge(self);
      },
      [self](forget_old) { forget(self); },
      [self](index_feed) {
        auto& state = self->state;
        state.index_scheduled = false;
        if (!state.store) return;
        if (auto ok = state.store->index_feed(limits::feed_index_slice_events); !ok) {
          std::vector<journal_state::waiting_append> none;
          give_up(self, ok.error(), none);
        }
        schedule_index(self);
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
          schedule_witness_sync(self);
        } else {
          std::vector<journal_state::waiting_append> none;
          give_up(self, ok.error(), none);
        }
      },
      [self](sync_witness) {
        auto& state = self->state;
        state.witness_sync_scheduled = false;
        if (state.store) state.store->sync_witness();
      },
      [self](const close_journal& message) {
        std::vector<journal_state::waiting_append> none;
        if (self->state.store) give_up(self, message.error, none);
      },
  };
}

} // namespace darkroom::actors
