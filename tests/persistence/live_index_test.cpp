// Live batches as the index finds them, against a look at each batch: over the lives of batches of
// several owners, restarts, marks of older versions and losses of power.
#include "persistence/live_index.hpp"

#include "edit_journal.hpp"
#include "losing_file_system.hpp"
#include "persistence/database.hpp"
#include "persistence/journal_store.hpp"
#include "persistence/read_view.hpp"
#include "persistence/salvage.hpp"
#include "samples.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

using namespace darkroom;
using namespace darkroom::persistence;

namespace {

using ids = std::vector<domain::batch_id>;

const domain::batch_id first{{1}}, second{{2}}, third{{3}};
const std::vector<std::string> nothing_wrong;
const std::optional<std::string> all;

struct writer {
  std::string directory;
  rocksdb::Env* env = nullptr;
  std::unique_ptr<journal_store> store;
  std::map<domain::batch_id, domain::batch_state> states;

  explicit writer(std::string at, rocksdb::Env* e = nullptr) : directory(std::move(at)), env(e) {
    reopen();
  }
  void reopen() {
    store.reset();
    auto opened = journal_store::open({directory, env});
    REQUIRE(opened);
    store = std::move(*opened);
  }
  append_request request(const domain::batch_id& batch, const domain::command& c) {
    auto& state = states[batch];
    const auto events = domain::execute(state, c);
    append_request made{batch, 1'000, events ? *events : std::vector<domain::event>{}, {}, nullptr};
    describe(made.summary, state);
    made.summary.created_us = 1'000 - batch.bytes[0]; // the order by time is not that of the ids
    return made;
  }
  void tell(const domain::batch_id& batch, const domain::command& c, bool sync = true) {
    const auto made = request(batch, c);
    REQUIRE_FALSE(made.events.empty());
    REQUIRE(store->append({&made, 1}, sync));
  }
  void create(const domain::batch_id& batch, const std::string& owner, bool sync = true) {
    domain::create_batch make;
    make.owner = owner;
    make.spec = tests::sample_spec();
    tell(batch, make, sync);
  }
  void start(const domain::batch_id& batch) {
    domain::add_files add;
    add.entries.push_back({"p", "/p", 9, 1, {"o"}});
    tell(batch, add);
    tell(batch, domain::start_batch{});
  }
  void fail(const domain::batch_id& batch) {
    tell(batch, domain::fail_file{0, 0, domain::failure_reason::corrupt_input, "bad", 0});
  }
  // Changes the journal behind its writer's back.
  void edit(const std::function<void(rocksdb::WriteBatch&)>& change) {
    store.reset();
    tests::edit_journal(directory, env, change);
    reopen();
  }
  ids live(const std::optional<std::string>& owner,
           const std::optional<list_position>& before = {}) const {
    return found_in(*store->view(), owner, before);
  }
  static ids found_in(const read_view& view, const std::optional<std::string>& owner,
                      const std::optional<list_position>& before = {}) {
    ids found;
    REQUIRE(view.each_live_before(owner, before, [&](batch_summary&& batch) {
      found.push_back(batch.id);
      return true;
    }));
    return found;
  }
  std::vector<std::string> wrong() { return store->view()->verify().value(); }
  // The index, a look at each batch and the marks in the journal say the same.
  void check() {
    for (const auto& owner :
         {all, std::optional<std::string>{"ann"}, std::optional<std::string>{"bob"},
          std::optional<std::string>{"an"}}) {
      ids expected;
      REQUIRE(store->view()->each_batch_before(owner, {}, [&](batch_summary&& batch) {
        if (is_live(batch)) expected.push_back(batch.id);
        return true;
      }));
      INFO("of " << owner.value_or("all"));
      REQUIRE(live(owner) == expected);
    }
    auto marked = store->view()->live_batches();
    REQUIRE(marked);
    std::ranges::reverse(*marked);
    REQUIRE(live(all) == *marked);
  }
};

} // namespace

TEST_CASE("a mark of a live batch is read as it was written, and an empty one says nothing") {
  const live_batch batch{"ann", {1'234'567'890'123'456, first}};
  CHECK(decode_live(first, encode_live(batch)) == batch);
  CHECK(decode_live(first, encode_live({"", {0, first}})) == live_batch{"", {0, first}});
  CHECK_FALSE(decode_live(first, ""));
  CHECK_FALSE(decode_live(first, "1234567"));
}

TEST_CASE("the index lists the newest first, of one owner or of all") {
  live_index index;
  CHECK(index.add({"ann", {10, first}}));
  CHECK(index.add({"ann", {30, second}}));
  CHECK(index.add({"bob", {20, third}}));
  CHECK_FALSE(index.add({"bob", {20, third}}));
  const auto newest = [&](const std::optional<std::string>& owner,
                          const std::optional<list_position>& before, std::size_t most) {
    ids found;
    for (const auto& at : index.newest(owner, before, most))
      found.push_back(at.batch);
    return found;
  };
  CHECK(newest("ann", {}, 9) == ids{second, first});
  CHECK(newest("ann", {}, 1) == ids{second});
  CHECK(newest("ann", list_position{30, second}, 9) == ids{first});
  CHECK(newest("ann", list_position{20, third}, 9) == ids{first});
  CHECK(newest("carl", {}, 9) == ids{});
  CHECK(newest(all, {}, 9) == ids{third, second, first});
  CHECK(newest(all, {}, 2) == ids{third, second});
  CHECK(newest(all, list_position{20, third}, 1) == ids{second});
  index.remove({"ann", {30, second}});
  index.remove({"ann", {30, second}});
  CHECK_FALSE(index.contains({"ann", {30, second}}));
  CHECK(index.contains({"bob", {20, third}}));
  CHECK(newest("ann", {}, 9) == ids{first});
}

TEST_CASE("a batch is in the index while it is live") {
  struct step {
    const char* what;
    std::function<void(writer&)> take;
    bool live;
  };
  const auto none = [](const file_record&) {};
  const step steps[] = {
      {"created", [](writer& w) { w.create(first, "ann"); }, true},
      {"started", [](writer& w) { w.start(first); }, true},
      {"ended", [](writer& w) { w.fail(first); }, false},
      {"renamed", [](writer& w) { w.tell(first, domain::change_details{"new", {}}); }, false},
      {"retried", [](writer& w) { w.tell(first, domain::retry_batch{}); }, true},
      {"paused", [](writer& w) { w.tell(first, domain::pause_batch{}); }, true},
      {"cancelled", [](writer& w) { w.tell(first, domain::cancel_batch{}); }, false},
      {"deleted", [](writer& w) { w.tell(first, domain::delete_batch{}); }, false},
      {"cleared away",
       [&](writer& w) { REQUIRE(w.store->purge(first, 0, 100, none).value() == std::nullopt); },
       false},
  };
  for (const bool restarts : {false, true}) {
    tests::scratch dir;
    writer w(dir / "j");
    w.create(second, "bob");
    for (const auto& s : steps) {
      INFO(s.what << (restarts ? ", with a restart" : ""));
      s.take(w);
      if (restarts) w.reopen();
      CHECK(w.live("ann") == (s.live ? ids{first} : ids{}));
      CHECK(w.live("bob") == ids{second});
      CHECK(w.live(all) == (s.live ? ids{second, first} : ids{second}));
      w.check();
      CHECK(w.wrong() == nothing_wrong);
    }
  }
}

TEST_CASE("a draft that is deleted is no longer live") {
  tests::scratch dir;
  writer w(dir / "j");
  w.create(first, "ann");
  w.tell(first, domain::delete_batch{});
  CHECK(w.live("ann") == ids{});
  CHECK(w.live(all) == ids{});
  CHECK(w.store->view()->live_batches().value().empty());
}

TEST_CASE("live batches are found from a position on, in parts, until a reader has enough") {
  tests::scratch dir;
  writer w(dir / "j");
  ids newest;
  for (std::uint8_t i = 0; i < 3; ++i)
    for (std::uint8_t k = 0; k < 200; ++k) { // more than are found at once
      const domain::batch_id id{{1, i, k}};
      w.create(id, "ann", false);
      newest.insert(newest.begin(), id);
    }
  w.create(second, "bob");
  CHECK(w.live("ann") == newest);
  const list_position middle{999, newest[299]};
  CHECK(w.live("ann", middle) == ids(newest.begin() + 300, newest.end()));
  CHECK(w.live(all, middle) == ids(newest.begin() + 300, newest.end()));
  std::size_t visited = 0;
  REQUIRE(w.store->view()->each_live_before("ann", {},
                                            [&](batch_summary&&) { return ++visited < 260; }));
  CHECK(visited == 260);
}

TEST_CASE("marks of an older version, which say nothing, are completed by the summaries") {
  tests::scratch dir;
  writer w(dir / "j");
  w.create(first, "ann");
  w.create(second, "ann");
  w.create(third, "bob");
  w.start(third);
  w.edit([](rocksdb::WriteBatch& group) {
    group.Put(keys::live(first), "");
    group.Put(keys::live(third), "");
  });
  CHECK(w.live("ann") == ids{first, second}); // the first is the newest by its time
  CHECK(w.live("bob") == ids{third});
  CHECK(w.wrong() == nothing_wrong);
  w.fail(third);
  w.tell(first, domain::change_priority{7});
  w.check();
  CHECK(w.wrong() == nothing_wrong);
  w.reopen();
  CHECK(w.live(all) == ids{second, first});
  w.check();
}

TEST_CASE("a mark that no summary belongs to hides no batch") {
  tests::scratch dir;
  writer w(dir / "j");
  w.create(first, "ann");
  w.edit([](rocksdb::WriteBatch& group) {
    group.Put(keys::live(second), "");
    group.Put(keys::live(third), encode_live({"ann", {5, third}}));
  });
  CHECK(w.live("ann") == ids{first});
  CHECK(w.live(all) == ids{first});
}

TEST_CASE("a mark that contradicts the batch is reported") {
  tests::scratch dir;
  writer w(dir / "j");
  w.create(first, "ann");
  const auto mark_as = [&](const live_batch& batch) {
    w.edit([&](rocksdb::WriteBatch& group) { group.Put(keys::live(first), encode_live(batch)); });
    return w.wrong();
  };
  CHECK(mark_as({"bob", {999, first}}) != nothing_wrong);
  CHECK(mark_as({"ann", {998, first}}) != nothing_wrong);
  CHECK(mark_as({"ann", {999, first}}) == nothing_wrong);
  w.edit([](rocksdb::WriteBatch& group) { group.Delete(keys::live(first)); });
  CHECK(w.wrong() != nothing_wrong);
}

TEST_CASE("a journal that another process writes is read without the index, with the same result") {
  tests::scratch dir;
  writer w(dir / "j");
  w.create(first, "ann");
  w.create(second, "bob");
  w.create(third, "ann");
  w.start(third);
  w.fail(third);
  const auto view = read_view::open(dir / "j");
  REQUIRE(view);
  CHECK(writer::found_in(**view, "ann") == ids{first});
  CHECK(writer::found_in(**view, all) == ids{second, first});
}

TEST_CASE("a salvaged journal marks the batches that are live in it") {
  tests::scratch dir;
  writer w(dir / "j");
  w.create(first, "ann");
  w.create(second, "ann");
  w.start(second);
  w.fail(second);
  w.store.reset();
  REQUIRE(salvage(dir / "j", dir / "new", false));
  writer again(dir / "new");
  CHECK(again.live("ann") == ids{first});
  CHECK(again.wrong() == nothing_wrong);
}

TEST_CASE("the index is what the journal says, over random lives and losses of power") {
  for (std::uint32_t round = 1; round <= 8; ++round) {
    INFO("round " << round);
    tests::scratch dir;
    tests::losing_file_system files;
    const auto env = rocksdb::NewCompositeEnv(
        std::shared_ptr<rocksdb::FileSystem>(&files, [](rocksdb::FileSystem*) {}));
    std::mt19937 dice(round);
    tests::random_life life(round);
    {
      writer w(dir / "j", env.get());
      for (int step = 0; step < 100; ++step) {
        std::vector<append_request> group;
        for (auto n = dice() % 4 + 1; n > 0; --n) {
          const domain::batch_id batch{{static_cast<std::uint8_t>(1 + dice() % 8)}};
          const auto& state = w.states[batch];
          if (state.phase == domain::batch_phase::deleted) continue;
          domain::command command = life.step(state);
          if (state.phase == domain::batch_phase::absent) {
            domain::create_batch make;
            make.owner = batch.bytes[0] % 2 == 0 ? "ann" : "bob";
            make.spec = tests::sample_spec();
            command = make;
          } else if (dice() % 60 == 0) {
            command = domain::delete_batch{};
          }
          auto request = w.request(batch, command);
          if (!request.events.empty()) group.push_back(std::move(request));
        }
        REQUIRE(w.store->append(group, dice() % 4 == 0));
        if (dice() % 10 == 0) w.reopen();
        w.check();
      }
      REQUIRE(w.wrong() == nothing_wrong);
    }
    files.lose_power();
    writer w(dir / "j");
    w.check();
    CHECK(w.wrong() == nothing_wrong);
  }
}
