// CODEC POOL and SLOT with a runner that does nothing, on the test's own scheduler.
#include "noting_actors.hpp"

#include "actors/codec_pool.hpp"

using namespace darkroom;
using namespace darkroom::actors;
using namespace darkroom::tests;

namespace {

struct told {
  std::vector<domain::lease_id> converted, interrupted;
};

class noting_runner final : public slot_runner {
public:
  explicit noting_runner(std::shared_ptr<told> to) : to_(std::move(to)) {}
  codecs::result<codecs::image_info> probe(const probe_job&) override {
    return codecs::image_info{.format = "png", .width = 3, .height = 4, .channels = 1};
  }
  conversion_outcome convert(const conversion_job& job, const codecs::progress_listener&) override {
    to_->converted.push_back(job.lease);
    return {};
  }
  void interrupt(domain::lease_id lease) noexcept override { to_->interrupted.push_back(lease); }

private:
  std::shared_ptr<told> to_;
};

void order(const converter_actor& asker, const codec_pool_actor& pool,
           const std::vector<domain::lease_id>& leases) {
  for (const auto lease : leases)
    caf::send_as(asker, pool, convert_file{job_of(lease)});
}

} // namespace

TEST_CASE("each conversion is answered to its asker, and its lease ends") {
  stage s;
  const auto to = std::make_shared<told>();
  const auto around = std::make_shared<heard>();
  auto dispatcher = s.system().spawn(noting_dispatcher, around);
  auto asker = s.system().spawn(noting_converter, around);
  auto pool = s.system().spawn(
      codec_pool, pool_options{2, false}, [to] { return std::make_unique<noting_runner>(to); },
      dispatcher, std::make_shared<slot_board>(2));
  order(asker, pool, {5, 6});
  s.run();
  CHECK(to->converted == std::vector<domain::lease_id>{5, 6});
  REQUIRE(around->outcomes.size() == 2);
  CHECK(around->outcomes[0].lease == 5);
  CHECK(around->outcomes[1].lease == 6);
  CHECK(around->leases_ended == std::vector<domain::lease_id>{5, 6});

  SECTION("a lease without a conversion ends when it is interrupted") {
    caf::anon_send(pool, interrupt_conversion{9});
    s.run();
    CHECK(around->leases_ended.back() == 9);
    CHECK(to->interrupted.empty());
  }
  SECTION("more conversions than slots are a fault that is answered") {
    order(asker, pool, {7, 8, 9});
    s.run();
    CHECK(around->outcomes.size() == 5);
    CHECK(around->leases_ended.size() == 5);
  }
  for (const auto& actor : {caf::actor_cast<caf::actor>(pool), caf::actor_cast<caf::actor>(asker),
                            caf::actor_cast<caf::actor>(dispatcher)})
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  s.run();
}
