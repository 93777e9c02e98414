// The index of changes, against looking into every batch: over random histories of several owners,
// with purges, restarts, versions that write without it, and an upgrade that is cut off anywhere.
#include "persistence/feed_index.hpp"

#include "edit_journal.hpp"
#include "losing_file_system.hpp"
#include "persistence/database.hpp"
#include "persistence/journal_store.hpp"
#include "persistence/read_view.hpp"
#include "samples.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <filesystem>
#include <rocksdb/write_batch.h>

using namespace darkroom;
using namespace darkroom::persistence;

namespace {

const domain::batch_id ann_first{{1}}, ann_second{{2}}, bob_first{{3}};

struct indexed_writer {
  std::string directory;
  rocksdb::Env* env = nullptr;
  std::unique_ptr<journal_store> store;
  std::map<domain::batch_id, domain::batch_state> states;

  explicit indexed_writer(std::string at, rocksdb::Env* e = nullptr)
      : directory(std::move(at)), env(e) {
    reopen();
  }
  void reopen() {
    store.reset();
    auto opened = journal_store::open({directory, env});
    REQUIRE(opened);
    store = std::move(*opened);
  }
  append_request request(const domain::batch_id& batch, const std::string& owner,
                         const domain::command& c) {
    auto& state = states[batch];
    const auto events = domain::execute(state, c);
    append_request made{batch, 1'000, events ? *events : std::vector<domain::event>{}, {}, nullptr};
    describe(made.summary, state);
    made.summary.owner = owner;
    return made;
  }
  std::vector<journaled_event> write(const std::vector<append_request>& requests,
                                     bool sync = true) {
    const auto done = store->append(requests, sync);
    REQUIRE(done);
    return *done;
  }
  std::vector<journaled_event> tell(const domain::batch_id& batch, const std::string& owner,
                                    const domain::command& c) {
    return write({request(batch, owner, c)});
  }
  void create(const domain::batch_id& batch, const std::string& owner) {
    domain::create_batch make;
    make.owner = owner;
    make.spec = tests::sample_spec();
    tell(batch, owner, make);
  }
  // Leaves the journal as a version without the index would have.
  void forget_index() {
    edit([](rocksdb::WriteBatch& group) {
      group.DeleteRange("c", "d");
      group.DeleteRange("k", "l");
      for (const auto& key :
           {keys::feed_index_from(), keys::feed_index_upto(), keys::feed_index_position()})
        group.Delete(key);
    });
  }
  // As if such a version had written only the last events.
  void leave_index_behind(domain::seq upto) {
    edit([upto](rocksdb::WriteBatch& group) {
      group.Put(keys::feed_index_upto(), std::to_string(upto));
    });
  }
  void edit(const std::function<void(rocksdb::WriteBatch&)>& change) {
    store.reset();
    tests::edit_journal(directory, env, change);
    reopen();
  }
  std::size_t keys_of_kind(keys::kind kind) {
    store.reset();
    std::size_t count = 0;
    {
      auto db = database::open(directory, env, database::mode::read_only);
      REQUIRE(db);
      const auto prefix = keys::prefix(kind);
      REQUIRE((*db)->scan(prefix, prefix, [&](std::string_view, std::string_view) {
        count += 1;
        return true;
      }));
    }
    reopen();
    return count;
  }
  std::vector<std::string> wrong() { return store->view()->verify().value(); }
  void index_all() {
    while (!store->feed_is_indexed())
      REQUIRE(store->index_feed(7));
  }
};

const std::vector<std::string> nothing_wrong;

domain::change_priority prioritise(std::uint32_t priority) {
  return {static_cast<std::uint8_t>(priority % 10)};
}

// What a feed is told, by looking at what was ever written.
class naive_feed {
public:
  void add(const std::vector<journaled_event>& events) {
    for (const auto& e : events) {
      if (std::holds_alternative<domain::batch_deleted>(e.fact)) deleted_[e.batch] = e.seq;
      all_.push_back(e);
    }
  }
  void lose_after(domain::seq last) {
    std::erase_if(all_, [last](const auto& e) { return e.seq > last; });
    std::erase_if(deleted_, [last](const auto& d) { return d.second > last; });
  }
  std::vector<domain::seq> between(const std::optional<std::string>& owner, domain::seq after,
                                   domain::seq upto, std::size_t most) const {
    std::vector<domain::seq> found;
    for (const auto& e : all_) {
      const auto gone = deleted_.find(e.batch);
      const bool told = gone == deleted_.end() || gone->second == e.seq;
      if (told && e.seq > after && e.seq <= upto && (!owner || e.owner == *owner))
        found.push_back(e.seq);
    }
    if (found.size() > most) found.resize(most);
    return found;
  }

private:
  std::vector<journaled_event> all_;
  std::map<domain::batch_id, domain::seq> deleted_;
};

void check_feed(indexed_writer& w, const naive_feed& naive, std::mt19937& dice) {
  const auto last = w.store->last_seq();
  for (const auto& owner : {std::optional<std::string>{}, std::optional<std::string>{"ann"},
                            std::optional<std::string>{"bob"}, std::optional<std::string>{"an"}}) {
    const domain::seq after = dice() % (last + 2);
    const domain::seq upto = after + dice() % (last + 2);
    const std::size_t most = 1 + dice() % 12;
    const auto run = w.store->view()->events_between({{}, owner}, after, upto, most);
    REQUIRE(run);
    std::vector<domain::seq> seqs;
    for (const auto& e : run->events)
      seqs.push_back(e.seq);
    INFO("after " << after << " upto " << upto << " most " << most << " of "
                  << owner.value_or("all"));
    REQUIRE(seqs == naive.between(owner, after, upto, most));
    const auto count = w.store->view()->count_between({{}, owner}, after, upto, most);
    REQUIRE(count);
    REQUIRE(*count == seqs.size());
  }
}

} // namespace

TEST_CASE("a run is read as it was written, and other bytes are no run") {
  const feed_run events{ann_first, 5, 9, {}};
  CHECK(decode_run(9, encode_run(events)) == events);
  const feed_run deletion{ann_first, 9, 9, "ann"};
  CHECK(decode_run(9, encode_run(deletion)) == deletion);
  CHECK_FALSE(decode_run(9, ""));
  CHECK_FALSE(decode_run(9, encode_run(events).substr(1)));
  CHECK_FALSE(decode_run(4, encode_run(events))); // it would begin before the first seq
  CHECK_FALSE(decode_run(9, encode_run(events) + "x"));
}

TEST_CASE("events of one batch that are written together take one entry") {
  tests::scratch dir;
  indexed_writer w(dir / "j");
  w.create(ann_first, "ann");
  w.create(bob_first, "bob");
  w.write({w.request(ann_first, "ann", prioritise(1)), w.request(ann_first, "ann", prioritise(2)),
           w.request(bob_first, "bob", prioritise(3)), w.request(ann_first, "ann", prioritise(4))});
  CHECK(w.keys_of_kind(keys::kind::change) == 5);
  CHECK(w.keys_of_kind(keys::kind::own_change) == 5);
  CHECK(w.store->feed_is_indexed());
  CHECK(w.wrong() == nothing_wrong);
}

TEST_CASE("clearing away a batch leaves nothing of it in the index but its deletion") {
  tests::scratch dir;
  indexed_writer w(dir / "j");
  const auto none = [](const file_record&) {};
  w.create(ann_first, "ann");
  w.create(ann_second, "ann");
  w.tell(ann_first, "ann", prioritise(1));
  w.tell(ann_first, "ann", domain::delete_batch{});
  REQUIRE(w.store->purge(ann_first, 0, 100, none).value() == std::nullopt);
  CHECK(w.keys_of_kind(keys::kind::change) == 2);
  CHECK(w.keys_of_kind(keys::kind::own_change) == 2);
  CHECK(w.wrong() == nothing_wrong);
  for (int slice = 0; slice < 3; ++slice) // the first two put requests and deletions in order
    REQUIRE(w.store->forget({0, 1'000'000, 0}, 1'000));
  CHECK(w.keys_of_kind(keys::kind::change) == 1);
  CHECK(w.keys_of_kind(keys::kind::own_change) == 1);
  CHECK(w.wrong() == nothing_wrong);
}

TEST_CASE("a batch with more events than are cleared away at once is cleared away in steps") {
  tests::scratch dir;
  indexed_writer w(dir / "j");
  w.create(ann_first, "ann");
  for (std::uint32_t i = 0; i < 3; ++i) {
    std::vector<append_request> group;
    for (std::uint32_t k = 0; k < 4'000; ++k)
      group.push_back(w.request(ann_first, "ann", prioritise(1 + k % 2)));
    w.write(group, false);
  }
  w.tell(ann_first, "ann", domain::delete_batch{});
  std::size_t steps = 0;
  const auto none = [](const file_record&) {};
  for (std::optional<domain::file_index> from = 0; from; ++steps) {
    auto next = w.store->purge(ann_first, *from, 100, none);
    REQUIRE(next);
    from = *next;
    if (steps == 0) w.reopen(); // it stopped half-way
    CHECK(w.wrong() == nothing_wrong);
  }
  CHECK(steps == 2);
  CHECK(w.keys_of_kind(keys::kind::event) == 0);
  CHECK(w.keys_of_kind(keys::kind::change) == 1);
}

TEST_CASE("a journal of an older version is indexed in slices, and read before that too") {
  tests::scratch dir;
  indexed_writer w(dir / "j");
  naive_feed naive;
  std::mt19937 dice(3);
  w.create(ann_first, "ann");
  for (std::uint32_t i = 0; i < 20; ++i)
    w.tell(ann_first, "ann", prioritise(1 + i % 2));
  w.forget_index();
  CHECK_FALSE(w.store->feed_is_indexed());
  CHECK(w.keys_of_kind(keys::kind::change) == 0);
  w.tell(ann_first, "ann", prioritise(9)); // 22: this one is indexed at once
  CHECK(w.keys_of_kind(keys::kind::change) == 1);
  REQUIRE(w.store->index_feed(5));
  CHECK_FALSE(w.store->feed_is_indexed());
  CHECK(w.wrong() == nothing_wrong);
  CHECK(w.store->view()->count_between({{}, "ann"}, 0, 99, 99).value() == 22u);
  w.reopen(); // it goes on where it was
  w.index_all();
  CHECK(w.store->view()->count_between({{}, "ann"}, 0, 99, 99).value() == 22u);
  CHECK(w.wrong() == nothing_wrong);
}

TEST_CASE("what a version without the index has written since is not left out") {
  tests::scratch dir;
  indexed_writer w(dir / "j");
  w.create(ann_first, "ann");
  w.tell(ann_first, "ann", prioritise(1));
  w.create(bob_first, "bob");
  w.leave_index_behind(2);
  CHECK_FALSE(w.store->feed_is_indexed());
  CHECK(w.store->view()->count_between({}, 2, 9, 9).value() == 1u);
  w.index_all();
  CHECK(w.store->view()->count_between({}, 2, 9, 9).value() == 1u);
  CHECK(w.store->view()->count_between({}, 0, 9, 9).value() == 3u);
  CHECK(w.wrong() == nothing_wrong);
}

TEST_CASE("an index that contradicts the events is reported") {
  struct fault {
    const char* what;
    std::function<void(rocksdb::WriteBatch&)> change;
  };
  const std::string run = encode_run({ann_first, 1, 1, {}});
  const fault faults[] = {
      {"a run is gone", [](auto& to) { to.Delete(keys::change(1)); }},
      {"a run of an owner is gone", [](auto& to) { to.Delete(keys::own_change("ann", 1)); }},
      {"a run of another batch",
       [&](auto& to) {
         to.Put(keys::change(2), run.substr(1) + '\1');
         to.Put(keys::own_change("bob", 2), run.substr(1) + '\1');
       }},
      {"a run too many",
       [&](auto& to) {
         to.Put(keys::change(9), run);
         to.Put(keys::own_change("ann", 9), run);
       }},
      {"no run", [](auto& to) { to.Put(keys::change(1), "x"); }},
      {"a deletion that was none",
       [](auto& to) {
         const auto value = encode_run({ann_first, 1, 1, "ann"});
         to.Put(keys::change(1), value);
         to.Put(keys::own_change("ann", 1), value);
       }},
  };
  for (const auto& f : faults) {
    INFO(f.what);
    tests::scratch dir;
    indexed_writer w(dir / "j");
    w.create(ann_first, "ann");
    w.create(bob_first, "bob");
    CHECK(w.wrong() == nothing_wrong);
    w.edit(f.change);
    CHECK(w.wrong() != nothing_wrong);
  }
}

TEST_CASE("the index finds what looking into every batch finds, over random histories") {
  for (std::uint32_t round = 1; round <= 12; ++round) {
    INFO("round " << round);
    tests::scratch dir;
    std::mt19937 dice(round);
    tests::random_life life(round);
    indexed_writer w(dir / "j");
    naive_feed naive;
    std::vector<domain::batch_id> tombstones;
    const auto owner_of = [](const domain::batch_id& batch) {
      return std::string{batch.bytes[0] % 2 == 0 ? "ann" : "bob"};
    };
    const auto random_batch = [&] {
      return domain::batch_id{
          {static_cast<std::uint8_t>(1 + dice() % 6), static_cast<std::uint8_t>(dice() % 3)}};
    };
    const auto purge_one = [&] {
      if (tombstones.empty()) return;
      const auto none = [](const file_record&) {};
      const auto next = w.store->purge(tombstones.back(), 0, 2, none);
      REQUIRE(next);
      if (!*next) tombstones.pop_back();
    };
    for (int step = 0; step < 120; ++step) {
      std::vector<append_request> group;
      for (auto n = dice() % 4 + 1; n > 0; --n) {
        const auto batch = random_batch();
        auto& state = w.states[batch];
        if (state.phase == domain::batch_phase::deleted) continue;
        domain::command command = life.step(state);
        if (state.phase == domain::batch_phase::absent) {
          domain::create_batch make;
          make.owner = owner_of(batch);
          make.spec = tests::sample_spec();
          command = make;
        } else if (dice() % 25 == 0) {
          command = domain::delete_batch{};
        }
        auto request = w.request(batch, owner_of(batch), command);
        if (request.events.empty()) continue;
        if (state.phase == domain::batch_phase::deleted) tombstones.push_back(batch);
        if (dice() % 8 == 0) { // numbers that are no events
          persistence::audit_entry entry;
          entry.action = "look";
          request.records.emplace_back(entry);
        }
        group.push_back(std::move(request));
      }
      naive.add(w.write(group, false));
      switch (dice() % 14) {
      case 0:
        w.reopen();
        break;
      case 1:
        w.forget_index();
        break;
      case 2:
        w.leave_index_behind(dice() % (w.store->last_seq() + 1));
        break;
      case 3:
      case 4:
      case 5:
        REQUIRE(w.store->index_feed(1 + dice() % 20));
        break;
      case 6:
      case 7:
        purge_one();
        break;
      default:
        break;
      }
      check_feed(w, naive, dice);
      if (step % 25 == 0) REQUIRE(w.wrong() == nothing_wrong);
    }
    w.index_all();
    check_feed(w, naive, dice);
    CHECK(w.wrong() == nothing_wrong);
  }
}

TEST_CASE("an upgrade that loses its power anywhere is finished later, and no event is missing") {
  for (std::uint32_t round = 0; round < 25; ++round) {
    INFO("round " << round);
    tests::scratch dir;
    tests::losing_file_system files;
    const auto env = rocksdb::NewCompositeEnv(
        std::shared_ptr<rocksdb::FileSystem>(&files, [](rocksdb::FileSystem*) {}));
    naive_feed naive;
    std::mt19937 dice(round + 1);
    {
      indexed_writer w(dir / "j", env.get());
      w.create(ann_first, "ann");
      w.create(bob_first, "bob");
      for (std::uint32_t i = 0; i < 12; ++i) {
        w.tell(ann_first, "ann", prioritise(1 + i % 2));
        w.tell(bob_first, "bob", prioritise(1 + i % 2));
      }
      REQUIRE(w.store->view()->each_event(ann_first, 0, [&](journaled_event&& e) {
        e.owner = "ann";
        naive.add({e});
        return true;
      }));
      w.forget_index();
      const auto cut = round % 13; // after so many steps of the upgrade
      for (std::uint32_t step = 0; step < cut; ++step) {
        REQUIRE(w.store->index_feed(1 + dice() % 4));
        auto more = w.request(ann_first, "ann", prioritise(step % 2 + 3));
        naive.add(w.write({more}, dice() % 3 == 0));
      }
    }
    files.lose_power();
    indexed_writer w(dir / "j");
    naive.lose_after(w.store->last_seq());
    for (int slice = 0;; ++slice) {
      REQUIRE(slice < 1'000);
      const auto run = w.store->view()->events_between({{}, "ann"}, 0, UINT32_MAX, 100);
      REQUIRE(run);
      std::vector<domain::seq> seqs;
      for (const auto& e : run->events)
        seqs.push_back(e.seq);
      REQUIRE(seqs == naive.between("ann", 0, UINT32_MAX, 100));
      REQUIRE(w.wrong() == nothing_wrong);
      if (w.store->feed_is_indexed()) break;
      REQUIRE(w.store->index_feed(3));
    }
  }
}
