// DISPATCHER between those who ask for leases; its rules are those of `lease_queue`.
#include "actors/limits.hpp"
#include "noting_actors.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::actors;
using namespace darkroom::tests;

namespace {

struct asker {
  std::shared_ptr<heard> told = std::make_shared<heard>();
  converter_actor actor;
};

// One machine with 100 MiB and some slots.
class dispatching {
public:
  explicit dispatching(std::uint32_t slots) {
    caf::anon_send(dispatcher_, register_node{"local", {}, slots, 100 * limits::MiB});
  }
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
  void request(const asker& who, domain::file_index file, std::uint64_t mebibytes) {
    caf::send_as(who.actor, dispatcher_,
                 request_lease{.user = "ann",
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
  void end(domain::lease_id lease) {
    caf::anon_send(dispatcher_, lease_ended{lease});
    stage_.run();
  }
  void advance(std::uint32_t ms) { stage_.advance(ms); }

private:
  stage stage_;
  std::vector<caf::actor> actors_;
  dispatcher_actor dispatcher_ = stage_.system().spawn(dispatcher, dispatcher_options{});
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
