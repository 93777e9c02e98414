#include "actors/cluster/limits.hpp"
#include "actors/lease_queue.hpp"
#include "actors/limits.hpp"
#include "base/units.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <deque>
#include <optional>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

constexpr std::uint64_t MB = limits::MiB;

lease_wish wish(domain::file_index file, std::uint64_t memory = MB, const std::string& user = "ann",
                std::uint64_t cost = 1, std::uint8_t priority = 0, std::uint8_t batch = 1) {
  return {{{{batch}}, file}, user, priority, memory, cost, false, false};
}

std::string granted(lease_queue& queue, std::uint64_t now = 0) {
  std::string text;
  for (const auto& g : queue.grant_all(now))
    text += std::to_string(g.file.index) + " ";
  return text;
}

} // namespace

TEST_CASE("as many leases as slots, the rest when one ends") {
  lease_queue q;
  q.add_node({2, 100 * MB});
  for (domain::file_index i = 0; i < 4; ++i)
    REQUIRE(q.request(wish(i)));
  const auto first = q.grant_all(0);
  REQUIRE(first.size() == 2);
  CHECK(first[0].lease != first[1].lease);
  CHECK(granted(q).empty());
  q.end(first[0].lease);
  q.end(first[0].lease); // ending twice frees one slot
  CHECK(granted(q) == "2 ");
}

TEST_CASE("memory is never granted twice, nor more than there is") {
  lease_queue q;
  q.add_node({8, 100 * MB});
  REQUIRE(q.request(wish(0, 60 * MB)));
  REQUIRE(q.request(wish(1, 60 * MB)));
  REQUIRE(q.request(wish(2, 30 * MB)));
  CHECK_FALSE(q.request(wish(3, 101 * MB)));
  CHECK(granted(q) == "0 2 "); // 1 is overtaken
  CHECK(q.waiting() == 1);
}

TEST_CASE("a request is overtaken for a while, then memory is kept for it") {
  lease_queue q;
  q.add_node({8, 100 * MB});
  REQUIRE(q.request(wish(0, 60 * MB)));
  const auto first = q.grant_all(0);
  REQUIRE(q.request(wish(1, 80 * MB)));
  CHECK(granted(q, 100).empty());
  REQUIRE(q.request(wish(2, 10 * MB)));
  CHECK(granted(q, 200) == "2 ");
  REQUIRE(q.request(wish(3, 10 * MB)));
  CHECK(granted(q, 100 + limits::memory_overtake_ms).empty());
  q.end(first[0].lease);
  CHECK(granted(q, 200 + limits::memory_overtake_ms) == "1 3 ");
}

TEST_CASE(
    "priority first, then the older batch, then the costlier file, then the order of asking") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  REQUIRE(q.request(wish(0, MB, "ann", 10, 0, 2)));
  REQUIRE(q.request(wish(1, MB, "ann", 10, 0, 1)));
  REQUIRE(q.request(wish(2, MB, "ann", 100, 0, 1)));
  REQUIRE(q.request(wish(3, MB, "ann", 11, 0, 1)));
  REQUIRE(q.request(wish(4, MB, "ann", 1, 5, 2)));
  std::string order;
  for (int i = 0; i < 5; ++i) {
    const auto g = q.grant_all(0);
    REQUIRE(g.size() == 1);
    order += std::to_string(g[0].file.index);
    q.end(g[0].lease);
  }
  CHECK(order == "42130");
}

TEST_CASE("what a user took of an idle machine is not held against them") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  constexpr std::uint64_t second_us = 1'000'000;
  const auto owner_of_next = [&] {
    const auto g = q.grant_all(0);
    REQUIRE(g.size() == 1);
    q.end(g[0].lease, second_us);
    return g[0].file.index < 10'000 ? "long" : "new";
  };
  SECTION("who asked for one file at a time") {}
  SECTION("while another one waits for a machine that takes no files") {
    const auto closed = q.add_node({1, 1'000 * MB});
    q.close_node(closed, true);
    REQUIRE(q.request(wish(50'000, 500 * MB, "other", second_us)));
    CHECK(q.grant_all(0).empty());
  }
  for (domain::file_index i = 0; i < 3'600; ++i) {
    REQUIRE(q.request(wish(i, MB, "long", second_us)));
    owner_of_next();
  }
  for (domain::file_index i = 0; i < 100; ++i) {
    REQUIRE(q.request(wish(5'000 + i, MB, "long", second_us)));
    REQUIRE(q.request(wish(10'000 + i, MB, "new", second_us)));
  }
  std::size_t of_long = 0;
  for (int i = 0; i < 10; ++i)
    of_long += owner_of_next() == std::string{"long"};
  CHECK(of_long >= 4);
}

TEST_CASE("files that were overtaken wait for their user's turn like others") {
  lease_queue q;
  q.add_node({2, 100 * MB});
  REQUIRE(q.request(wish(0, 95 * MB, "many")));
  const auto large = q.grant_all(0);
  for (domain::file_index i = 1; i < 100; ++i)
    REQUIRE(q.request(wish(i, 10 * MB, "many", 1'000'000)));
  CHECK(q.grant_all(0).empty()); // all are overtaken
  q.end(large[0].lease);
  const auto now = limits::memory_overtake_ms + 1; // and memory would be kept for them
  auto running = q.grant_all(now);
  REQUIRE(running.size() == 2);
  REQUIRE(q.request(wish(1'000, 10 * MB, "few", 1'000)));
  q.end(running[0].lease, 1'000'000);
  const auto next = q.grant_all(now);
  REQUIRE(next.size() == 1);
  CHECK(next[0].file.index == 1'000);
}

TEST_CASE("users share by cost, whoever has more files") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  for (domain::file_index i = 0; i < 400; ++i)
    REQUIRE(q.request(wish(i, MB, "many", 10'000)));
  for (domain::file_index i = 1'000; i < 1'100; ++i)
    REQUIRE(q.request(wish(i, MB, "few", 30'000)));
  std::uint64_t many = 0, few = 0;
  while (few < 100) {
    const auto g = q.grant_all(0);
    REQUIRE(g.size() == 1);
    (g[0].file.index < 1'000 ? many : few) += 1;
    q.end(g[0].lease);
  }
  // Within one turn of equal.
  CHECK(many >= 300 - limits::quantum_max_us / 10'000);
  CHECK(many <= 300 + limits::quantum_max_us / 10'000);
}

// One slot, and 100 files each of ann and bob, whose indexes begin at 1,000.
lease_queue queue_of_two_users() {
  lease_queue q;
  q.add_node({1, 100 * MB});
  for (domain::file_index i = 0; i < 100; ++i) {
    REQUIRE(q.request(wish(i, MB, "ann", 10'000)));
    REQUIRE(q.request(wish(1'000 + i, MB, "bob", 10'000)));
  }
  return q;
}

TEST_CASE("users take turns: one goes on in a slot until its quantum is used up") {
  auto q = queue_of_two_users();
  std::string users;
  for (int i = 0; i < 100; ++i) {
    const auto g = q.grant_all(0).at(0);
    users += g.file.index < 1'000 ? 'a' : 'b';
    q.end(g.lease);
  }
  // Two users share a round of 300 ms.
  const auto a = std::string(15, 'a'), b = std::string(15, 'b');
  CHECK(users == a + b + a + b + a + b + std::string(10, 'a'));
}

TEST_CASE("a turn that began when no other user waited is shorter when others come") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  for (domain::file_index i = 0; i < 100; ++i)
    REQUIRE(q.request(wish(i, MB, "ann", 10'000)));
  const auto next = [&q] {
    const auto g = q.grant_all(0).at(0);
    q.end(g.lease);
    return g.file.index < 1'000 ? 'a' : 'b';
  };
  std::string users;
  for (int i = 0; i < 5; ++i)
    users += next();
  for (domain::file_index u = 1; u < 20; ++u)
    REQUIRE(q.request(wish(u * 1'000, MB, "bob" + std::to_string(u), 10'000)));
  for (int i = 0; i < 20; ++i)
    users += next();
  CHECK(users == "aaaaa" + std::string(19, 'b') + "a");
}

TEST_CASE("a turn whose files wait for a disk ends by the clock") {
  auto q = queue_of_two_users();
  const auto turn_ms = limits::quantum_round_us / 2 * limits::turn_wall_per_cpu / 1'000;
  const std::uint64_t file_ms = turn_ms * 2 / 5, took_us = 2'000; // 75 would fit in a quantum
  std::string users;
  for (std::uint64_t now_ms = 0; users.size() < 12; now_ms += file_ms) {
    const auto g = q.grant_all(now_ms).at(0);
    users += g.file.index < 1'000 ? 'a' : 'b';
    q.end(g.lease, took_us);
  }
  REQUIRE(turn_ms / file_ms == 2); // and one that began before the end
  CHECK(users == "aaabbbaaabbb");
}

TEST_CASE("a turn is shorter, the more users wait, and one file at least") {
  struct row {
    int users;
    std::uint64_t cost;
    std::size_t in_a_row;
  };
  const auto [users, cost, in_a_row] = GENERATE_COPY(values<row>({
      {2, 10'000, 15}, // one slot: 300 ms for a round
      {10, 10'000, 3},
      {20, 3'000'000, 1},
      {1'000, 10'000, 2}, // so that hosts are changed less often than files
  }));
  lease_queue q;
  q.add_node({1, 100 * MB});
  for (int u = 0; u < users; ++u)
    for (domain::file_index i = 0; i < 30; ++i)
      REQUIRE(q.request(wish(static_cast<domain::file_index>(u) * 1'000 + i, MB,
                             "user" + std::to_string(u), cost)));
  std::size_t turn = 0;
  std::optional<domain::file_index> user;
  for (;; ++turn) {
    const auto g = q.grant_all(0).at(0);
    if (user.value_or(g.file.index / 1'000) != g.file.index / 1'000) break;
    user = g.file.index / 1'000;
    q.end(g.lease);
  }
  CHECK(turn == in_a_row);
}

// How many of 3,000 files are ann's and bob's when each takes so much of its host.
std::pair<std::uint64_t, std::uint64_t> files_by_cost(std::uint64_t ann_took,
                                                      std::uint64_t bob_took) {
  lease_queue q;
  q.add_node({1, 100 * MB});
  for (domain::file_index i = 0; i < 4'000; ++i) {
    REQUIRE(q.request(wish(i, MB, "ann", 10'000)));
    REQUIRE(q.request(wish(10'000 + i, MB, "bob", 10'000)));
  }
  std::uint64_t ann = 0, bob = 0;
  for (int i = 0; i < 3'000; ++i) {
    const auto g = q.grant_all(0).at(0);
    const bool anns = g.file.index < 10'000;
    (anns ? ann : bob) += 1;
    q.end(g.lease, anns ? ann_took : bob_took);
  }
  return {ann, bob};
}

TEST_CASE("a user pays for what a file took, not for what was predicted") {
  const auto [ann, bob] = files_by_cost(20'000, 5'000);
  const auto ann_us = ann * (20'000 + limits::server_file_us);
  const auto bob_us = bob * (5'000 + limits::server_file_us);
  const auto apart = ann_us > bob_us ? ann_us - bob_us : bob_us - ann_us;
  CHECK(apart <= 2 * limits::quantum_max_us);
}

TEST_CASE("small files are charged with what the server takes beside their hosts") {
  // Both are charged alike: with 1.2 ms for each of hers, of which her host used a third.
  const auto [ann, bob] = files_by_cost(400, 8'000);
  const auto ann_us = ann * 400, bob_us = bob * 8'000;
  CHECK(ann_us * 2 < bob_us);
  CHECK(ann_us * 4 > bob_us);
}

TEST_CASE("what the server takes for a file is charged as it was measured last") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  for (domain::file_index i = 0; i < 4'000; ++i) {
    REQUIRE(q.request(wish(i, MB, "ann", 1'000)));
    REQUIRE(q.request(wish(10'000 + i, MB, "bob", 1'000)));
  }
  q.set_server_cost(3'000);
  std::uint64_t ann = 0, bob = 0;
  for (int i = 0; i < 3'000; ++i) {
    const auto g = q.grant_all(0).at(0);
    const bool anns = g.file.index < 10'000;
    (anns ? ann : bob) += 1;
    q.end(g.lease, anns ? 500 : 11'000); // a quarter of his
  }
  CHECK(ann * 10 > bob * 38);
  CHECK(ann * 10 < bob * 42);
}

TEST_CASE("a lease whose file never ran costs its user nothing") {
  lease_queue q(true);
  const auto node = q.add_node({1, 100 * MB});
  REQUIRE(q.request(wish(0, MB, "ann", 50'000'000)));
  REQUIRE(q.request(wish(1, MB, "ann", 10'000)));
  REQUIRE(q.request(wish(2, MB, "bob", 20'000)));
  SECTION("because it was given back") {
    q.give_back(q.grant_all(0).at(0).lease);
  }
  SECTION("because its machine was lost") {
    CHECK(granted(q) == "0 ");
    q.remove_node(node);
    q.add_node({1, 100 * MB});
  }
  // Both have had nothing. Charged with its prediction, she would wait for bob.
  CHECK(granted(q) == "1 ");
}

TEST_CASE("a turn in which every file is given back ends as well") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  for (domain::file_index i = 0; i < 1'000; ++i)
    REQUIRE(q.request(wish(i, MB, "ann", 10'000)));
  REQUIRE(q.request(wish(1'000, MB, "bob", 10'000)));
  q.end(q.grant_all(0).at(0).lease); // ann has had more than bob
  for (std::size_t files = 0;; ++files) {
    REQUIRE(files < limits::quantum_round_us / 2 / limits::server_file_us); // two users
    const auto g = q.grant_all(0).at(0);
    if (g.file.index == 1'000) break;
    q.give_back(g.lease);
  }
}

TEST_CASE("a user who comes while others have much to do is next when a turn ends") {
  lease_queue q;
  q.add_node({2, 100 * MB});
  for (domain::file_index u = 0; u < 20; ++u)
    for (domain::file_index i = 0; i < 200; ++i)
      REQUIRE(q.request(wish(u * 1'000 + i, MB, "user" + std::to_string(u), 5'000)));
  std::deque<domain::lease_id> leases;
  const auto grants = [&] {
    std::vector<domain::file_index> files;
    for (const auto& g : q.grant_all(0)) {
      files.push_back(g.file.index);
      leases.push_back(g.lease);
    }
    return files;
  };
  grants();
  for (int i = 0; i < 500; ++i) {
    q.end(leases.front());
    leases.pop_front();
    grants();
  }
  REQUIRE(q.request(wish(100'000, MB, "late", 5'000)));
  int before = 0;
  for (bool found = false; !found; ++before) {
    REQUIRE(before <= 200);
    q.end(leases.front());
    leases.pop_front();
    found = std::ranges::count(grants(), 100'000u) == 1;
  }
  CHECK(before <= 2 * 6); // the turns in both slots: 29 ms with 21 users
}

TEST_CASE("a changed priority counts from the next grant on, of overtaken files too") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  REQUIRE(q.request(wish(0, 60 * MB)));
  const auto first = q.grant_all(0).at(0);
  REQUIRE(q.request(wish(1, 10 * MB)));
  REQUIRE(q.request(wish(2, 90 * MB)));
  REQUIRE(q.request(wish(3, 10 * MB)));
  CHECK(granted(q).empty());
  q.reprioritise({{{1}}, 3}, 5);
  q.reprioritise({{{1}}, 2}, 9);
  q.reprioritise({{{1}}, 77}, 9); // waits no more
  q.end(first.lease);
  std::string order;
  for (int i = 0; i < 3; ++i) {
    const auto g = q.grant_all(10).at(0);
    order += std::to_string(g.file.index);
    q.end(g.lease);
  }
  CHECK(order == "231");
}

TEST_CASE("who was away does not collect what was not used") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  for (domain::file_index i = 0; i < 50; ++i)
    REQUIRE(q.request(wish(i, MB, "ann", limits::quantum_max_us)));
  for (int i = 0; i < 40; ++i)
    q.end(q.grant_all(0).at(0).lease);
  for (domain::file_index i = 100; i < 150; ++i)
    REQUIRE(q.request(wish(i, MB, "bob", limits::quantum_max_us)));
  int bobs = 0;
  for (int i = 0; i < 10; ++i) {
    const auto g = q.grant_all(0);
    bobs += g.at(0).file.index >= 100;
    q.end(g[0].lease);
  }
  CHECK(bobs == 5);
}

TEST_CASE("a suspect runs alone") {
  lease_queue q;
  q.add_node({4, 100 * MB});
  REQUIRE(q.request(wish(0)));
  const auto first = q.grant_all(0);
  auto suspect = wish(1);
  suspect.alone = true;
  REQUIRE(q.request(suspect));
  CHECK(granted(q, 10).empty());
  q.end(first[0].lease);
  const auto alone = q.grant_all(20);
  REQUIRE(alone.size() == 1);
  REQUIRE(q.request(wish(2)));
  CHECK(granted(q, 30).empty());
  q.end(alone[0].lease);
  CHECK(granted(q, 40) == "2 ");
}

TEST_CASE("a suspect waits until what ended before it is durable, and others until it is") {
  lease_queue q;
  q.add_node({4, 100 * MB});
  REQUIRE(q.request(wish(0)));
  const auto first = q.grant_all(0);
  auto suspect = wish(1);
  suspect.alone = true;
  REQUIRE(q.request(suspect));
  REQUIRE(q.request(wish(2)));
  q.note_unsettled(1, 0);
  q.end(first[0].lease);
  q.withdraw(wish(2).file);
  CHECK(granted(q, 10).empty());
  CHECK(q.wake_ms() == 10 + limits::settle_look_ms); // no message comes when a sync has ended
  q.note_unsettled(0, 0);
  const auto alone = q.grant_all(20);
  REQUIRE(alone.size() == 1);
  q.note_unsettled(1, 1);
  q.end(alone[0].lease);
  REQUIRE(q.request(wish(2)));
  CHECK(granted(q, 30).empty());
  CHECK(q.wake_ms() == 30 + limits::settle_look_ms);
  q.note_unsettled(0, 0);
  CHECK(granted(q, 40) == "2 ");
}

TEST_CASE("a withdrawn request is not granted; a granted one is not withdrawn") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  REQUIRE(q.request(wish(0)));
  REQUIRE(q.request(wish(1)));
  CHECK(granted(q) == "0 ");
  CHECK(q.withdraw(wish(1).file));
  CHECK_FALSE(q.withdraw(wish(1).file));
  CHECK_FALSE(q.withdraw(wish(0).file));
  CHECK(q.waiting() == 0);
}

TEST_CASE("a second request of a file that waits replaces the first") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  REQUIRE(q.request(wish(0)));
  REQUIRE(q.request(wish(1)));
  REQUIRE(q.request(wish(0, 2 * MB)));
  CHECK(q.waiting() == 2);
  const auto first = q.grant_all(0);
  REQUIRE(first.size() == 1);
  CHECK(first[0].file.index == 1);
  q.end(first[0].lease);
  CHECK(granted(q) == "0 ");
  CHECK(q.memory_granted_bytes() == 2 * MB);
  CHECK(q.waiting() == 0);
}

TEST_CASE("nothing is granted while leases are held back") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  q.hold_until(500, false);
  REQUIRE(q.request(wish(0)));
  CHECK(granted(q, 499).empty());
  CHECK(q.wake_ms() == 500);
  CHECK(granted(q, 500) == "0 ");
}

TEST_CASE("the place in the queue is how many files come before") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  for (domain::file_index i = 0; i < 3; ++i) {
    REQUIRE(q.request(wish(i, MB, "ann", limits::quantum_max_us, 0, 1)));
    REQUIRE(q.request(wish(i, MB, "ann", limits::quantum_max_us, 0, 2)));
    REQUIRE(q.request(wish(i, MB, "bob", limits::quantum_max_us, 0, 3)));
  }
  using places = std::vector<queue_place>;
  using enum wait_reason;
  // Ann's first batch, then in turn with Bob's; her second when the first is through.
  CHECK(q.places(100) == places{{{{1}}, 0, turn}, {{{3}}, 1, turn}, {{{2}}, 6, turn}});
  CHECK(q.places(2) == places{{{{1}}, 0, turn}, {{{3}}, 1, turn}});
  // What is said is what happens.
  std::vector<std::string> order;
  for (int i = 0; i < 7; ++i) {
    const auto grants = q.grant_all(0);
    REQUIRE(grants.size() == 1);
    order.push_back(domain::to_string(grants[0].file.batch).substr(0, 2));
    q.end(grants[0].lease);
  }
  CHECK(order[0] == "01");
  CHECK(order[1] == "03");
  CHECK(order[6] == "02");
  CHECK(lease_queue().places(10).empty());
}

TEST_CASE("places in the queue count whole turns") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  for (domain::file_index i = 0; i < 60; ++i) {
    REQUIRE(q.request(wish(i, MB, "ann", 10'000, 0, 1)));
    REQUIRE(q.request(wish(i, MB, "bob", 10'000, 0, 2)));
  }
  REQUIRE(q.request(wish(0, MB, "ann", 10'000, 0, 3)));
  using places = std::vector<queue_place>;
  using enum wait_reason;
  // 15 of each in turn; Ann's first batch takes four turns.
  CHECK(q.places(200) == places{{{{1}}, 0, turn}, {{{2}}, 15, turn}, {{{3}}, 120, turn}});
  CHECK(q.places(10) == places{{{{1}}, 0, turn}});
}

TEST_CASE("what the server takes of the memory itself is not granted") {
  lease_queue q;
  const auto node = q.add_node({2, 100 * MB});
  REQUIRE(q.request(wish(0, 60 * MB)));
  const auto first = q.grant_all(0);
  REQUIRE(first.size() == 1);
  q.resize_node(node, 50 * MB); // less than is granted
  REQUIRE(q.request(wish(1, 10 * MB)));
  CHECK(q.grant_all(0).empty());
  q.end(first[0].lease);
  CHECK(granted(q, 0) == "1 ");
  SECTION("what would have fitted at first waits for a while") {
    REQUIRE(q.request(wish(2, 60 * MB)));
    CHECK_FALSE(q.request(wish(3, 101 * MB)));
    q.grant_all(0);
    CHECK(q.take_impossible().empty());
    q.grant_all(limits::node_wait_ms);
    CHECK(q.take_impossible().size() == 1);
  }
  SECTION("and is granted when there is room again") {
    REQUIRE(q.request(wish(2, 60 * MB)));
    q.resize_node(node, 100 * MB);
    CHECK(granted(q, 0) == "2 ");
  }
}

TEST_CASE("the queue tells what the next file of a batch waits for") {
  const auto reason = [](lease_queue& q, std::uint64_t now_ms = 0) {
    q.grant_all(now_ms);
    const auto places = q.places(10);
    REQUIRE_FALSE(places.empty());
    return places.front().reason;
  };
  SECTION("no machine takes files") {
    lease_queue q(true);
    REQUIRE(q.request(wish(0, MB, "ann", 10, 0, 1)));
    CHECK(reason(q) == wait_reason::workers);
    const auto node = q.add_node({1, 100 * MB});
    q.close_node(node, true); // cordoned
    CHECK(reason(q) == wait_reason::workers);
    q.close_node(node, false);
    q.close_node_until(node, 500); // paused
    CHECK(reason(q) == wait_reason::workers);
    q.grant_all(500);
    CHECK(q.places(10).empty());
  }
  SECTION("there is no room for outputs") {
    lease_queue q;
    q.add_node({1, 100 * MB});
    q.hold_until(100, true);
    REQUIRE(q.request(wish(0, MB, "ann", 10, 0, 1)));
    CHECK(reason(q) == wait_reason::disk);
    q.grant_all(100);
    CHECK(q.places(10).empty());
  }
  SECTION("others have the memory, or no machine has as much") {
    lease_queue q(true);
    q.add_node({2, 100 * MB});
    REQUIRE(q.request(wish(0, 60 * MB, "ann", 10, 0, 1)));
    REQUIRE(q.request(wish(0, 60 * MB, "bob", 10, 0, 2)));
    CHECK(reason(q) == wait_reason::memory);
    lease_queue other(true);
    other.add_node({2, 100 * MB});
    REQUIRE(other.request(wish(0, 101 * MB, "ann", 10, 0, 1)));
    CHECK(reason(other) == wait_reason::memory);
  }
  SECTION("files of others run") {
    lease_queue q;
    q.add_node({1, 100 * MB});
    REQUIRE(q.request(wish(0, MB, "ann", 10, 0, 1)));
    REQUIRE(q.request(wish(0, MB, "bob", 10, 0, 2)));
    CHECK(reason(q) == wait_reason::turn);
  }
  SECTION("a file that runs alone waits for all others") {
    lease_queue q;
    q.add_node({4, 100 * MB});
    REQUIRE(q.request(wish(0, MB, "ann", 10, 0, 1)));
    auto suspect = wish(0, MB, "bob", 10, 0, 2);
    suspect.alone = true;
    q.grant_all(0);
    REQUIRE(q.request(suspect));
    CHECK(reason(q) == wait_reason::turn);
  }
}

namespace {

// "file@node", in the order in which they were granted.
std::string placed(lease_queue& queue, std::uint64_t now = 0) {
  std::string text;
  for (const auto& g : queue.grant_all(now))
    text += std::to_string(g.file.index) + '@' + std::to_string(g.node) + ' ';
  return text;
}

} // namespace

TEST_CASE("the local node comes first, then the one with the least to do, then files wait ahead") {
  lease_queue q(true);
  q.add_node({.slots = 1, .memory_bytes = 100 * MB, .ahead = 0, .local = true});
  q.add_node({.slots = 2, .memory_bytes = 100 * MB, .ahead = 1, .local = false});
  q.add_node({.slots = 4, .memory_bytes = 100 * MB, .ahead = 1, .local = false});
  for (domain::file_index i = 0; i < 12; ++i)
    REQUIRE(q.request(wish(i)));
  const auto text = placed(q);
  CHECK(text.starts_with("0@0 "));
  CHECK(q.leased_on(0) == 1);
  CHECK(q.leased_on(1) == 3); // two slots, one ahead
  CHECK(q.leased_on(2) == 5);
  CHECK(q.waiting() == 3);
}

TEST_CASE("small files wait for a slot here, rather than on another machine") {
  lease_queue q(true);
  q.add_node({.slots = 1, .memory_bytes = 100 * MB});
  q.add_node({.slots = 1, .memory_bytes = 100 * MB, .ahead = 4, .local = false});
  for (domain::file_index i = 0; i < 4; ++i) {
    auto small = wish(i);
    small.small = true;
    REQUIRE(q.request(small));
  }
  CHECK(placed(q) == "0@0 1@1 ");
}

TEST_CASE("a node that leaves takes its leases with it; late ends of them change nothing") {
  lease_queue q(true);
  const auto here = q.add_node({.slots = 2, .memory_bytes = 100 * MB, .local = false});
  REQUIRE(q.request(wish(0)));
  REQUIRE(q.request(wish(1)));
  const auto leases = q.grant_all(0);
  REQUIRE(leases.size() == 2);
  q.remove_node(here);
  CHECK(q.leased() == 0);
  CHECK(q.memory_granted_bytes() == 0);
  REQUIRE(q.request(wish(2)));
  CHECK(placed(q).empty());
  const auto again = q.add_node({.slots = 1, .memory_bytes = 100 * MB, .local = false});
  CHECK(placed(q) == "2@" + std::to_string(again) + ' ');
  q.end(leases[0].lease);
  CHECK(q.leased_on(again) == 1);
}

TEST_CASE("closed nodes get nothing until they are opened, or their pause is over") {
  lease_queue q(true);
  const auto node = q.add_node({.slots = 2, .memory_bytes = 100 * MB, .local = false});
  q.close_node(node, true);
  REQUIRE(q.request(wish(0)));
  CHECK(placed(q).empty());
  q.close_node(node, false);
  CHECK(placed(q) == "0@0 ");
  q.close_node_until(node, 500);
  REQUIRE(q.request(wish(1)));
  CHECK(placed(q, 100).empty());
  CHECK(q.wake_ms() == 500);
  CHECK(placed(q, 500) == "1@0 ");
}

TEST_CASE("where nodes come and go, a file that fits none waits for one that can hold it") {
  lease_queue q(true);
  REQUIRE(q.request(wish(0, 80 * MB)));
  CHECK(placed(q, 0).empty()); // no node at all: for ever
  CHECK(q.take_impossible().empty());
  q.add_node({.slots = 1, .memory_bytes = 50 * MB, .local = false});
  REQUIRE(q.request(wish(1)));
  CHECK(placed(q, 1'000) == "1@0 "); // it stands in nobody's way
  CHECK(q.take_impossible().empty());
  q.grant_all(1'000 + limits::node_wait_ms - 1);
  CHECK(q.take_impossible().empty());
  q.grant_all(1'000 + limits::node_wait_ms);
  const auto given_up = q.take_impossible();
  REQUIRE(given_up.size() == 1);
  CHECK(given_up[0].index == 0);
  CHECK(q.waiting() == 0);
}

TEST_CASE("files that wait on one machine are called back when another has nothing to do") {
  lease_queue q(true);
  q.add_node({.slots = 1, .memory_bytes = 100 * MB, .ahead = 2, .local = false});
  for (domain::file_index i = 0; i < 3; ++i)
    REQUIRE(q.request(wish(i)));
  CHECK(placed(q) == "0@0 1@0 2@0 ");
  CHECK(q.take_recalls().empty());
  q.add_node({.slots = 1, .memory_bytes = 100 * MB, .local = false});
  const auto recalls = q.take_recalls();
  REQUIRE(recalls.size() == 1);
  CHECK(recalls[0].file.index == 2); // it has waited least
  CHECK(recalls[0].node == 0);
  q.end(recalls[0].lease);
  REQUIRE(q.request(wish(2)));
  CHECK(placed(q) == "2@1 ");
}

TEST_CASE("memory is kept only where the file could run now; the others go on") {
  lease_queue q(true);
  q.add_node({.slots = 2, .memory_bytes = 100 * MB, .local = true});
  const auto big = q.add_node({.slots = 2, .memory_bytes = 1'000 * MB, .local = false});
  SECTION("the only machine that could is closed") {
    q.close_node(big, true);
    q.request(wish(0, 500 * MB));
    q.request(wish(1));
    CHECK(granted(q, 0) == "1 ");
    q.request(wish(2));
    CHECK(granted(q, 10 * limits::memory_overtake_ms) == "2 ");
    q.close_node(big, false);
    CHECK(granted(q, 10 * limits::memory_overtake_ms) == "0 ");
  }
  SECTION("the only machine that could is busy") {
    q.request(wish(0, 900 * MB));
    CHECK(granted(q, 0) == "0 ");
    q.request(wish(1, 500 * MB));
    CHECK(granted(q, 0).empty());
    q.request(wish(2));
    q.request(wish(3));
    q.request(wish(4));
    CHECK(granted(q, limits::memory_overtake_ms) == "2 3 "); // on the small one; no memory is taken
  }
}

TEST_CASE("what one batch waits for is told without a walk through the others") {
  lease_queue q;
  q.add_node({1, 100 * MB});
  const domain::batch_id first{{1}}, second{{2}}, third{{3}};
  CHECK_FALSE(q.waits_for(first));
  REQUIRE(q.request(wish(0, 60 * MB, "ann", 10, 0, 1)));
  const auto running = q.grant_all(0);
  CHECK_FALSE(q.waits_for(first)); // none of its files waits
  for (domain::file_index i = 0; i < 20'000; ++i)
    REQUIRE(q.request(wish(i, MB, "ann", 10, 0, 2)));
  REQUIRE(q.request(wish(0, MB, "ann", 10, 0, 3)));
  REQUIRE(q.request(wish(1, MB, "ann", 10, 0, 3)));
  q.grant_all(0);
  CHECK(q.waits_for(second) == wait_reason::turn);
  CHECK(q.waits_for(third) == wait_reason::turn); // behind more than `places` looks at
  // The first of a batch is told of, as it stands in the queue.
  REQUIRE(q.request(wish(2, 80 * MB, "ann", 1'000, 0, 3)));
  q.resize_node(0, 70 * MB);
  CHECK(q.waits_for(third) == wait_reason::memory);
  // What is withdrawn or granted no longer counts.
  CHECK(q.withdraw(wish(2, MB, "ann", 10, 0, 3).file));
  CHECK(q.waits_for(third) == wait_reason::turn);
  for (const domain::file_index i : {0u, 1u})
    CHECK(q.withdraw(wish(i, MB, "ann", 10, 0, 3).file));
  CHECK_FALSE(q.waits_for(third));
  for (domain::file_index i = 1; i < 20'000; ++i)
    REQUIRE(q.withdraw(wish(i, MB, "ann", 10, 0, 2).file));
  q.end(running[0].lease);
  CHECK(granted(q) == "0 ");
  CHECK_FALSE(q.waits_for(second));
}
