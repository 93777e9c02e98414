// CODEC POOL and SLOT with a runner that does nothing, on the test's own scheduler.
#include "noting_actors.hpp"

#include "actors/codec_pool.hpp"
#include "actors/limits.hpp"
#include "actors/preview_host.hpp"
#include "base/thread_times.hpp"
#include "tests/support/no_threads.hpp"

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <future>
#include <optional>
#include <set>
#include <thread>

using namespace darkroom;
using namespace darkroom::actors;
using namespace darkroom::tests;

namespace {

struct told {
  std::vector<domain::lease_id> converted, interrupted;
  std::vector<const slot_runner*> slots; // that converted these
  std::uint64_t busy_us = 0;             // of the slot's own thread, for each
};

class noting_runner final : public slot_runner {
public:
  explicit noting_runner(std::shared_ptr<told> to) : to_(std::move(to)) {}
  codecs::result<codecs::image_info> probe(const probe_job&) override {
    return codecs::image_info{.format = "png", .width = 3, .height = 4, .channels = 1};
  }
  conversion_outcome convert(const conversion_job& job, const codecs::progress_listener&) override {
    to_->converted.push_back(job.lease);
    to_->slots.push_back(this);
    const auto begin = base::own_thread_us();
    while (base::own_thread_us() < begin + to_->busy_us) {
    }
    return {};
  }
  std::optional<std::uint64_t> cpu_us() const override { return 1'000 * to_->converted.back(); }
  void interrupt(domain::lease_id lease) noexcept override { to_->interrupted.push_back(lease); }

private:
  std::shared_ptr<told> to_;
};

void end_all(stage& s, const codec_pool_actor& pool, const converter_actor& asker,
             const dispatcher_actor& dispatcher) {
  for (const auto& actor : {caf::actor_cast<caf::actor>(pool), caf::actor_cast<caf::actor>(asker),
                            caf::actor_cast<caf::actor>(dispatcher)})
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  s.run();
}

void order(const converter_actor& asker, const codec_pool_actor& pool,
           const std::vector<domain::lease_id>& leases, const std::string& owner = "ann") {
  for (const auto lease : leases) {
    auto job = job_of(lease);
    job.owner = owner;
    caf::send_as(asker, pool, convert_file{std::move(job)});
  }
}

} // namespace

TEST_CASE("each conversion is answered to its asker, and its lease ends") {
  stage s;
  const auto to = std::make_shared<told>();
  to->busy_us = 3'000;
  const auto around = std::make_shared<heard>();
  auto dispatcher = s.system().spawn(noting_dispatcher, around);
  auto asker = s.system().spawn(noting_converter, around);
  auto pool = s.system().spawn(
      codec_pool, pool_options{2, false}, [to] { return std::make_unique<noting_runner>(to); },
      dispatcher, std::make_shared<slot_board>(2));
  order(asker, pool, {5, 6});
  const auto begin = base::own_thread_us();
  s.run();
  const auto all_us = base::own_thread_us() - begin;
  CHECK(to->converted == std::vector<domain::lease_id>{5, 6});
  REQUIRE(around->outcomes.size() == 2);
  CHECK(around->outcomes[0].lease == 5);
  CHECK(around->outcomes[1].lease == 6);
  CHECK(around->leases_ended == std::vector<domain::lease_id>{5, 6});
  CHECK(around->outcomes[1].cpu_us == 6'000); // of its host
  // Their user is charged with what the slot used as well.
  REQUIRE(around->lease_costs.size() == 2);
  CHECK(around->lease_costs[0].value() >= 5'000 + to->busy_us);
  CHECK(around->lease_costs[1].value() >= 6'000 + to->busy_us);
  CHECK(*around->lease_costs[0] + *around->lease_costs[1] <= 11'000 + all_us + 1);

  SECTION("a lease without a conversion ends when it is interrupted") {
    caf::anon_send(pool, interrupt_conversion{9});
    s.run();
    CHECK(around->leases_ended.back() == 9);
    CHECK(around->leases_ran == std::vector{true, true, false});
    CHECK(to->interrupted.empty());
  }
  SECTION("more conversions than slots are a fault that is answered") {
    order(asker, pool, {7, 8, 9});
    s.run();
    CHECK(around->outcomes.size() == 5);
    CHECK(around->leases_ended.size() == 5);
  }
  end_all(s, pool, asker, dispatcher);
}

TEST_CASE("a file goes to the slot that served its owner last, so that its host can stay") {
  stage s;
  const auto to = std::make_shared<told>();
  const auto around = std::make_shared<heard>();
  auto dispatcher = s.system().spawn(noting_dispatcher, around);
  auto asker = s.system().spawn(noting_converter, around);
  auto pool = s.system().spawn(
      codec_pool, pool_options{3, false}, [to] { return std::make_unique<noting_runner>(to); },
      dispatcher, std::make_shared<slot_board>(3));
  domain::lease_id lease = 1;
  for (const auto* owner : {"ann", "bob", "ann", "bob", "eve", "bob", "ann", "eve"}) {
    order(asker, pool, {lease++}, owner);
    s.run();
  }
  REQUIRE(to->slots.size() == 8);
  const auto &anns = to->slots[0], &bobs = to->slots[1], &eves = to->slots[4];
  CHECK(std::set{anns, bobs, eves}.size() == 3);
  CHECK(to->slots == std::vector{anns, bobs, anns, bobs, eves, bobs, anns, eves});
  end_all(s, pool, asker, dispatcher);
}

namespace {

// While threads of slots work beside the stage.
template<class Done>
void run_until(stage& s, Done done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!done()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    s.run();
    std::this_thread::yield();
  }
}

// Converts when it may.
class held_runner final : public slot_runner {
public:
  explicit held_runner(std::shared_future<void> released) : released_(std::move(released)) {}
  codecs::result<codecs::image_info> probe(const probe_job&) override {
    return codecs::fail(domain::failure_reason::internal, "no header");
  }
  conversion_outcome convert(const conversion_job&, const codecs::progress_listener&) override {
    released_.wait();
    return {};
  }
  std::optional<std::uint64_t> cpu_us() const override { return 1'000; }
  void interrupt(domain::lease_id) noexcept override {}

private:
  std::shared_future<void> released_;
};

} // namespace

TEST_CASE("files for which a slot has no thread run in the next one that is idle") {
  stage s;
  std::promise<void> release;
  const auto around = std::make_shared<heard>();
  auto dispatcher = s.system().spawn(noting_dispatcher, around);
  auto asker = s.system().spawn(noting_converter, around);
  std::optional<tests::no_threads> none(std::in_place);
  auto pool = s.system().spawn(
      codec_pool, pool_options{3, true},
      [released = release.get_future().share()] { return std::make_unique<held_runner>(released); },
      dispatcher, std::make_shared<slot_board>(3));
  s.run();
  none.reset();
  order(asker, pool, {5}); // this slot gets a thread, the others none
  s.run();
  none.emplace();
  order(asker, pool, {6, 7});
  s.run();
  CHECK(around->outcomes.empty());
  CHECK(around->paused_ms.empty()); // one slot works

  caf::send_as(asker, pool, interrupt_conversion{6});
  s.run();
  REQUIRE(around->outcomes.size() == 1);
  CHECK(around->outcomes[0].lease == 6);
  CHECK(around->leases_ended == std::vector<domain::lease_id>{6});
  CHECK(around->leases_ran == std::vector{false});

  release.set_value();
  run_until(s, [&] { return around->leases_ended.size() == 3; });
  CHECK(around->leases_ended == std::vector<domain::lease_id>{6, 5, 7});
  CHECK(around->leases_ran == std::vector{false, true, true});
  end_all(s, pool, asker, dispatcher);
}

TEST_CASE("where the system has no thread for slots, a file goes back and the pool pauses") {
  stage s;
  std::optional<tests::no_threads> none(std::in_place);
  const auto to = std::make_shared<told>();
  const auto around = std::make_shared<heard>();
  auto dispatcher = s.system().spawn(noting_dispatcher, around);
  auto asker = s.system().spawn(noting_converter, around);
  auto pool = s.system().spawn(
      codec_pool, pool_options{2, true}, [to] { return std::make_unique<noting_runner>(to); },
      dispatcher, std::make_shared<slot_board>(2));
  order(asker, pool, {5});
  s.run();
  REQUIRE(around->outcomes.size() == 1);
  const auto* back = std::get_if<conversion_interrupted>(around->outcomes[0].outcome.get());
  REQUIRE(back != nullptr);
  CHECK(back->cause == domain::interruption::not_begun);
  CHECK(around->leases_ended == std::vector<domain::lease_id>{5});
  CHECK(around->leases_ran == std::vector{false});
  CHECK(around->paused_ms == std::vector{limits::slot_thread_again_ms});

  // An urgent request for a header gets an error; that of a converter waits.
  const auto file = job_of(1).file;
  caf::send_as(asker, pool, probe_files{"ann", {file, file}, true});
  caf::send_as(asker, pool, probe_files{"ann", {file}});
  for (int i = 0; i < 3; ++i)
    s.advance(limits::slot_thread_again_ms);
  REQUIRE(around->probed.size() == 2);
  CHECK_FALSE(around->probed[0]);
  CHECK_FALSE(around->probed[1]);

  // With a thread again, the header is read that waited, and files run.
  none.reset();
  s.advance(limits::slot_thread_again_ms);
  run_until(s, [&] { return around->probed.size() == 3; });
  CHECK(around->probed[2]);
  order(asker, pool, {6});
  run_until(s, [&] { return around->leases_ended.size() == 2; });
  CHECK(around->leases_ran == std::vector{false, true});
  end_all(s, pool, asker, dispatcher);
}

namespace {

class no_previews final : public preview_runner {
public:
  preview make_preview(const preview_job&) override { return preview_superseded{}; }
  void interrupt(domain::lease_id) noexcept override {}
};

} // namespace

TEST_CASE("where the system has no thread for previews, each is answered so") {
  stage s;
  std::optional<tests::no_threads> none(std::in_place);
  auto host = s.system().spawn(
      preview_host, std::shared_ptr<preview_runner>(std::make_shared<no_previews>()), true);
  std::size_t answered = 0, made_later = 0;
  const on_preview done = [&](const preview& made) {
    (std::holds_alternative<no_workers>(made) ? answered : made_later) += 1;
  };
  for (int i = 0; i < 2; ++i) {
    caf::anon_send(host, preview_file{{}, done});
    s.run();
  }
  CHECK(answered == 2);
  none.reset(); // the next one is made
  caf::anon_send(host, preview_file{{}, done});
  run_until(s, [&] { return made_later == 1; });
  caf::anon_send_exit(host, caf::exit_reason::user_shutdown);
  s.run();
}
