// DISPATCHER between those who ask for leases; its rules are those of `lease_queue`.
#include "actors/limits.hpp"
#include "noting_actors.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <optional>

using namespace darkroom;
using namespace darkroom::actors;
using namespace darkroom::tests;

namespace {

struct asker {
  std::shared_ptr<heard> told = std::make_shared<heard>();
  converter_actor actor;
};

// Notes which leases it is to end.
codec_pool_actor::behavior_type
noting_pool(codec_pool_actor::stateful_pointer<part_state>,
            std::shared_ptr<std::vector<domain::lease_id>> interrupted) {
  return {[](const probe_files&) {},
          [](const convert_file&) {},
          [interrupted](const interrupt_conversion& m) { interrupted->push_back(m.lease); },
          [](probe_done) {},
          [](const slot_idle&) {},
          [](recall_lease) {}};
}

using leases = std::vector<domain::lease_id>;

// One machine with 100 MiB and some slots.
class dispatching {
public:
  explicit dispatching(std::uint32_t slots) {
    caf::anon_send(dispatcher_, register_node{"local", {}, slots, 100 * limits::MiB});
  }
  // Another machine with 100 MiB and some slots; the result has what it is to end.
  std::shared_ptr<leases> join(const std::string& name, std::uint32_t slots) {
    auto interrupted = std::make_shared<leases>();
    pools_[name] = stage_.system().spawn(noting_pool, interrupted);
    actors_.push_back(caf::actor_cast<caf::actor>(pools_[name]));
    caf::anon_send(dispatcher_, register_node{name, pools_[name], slots, 100 * limits::MiB});
    stage_.run();
    return interrupted;
  }
  void leave(const std::string& name) {
    caf::anon_send(dispatcher_, node_left{pools_.at(name)});
    stage_.run();
  }
  // As after a fault of its own.
  void kill(const asker& who) {
    caf::anon_send_exit(who.actor, caf::exit_reason::unhandled_exception);
    stage_.run();
  }
  const vitals& numbers() const { return *numbers_; }
  ~dispatching() {
    actors_.push_back(caf::actor_cast<caf::actor>(dispatcher_));
    for (const auto& actor : actors_)
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    stage_.run();
  }
  asker spawn() {
    asker made;
    made.actor = stage_.system().spawn(noting_converter, made.told);
    actors_.push_back(caf::actor_cast<caf::actor>(made.actor));
    return made;
  }
  void request(const asker& who, domain::file_index file, std::uint64_t mebibytes,
               const std::string& user = "ann") {
    caf::send_as(who.actor, dispatcher_,
                 request_lease{.user = user,
                               .batch = {},
                               .index = file,
                               .memory_bytes = mebibytes * limits::MiB,
                               .cost = 1});
    stage_.run();
  }
  void withdraw(const asker& who, domain::file_index file) {
    caf::send_as(who.actor, dispatcher_, withdraw_request{{}, file});
    stage_.run();
  }
  void end(domain::lease_id lease, std::optional<std::uint64_t> cpu_us = std::nullopt) {
    caf::anon_send(dispatcher_, lease_ended{lease, cpu_us});
    stage_.run();
  }
  void worked_for_files(std::uint64_t cpu_us) {
    caf::anon_send(dispatcher_, server_used{cpu_us});
    stage_.run();
  }
  void advance(std::uint32_t ms) { stage_.advance(ms); }

private:
  stage stage_;
  std::vector<caf::actor> actors_;
  std::map<std::string, codec_pool_actor> pools_;
  std::shared_ptr<vitals> numbers_ = std::make_shared<vitals>();
  dispatcher_actor dispatcher_ =
      stage_.system().spawn(dispatcher, dispatcher_options{.numbers = numbers_});
};

} // namespace

TEST_CASE("a request that is withdrawn no longer keeps others waiting") {
  dispatching d(4);
  const auto long_one = d.spawn(), large = d.spawn(), small = d.spawn();
  d.request(long_one, 0, 60);
  REQUIRE(long_one.told->granted.size() == 1);
  d.request(large, 1, 80);
  d.advance(limits::memory_overtake_ms);
  d.request(small, 2, 10);
  CHECK(small.told->granted.empty()); // the memory is kept
  d.withdraw(large, 1);
  CHECK(large.told->withdrawn == 1);
  CHECK(small.told->granted.size() == 1);
}

TEST_CASE("what the server itself takes for files is learnt, and ends turns") {
  constexpr domain::file_index learnt_files = 400;
  dispatching d(1);
  const std::array anns{d.spawn(), d.spawn()};
  const auto bob = d.spawn();
  domain::file_index next = 0;
  d.request(anns[0], next, 1);
  const auto one_file = [&] { // the next one waits when it ends
    const auto& ended = anns[next % 2];
    next += 1;
    d.request(anns[next % 2], next, 1);
    d.end(ended.told->granted.back(), 0);
  };
  while (next < learnt_files)
    one_file();
  server_cost expected;
  for (domain::file_index i = 0; i < learnt_files; ++i)
    expected.file_ended();
  const auto us_of_a_file = GENERATE(0u, 1u, 2u) * limits::server_file_us;
  expected.used(us_of_a_file * learnt_files);
  d.worked_for_files(us_of_a_file * learnt_files);
  const auto files_until_bob = [&] {
    const auto from = next;
    d.request(bob, 100'000, 1, "bob");
    while (bob.told->granted.empty() && next < from + 10 * learnt_files)
      one_file();
    REQUIRE(bob.told->granted.size() == 1);
    d.end(bob.told->granted.back(), 0); // a turn of hers begins
    bob.told->granted.clear();
    return next - from;
  };
  files_until_bob();
  const auto files_of_a_turn = limits::quantum_round_us / 2 / expected.per_file_us();
  const auto files = files_until_bob();
  CHECK(files + 2 >= files_of_a_turn);
  CHECK(files <= files_of_a_turn + 2);
}

TEST_CASE("who asked before does not withdraw the request of who asks now") {
  dispatching d(1);
  const auto other = d.spawn(), before = d.spawn(), now = d.spawn();
  d.request(other, 0, 1);
  d.request(before, 1, 1);
  d.request(now, 1, 1);
  d.withdraw(before, 1);
  CHECK(before.told->withdrawn == 1);
  CHECK(now.told->withdrawn == 0);
  d.end(other.told->granted.at(0));
  CHECK(before.told->granted.empty());
  REQUIRE(now.told->granted.size() == 1);
  d.withdraw(now, 1); // too late
  CHECK(now.told->withdrawn == 0);
}

TEST_CASE("the request of a converter that died is withdrawn") {
  dispatching d(4);
  const auto long_one = d.spawn(), large = d.spawn(), small = d.spawn();
  d.request(long_one, 0, 60);
  d.request(large, 1, 80);
  d.advance(limits::memory_overtake_ms);
  d.request(small, 2, 10);
  CHECK(small.told->granted.empty()); // the memory is kept
  d.kill(large);
  CHECK(small.told->granted.size() == 1);
  CHECK(d.numbers().leases_waiting == 0);
  d.end(long_one.told->granted.at(0));
  d.end(small.told->granted.at(0));
  CHECK(d.numbers().leases_granted == 0); // none is held by a converter that died
}

TEST_CASE("a converter that died does not withdraw its successor's request for the file") {
  dispatching d(1);
  const auto other = d.spawn(), before = d.spawn(), now = d.spawn();
  d.request(other, 0, 1);
  d.request(before, 1, 1);
  d.request(now, 1, 1);
  d.kill(before);
  CHECK(d.numbers().leases_waiting == 1);
  d.end(other.told->granted.at(0));
  CHECK(now.told->granted.size() == 1);
}

TEST_CASE("the lease of a converter that died is ended by its machine, and by no other") {
  dispatching d(0);
  const auto here = d.join("here", 1), there = d.join("there", 1);
  const auto first = d.spawn(), second = d.spawn(), third = d.spawn();
  d.request(first, 0, 1);
  d.request(second, 1, 1);
  d.request(third, 2, 1);
  const auto lease = second.told->granted.at(0);
  d.kill(second);
  CHECK(*here == leases{});
  CHECK(*there == leases{lease});
  CHECK(third.told->granted.empty()); // its slot may be busy
  d.end(lease);
  CHECK(third.told->granted.size() == 1);
}

TEST_CASE("a lease that is over is not ended again when its holder dies") {
  dispatching d(0);
  const auto here = d.join("here", 2), there = d.join("there", 1);
  const auto first = d.spawn(), second = d.spawn(), third = d.spawn();
  d.request(first, 0, 1);
  d.request(second, 1, 1);
  d.request(third, 2, 1);
  d.end(first.told->granted.at(0));
  d.kill(first);
  d.leave("here");
  d.leave("there");
  const auto again = d.join("here", 3); // at its place among the machines
  d.kill(second);
  d.kill(third);
  CHECK(here->size() + there->size() + again->size() == 0);
}
