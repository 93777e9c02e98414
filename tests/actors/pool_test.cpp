// CODEC POOL and SLOT with a runner that does nothing, on the test's own scheduler.
#include "fixture.hpp"

#include "actors/codec_pool.hpp"

using namespace darkroom;
using namespace darkroom::actors;
using namespace darkroom::tests;

namespace {

struct told {
  std::vector<domain::lease_id> converted, interrupted, ended, answered;
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

struct asker_state {
  static inline const char* name = "asker";
  asker_state() = default;
};

// Stands where a converter and a dispatcher would.
dispatcher_actor::behavior_type noting_dispatcher(dispatcher_actor::stateful_pointer<asker_state>,
                                                  std::shared_ptr<told> to) {
  return {[](const request_lease&) {},
          [](const withdraw_request&) {},
          [to](const lease_ended& m) { to->ended.push_back(m.lease); },
          [](const hold_leases&) {},
          [](describe_queue) { return queue_view{}; },
          [](const register_node&) {},
          [](const node_left&) {},
          [](const pause_node&) {},
          [](const steer_node&) { return node_steered{}; },
          [](const lease_tick&) {}};
}

converter_actor::behavior_type asker(converter_actor::stateful_pointer<asker_state> self,
                                     codec_pool_actor pool, std::vector<domain::lease_id> leases,
                                     std::shared_ptr<told> to) {
  for (const auto lease : leases) {
    convert_file order;
    order.job.lease = lease;
    order.job.file = std::make_shared<domain::file_entry>();
    self->send(pool, order);
  }
  return {[](const file_probed&) {},
          [](const lease_granted&) {},
          [](const lease_impossible&) {},
          [](request_withdrawn) {},
          [](attempt_started) {},
          [](attempt_refused) {},
          [to](const conversion_ended& m) { to->answered.push_back(m.lease); },
          [](result_accepted) {},
          [](result_refused) {},
          [](const outputs_placed&) {},
          [](withdraw_file) {},
          [](interrupt_file) {}};
}

} // namespace

TEST_CASE("each conversion is answered to its asker, and its lease ends") {
  stage s;
  auto to = std::make_shared<told>();
  auto dispatcher = s.system().spawn(noting_dispatcher, to);
  auto pool = s.system().spawn(
      codec_pool, pool_options{2, false}, [to] { return std::make_unique<noting_runner>(to); },
      dispatcher, std::make_shared<slot_board>(2));
  auto one = s.system().spawn(asker, pool, std::vector<domain::lease_id>{5, 6}, to);
  s.run();
  CHECK(to->converted == std::vector<domain::lease_id>{5, 6});
  CHECK(to->answered == std::vector<domain::lease_id>{5, 6});
  CHECK(to->ended == std::vector<domain::lease_id>{5, 6});

  SECTION("a lease without a conversion ends when it is interrupted") {
    caf::anon_send(pool, interrupt_conversion{9});
    s.run();
    CHECK(to->ended.back() == 9);
    CHECK(to->interrupted.empty());
  }
  SECTION("more conversions than slots are a fault that is answered") {
    auto two = s.system().spawn(asker, pool, std::vector<domain::lease_id>{7, 8, 9}, to);
    s.run();
    CHECK(to->answered.size() == 5);
    CHECK(to->ended.size() == 5);
    caf::anon_send_exit(two, caf::exit_reason::kill);
  }
  for (const auto& actor : {caf::actor_cast<caf::actor>(pool), caf::actor_cast<caf::actor>(one),
                            caf::actor_cast<caf::actor>(dispatcher)})
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  s.run();
}
