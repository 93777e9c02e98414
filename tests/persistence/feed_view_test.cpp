// What a feed reads of the journal: events of one batch, of an owner or of all, in one order.
#include "persistence/journal_store.hpp"
#include "persistence/read_view.hpp"
#include "samples.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <map>

using namespace darkroom;
using namespace darkroom::persistence;

namespace {

const domain::batch_id first{{1}}, second{{2}}, other{{3}};

class writer {
public:
  writer() {
    auto opened = journal_store::open({directory_ / "journal", nullptr});
    REQUIRE(opened);
    store = std::move(*opened);
  }
  void tell(const domain::batch_id& batch, const std::string& owner, const domain::command& c,
            std::int64_t time_us = 1'000) {
    auto& state = states_[batch];
    const auto events = domain::execute(state, c);
    REQUIRE(events);
    append_request request{batch, time_us, *events, {}, nullptr};
    request.summary.owner = owner;
    request.summary.phase = state.phase;
    request.summary.counts = state.counts;
    const auto done = store->append(std::span(&request, 1), true);
    REQUIRE(done);
    for (const auto& e : *done)
      CHECK(e.owner == owner);
  }
  void create(const domain::batch_id& batch, const std::string& owner) {
    domain::create_batch make;
    make.owner = owner;
    make.spec = tests::sample_spec();
    tell(batch, owner, make);
  }
  // "seq:type" of the events, one word each.
  std::string between(const event_scope& scope, domain::seq after, domain::seq upto,
                      std::size_t most = 100) {
    const auto events = store->view()->events_between(scope, after, upto, most);
    REQUIRE(events);
    std::string text;
    CHECK(events->more == (events->events.size() == most));
    for (const auto& e : events->events)
      text += std::to_string(e.seq) + ':' + std::string{domain::name_of(e.fact)} + ' ';
    return text;
  }

  std::unique_ptr<journal_store> store;

private:
  tests::scratch directory_;
  std::map<domain::batch_id, domain::batch_state> states_;
};

} // namespace

TEST_CASE("events of a batch, of an owner and of all come in the order of their seq") {
  writer w;
  w.create(first, "ann");                            // 1
  w.create(other, "bob");                            // 2
  w.create(second, "ann");                           // 3
  w.tell(first, "ann", domain::change_priority{1});  // 4
  w.tell(second, "ann", domain::change_priority{2}); // 5
  w.tell(first, "ann", domain::change_priority{3});  // 6
  CHECK(w.between({first, {}}, 0, 9) == "1:batch_created 4:priority_changed 6:priority_changed ");
  CHECK(w.between({first, {}}, 1, 5) == "4:priority_changed ");
  CHECK(
      w.between({{}, "ann"}, 0, 9) ==
      "1:batch_created 3:batch_created 4:priority_changed 5:priority_changed 6:priority_changed ");
  CHECK(w.between({{}, "ann"}, 1, 9, 2) == "3:batch_created 4:priority_changed ");
  CHECK(w.between({{}, "an"}, 0, 9).empty());
  CHECK(w.between({}, 1, 3) == "2:batch_created 3:batch_created ");
  const auto view = w.store->view();
  // No more than so many bytes, and it is told how far that was.
  const auto part = view->events_between({{}, "ann"}, 0, 9, 100, 1);
  REQUIRE(part);
  CHECK(part->events.size() == 1);
  CHECK(part->read == 1);
  CHECK(part->more);
  CHECK(view->count_between({{}, "ann"}, 0, 9, 100).value() == 5u);
  CHECK(view->count_between({{}, "ann"}, 0, 9, 3).value() == 3u);
  CHECK(view->last_seq() == 6);
}

TEST_CASE("of a deleted batch, its deletion outlives it for a while") {
  writer w;
  w.create(first, "ann");
  w.create(second, "ann");
  w.create(other, "bob");
  w.tell(first, "ann", domain::delete_batch{}, 5'000'000); // 4
  w.tell(other, "bob", domain::delete_batch{}, 9'000'000); // 5
  CHECK(w.between({{}, "ann"}, 0, 9) == "2:batch_created 4:batch_deleted ");
  const auto none = [](const file_record&) {};
  REQUIRE(w.store->purge(first, 0, 100, none));
  REQUIRE(w.store->purge(other, 0, 100, none));
  CHECK(w.between({first, {}}, 0, 9).empty());
  CHECK(w.between({{}, "ann"}, 0, 9) == "2:batch_created 4:batch_deleted ");
  CHECK(w.between({{}, "ann"}, 3, 9) == "4:batch_deleted ");
  CHECK(w.between({{}, "ann"}, 4, 9).empty());
  CHECK(w.between({}, 0, 9) == "2:batch_created 4:batch_deleted 5:batch_deleted ");
  const auto told = w.store->view()->events_between({{}, "ann"}, 3, 9, 9);
  REQUIRE(told);
  CHECK(told->events.front().batch == first);
  CHECK(told->events.front().prev == 1);
  CHECK(told->events.front().time_us == 5'000'000);
  CHECK(told->read == 9);
  for (int slice = 0; slice < 3; ++slice) // the first two put requests and deletions in order
    REQUIRE(w.store->forget({0, 6'000'000, 0}, 1'000));
  CHECK(w.between({}, 0, 9) == "2:batch_created 5:batch_deleted ");
}

TEST_CASE("paths are known of files that are there") {
  writer w;
  w.create(first, "ann");
  domain::add_files add;
  for (const auto* path : {"a.jpg", "b.jpg"})
    add.entries.push_back({path, "/f", 5, 1, {"a", "b"}});
  w.tell(first, "ann", add);
  w.tell(first, "ann", domain::remove_file{0, add.entries[0]});
  const domain::file_index wanted[] = {1, 0, 7};
  const auto found = w.store->view()->paths(first, wanted);
  REQUIRE(found);
  CHECK(*found == std::vector<std::optional<std::string>>{"b.jpg", std::nullopt, std::nullopt});
}
