// JOURNAL: what is asked in one breath is answered in order.
#include "actors/journal.hpp"

#include "actors/spawn_blocking.hpp"
#include "fixture.hpp"
#include "persistence/database.hpp"
#include "tests/support/no_threads.hpp"

#include <caf/actor_system.hpp>

#include <caf/scoped_actor.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

const domain::batch_id ann{{1}};

const domain::batch_id ben{{2}};

persistence::append_request new_batch_with_a_file() {
  domain::batch_created created;
  created.owner = "ann";
  created.spec.outputs.push_back({.format = "webp"});
  persistence::append_request request;
  request.batch = ann;
  request.events = {created, domain::files_added{0, {{"a", "/a", 1, 1, {"a.webp"}}}}};
  request.summary.id = ann;
  request.summary.owner = "ann";
  request.summary.phase = domain::batch_phase::draft;
  request.summary.counts[0] = 1;
  return request;
}

persistence::append_request deleted_batch(domain::file_index files) {
  auto request = new_batch_with_a_file();
  std::vector<domain::file_entry> entries;
  entries.reserve(files);
  for (domain::file_index i = 0; i < files; ++i)
    entries.push_back({std::to_string(i), "/a", 1, 1, {}});
  request.events[1] = domain::files_added{0, std::move(entries)};
  request.events.emplace_back(domain::batch_deleted{});
  request.summary.phase = domain::batch_phase::deleted;
  return request;
}

// A journal of its own, asked by the test, which is also its REMOVER.
struct asked {
  tests::scratch directory;
  tests::failing_disk disk;
  bool breaks_when_opened = false;
  tests::stage stage;
  std::shared_ptr<batch_holds> holds = std::make_shared<batch_holds>();
  event_hub_actor hub = stage.system().spawn(event_hub);
  journal_actor journal;
  caf::scoped_actor self{stage.system()};

  explicit asked(bool detached_readers = false) {
    const store_opener open = [this] {
      auto opened = persistence::journal_store::open({directory / "j", disk.env.get()});
      disk.broken = breaks_when_opened;
      return opened;
    };
    auto store = open();
    REQUIRE(store);
    journal = stage.system().spawn(
        actors::journal,
        std::make_shared<std::unique_ptr<persistence::journal_store>>(std::move(*store)), open,
        journal_peers{.hub = hub,
                      .remover = caf::actor_cast<remover_actor>(caf::actor{self}),
                      .holds = holds,
                      .detached_readers = detached_readers});
    stage.run();
  }
  ~asked() {
    self->send_exit(journal, caf::exit_reason::user_shutdown);
    self->send_exit(hub, caf::exit_reason::user_shutdown);
    stage.run();
  }
  // Indexes of the files that are to be released.
  std::vector<domain::file_index> to_release() {
    stage.run();
    std::vector<domain::file_index> indexes;
    if (const auto message = next<release_files>())
      for (const auto& file : message->files)
        indexes.push_back(file.index);
    return indexes;
  }
  void released() { self->send(journal, files_released{}); }
  std::size_t tombstones() {
    return persistence::read_view::open(directory / "j").value()->tombstones()->size();
  }
  void reopen() {
    auto pending = self->request(journal, caf::infinite, open_journal{});
    stage.run();
    pending.receive([](const journal_opened& opened) { CHECK(opened.error.empty()); },
                    [](const caf::error&) { FAIL(); });
  }
  template<class Message>
  std::optional<Message> next() {
    std::optional<Message> got;
    self->receive([&](Message& message) { got = std::move(message); },
                  caf::after(std::chrono::seconds(0)) >> [] {});
    return got;
  }
};

struct noting_state {
  static inline const char* name = "noting";
  noting_state() { living += 1; }
  ~noting_state() { living -= 1; }
  noting_state(const noting_state&) = delete;
  noting_state& operator=(const noting_state&) = delete;
  static inline std::atomic<int> living = 0;
};

// Ends with the first message; `told` and what it holds are let go then.
name_reader_actor::behavior_type noting(name_reader_actor::stateful_pointer<noting_state> self,
                                        const std::shared_ptr<std::atomic<bool>>& told) {
  return {[self, told](const load_names&) {
    *told = true;
    self->quit();
  }};
}

} // namespace

TEST_CASE("an actor for which there is no thread holds nothing, and lets the system end") {
  const auto told = std::make_shared<std::atomic<bool>>(false);
  {
    caf::actor_system_config config;
    caf::actor_system system(config);
    {
      const tests::no_threads none;
      CHECK_FALSE(try_spawn_blocking(system, true, "noting", noting, told));
      CHECK(noting_state::living == 0);
      CHECK(told.use_count() == 1);
      caf::scoped_actor parent{system};
      CHECK_FALSE(try_spawn_blocking<caf::monitored>(*parent, true, "noting", noting, told));
    }
    CHECK(noting_state::living == 0);
    CHECK(told.use_count() == 1);
    const auto noted = try_spawn_blocking(system, true, "noting", noting, told);
    REQUIRE(noted);
    caf::anon_send(noted, load_names{});
  } // waits for all actors
  CHECK(*told);
  CHECK(told.use_count() == 1);
}

TEST_CASE("a replay for which there is no thread is answered, and appends go on") {
  asked a(true);
  a.self->send(a.journal, append_events{1, new_batch_with_a_file(), true});
  {
    const tests::no_threads none;
    a.self->send(a.journal, replay_batch{ann});
    a.stage.run();
  }
  const auto replayed = a.next<batch_replayed>();
  REQUIRE(replayed);
  CHECK_FALSE(replayed->error.empty());
  a.self->send(a.journal, write_records{});
  a.stage.run();
  CHECK(a.next<records_written>()->durable);
}

TEST_CASE("files can be asked for right behind the event that adds them") {
  asked a;
  a.self->send(a.journal, append_events{1, new_batch_with_a_file(), true});
  a.self->send(a.journal, fetch_files{ann, {0}});
  a.stage.run();
  const auto appended = a.next<events_appended>();
  REQUIRE(appended);
  CHECK(appended->last == 2);
  CHECK(appended->last_command == 1);
  const auto fetched = a.next<files_fetched>();
  REQUIRE(fetched);
  CHECK(fetched->files.at(0).entry.path == "a");
}

TEST_CASE("a deleted batch is cleared away when nobody reads it any more") {
  asked a;
  auto request = new_batch_with_a_file();
  request.events.emplace_back(domain::batch_deleted{});
  request.summary.phase = domain::batch_phase::deleted;
  a.self->send(a.journal, append_events{1, request, true});
  auto hold = a.holds->hold(ann);
  a.self->send(a.journal, purge_batch{ann, false});
  a.stage.run();
  a.stage.advance(10'000);
  CHECK(persistence::read_view::open(a.directory / "j").value()->tombstones()->size() == 1);
  hold.reset();
  a.stage.advance(2'000);
  CHECK(persistence::read_view::open(a.directory / "j").value()->tombstones()->empty());
}

TEST_CASE("what a deleted batch had is released a slice at a time, while others are written") {
  asked a;
  a.self->send(a.journal, append_events{1, deleted_batch(limits::files_per_purge_max + 1), true});
  a.self->send(a.journal, purge_batch{ann, true});
  CHECK(a.to_release().size() == limits::files_per_purge_max);
  REQUIRE(a.next<events_appended>());
  CHECK(a.to_release().empty()); // the next slice waits

  auto other = new_batch_with_a_file();
  other.batch = other.summary.id = ben;
  a.self->send(a.journal, append_events{2, other, true});
  a.stage.run();
  const auto appended = a.next<events_appended>();
  REQUIRE(appended);
  CHECK(appended->ticket == 2);

  CHECK(a.tombstones() == 1);
  a.released();
  CHECK(a.to_release() == std::vector<domain::file_index>{limits::files_per_purge_max});
  CHECK(a.tombstones() == 0);
  a.released();
  CHECK(a.to_release().empty());
}

TEST_CASE("a deletion that could not be written releases nothing, and goes on later") {
  asked a;
  a.self->send(a.journal, append_events{1, deleted_batch(2), true});
  a.stage.run();
  a.disk.broken = true;
  a.self->send(a.journal, purge_batch{ann, true});
  CHECK(a.to_release().empty());
  a.disk.broken = false;
  a.reopen();
  CHECK(a.to_release() == std::vector<domain::file_index>{0, 1});
  a.released();
  CHECK(a.to_release().empty());
  CHECK(a.tombstones() == 0);
}

TEST_CASE("a deletion that fails each time is left to the next start") {
  asked a;
  a.self->send(a.journal, append_events{1, deleted_batch(2), true});
  a.stage.run();
  a.disk.broken = a.breaks_when_opened = true;
  a.self->send(a.journal, purge_batch{ann, true});
  CHECK(a.to_release().empty());
  for (std::uint32_t i = 1; i < limits::purge_failures_max; ++i) {
    a.disk.broken = false;
    a.reopen();
  }
  a.disk.broken = a.breaks_when_opened = false;
  a.reopen();
  CHECK(a.to_release().empty());
  CHECK(a.tombstones() == 1);
}

TEST_CASE("a deletion goes on when the journal is open again, and releases nothing twice") {
  asked a;
  a.self->send(a.journal, append_events{1, deleted_batch(limits::files_per_purge_max + 1), true});
  a.self->send(a.journal, purge_batch{ann, true});
  CHECK(a.to_release().size() == limits::files_per_purge_max);
  a.self->send(a.journal, purge_batch{ann, true}); // it is known
  a.self->send(a.journal, close_journal{});
  a.reopen();
  CHECK(a.to_release().empty());
  a.released();
  CHECK(a.to_release() == std::vector<domain::file_index>{limits::files_per_purge_max});
  a.released();
  CHECK(a.to_release().empty());
  CHECK(a.tombstones() == 0);
}

TEST_CASE("the journal of an older version gets the index that feeds read while it is used") {
  tests::scratch directory;
  {
    auto store = persistence::journal_store::open({directory / "j", nullptr});
    REQUIRE(store);
    const auto request = new_batch_with_a_file();
    REQUIRE((*store)->append({&request, 1}, true));
  }
  {
    auto db =
        persistence::database::open(directory / "j", nullptr, persistence::database::mode::create);
    REQUIRE(db);
    REQUIRE((**db)->Delete({}, persistence::keys::feed_index_upto()).ok());
  }
  tests::stage stage;
  auto hub = stage.system().spawn(event_hub);
  auto opened = persistence::journal_store::open({directory / "j", nullptr});
  REQUIRE(opened);
  const auto* store = opened->get();
  CHECK_FALSE(store->feed_is_indexed());
  auto made = stage.system().spawn(
      journal, std::make_shared<std::unique_ptr<persistence::journal_store>>(std::move(*opened)),
      store_opener{}, journal_peers{.hub = hub});
  stage.run();
  CHECK_FALSE(store->feed_is_indexed());
  stage.advance(limits::feed_index_pause_ms);
  CHECK(store->feed_is_indexed());
  for (const auto& actor : {caf::actor_cast<caf::actor>(made), caf::actor_cast<caf::actor>(hub)})
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  stage.run();
}

TEST_CASE("old keys are forgotten a slice at a time, while others are written") {
  tests::scratch directory;
  auto opened = persistence::journal_store::open({directory / "j", nullptr});
  REQUIRE(opened);
  std::vector<persistence::append_request> old(limits::forget_slice_records + 1);
  for (std::size_t i = 0; i < old.size(); ++i) {
    domain::batch_created created;
    created.owner = "ann";
    created.idempotency_key = std::to_string(i);
    old[i].batch = {{7, static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i % 256)}};
    old[i].time_us = static_cast<std::int64_t>(i) + 1;
    old[i].events = {created};
    old[i].summary.owner = "ann";
  }
  REQUIRE((*opened)->append(old, true));
  const auto view = (*opened)->view();
  const auto kept = [&](std::size_t i) {
    return view->idempotent_request("ann", std::to_string(i)).value().has_value();
  };
  tests::stage stage;
  auto hub = stage.system().spawn(event_hub);
  auto made = stage.system().spawn(
      journal, std::make_shared<std::unique_ptr<persistence::journal_store>>(std::move(*opened)),
      store_opener{}, journal_peers{.hub = hub});
  caf::scoped_actor self{stage.system()};
  stage.run(); // the hour counts from here on
  const auto last = old.size() - 1;
  stage.advance(limits::forget_old_ms);
  int slices = 1;
  for (; kept(0) && slices < 10; ++slices)
    stage.advance(limits::forget_pause_ms);
  CHECK(slices == 4); // two put the requests in order, one the deletions
  CHECK(kept(last));
  self->send(made, append_events{1, new_batch_with_a_file(), true});
  stage.run();
  CHECK(kept(last));
  CHECK(view->summary(ann).value().has_value());
  stage.advance(limits::forget_pause_ms);
  CHECK_FALSE(kept(last));
  for (const auto& actor : {caf::actor_cast<caf::actor>(made), caf::actor_cast<caf::actor>(hub)})
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  stage.run();
}
