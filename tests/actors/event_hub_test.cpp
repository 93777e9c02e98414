#include "actors/limits.hpp"
#include "fixture.hpp"

#include <caf/scoped_actor.hpp>

using namespace darkroom;
using namespace darkroom::actors;
using namespace darkroom::tests;

namespace {

struct reader_state {
  static inline const char* name = "reader";
  reader_state() = default;
};

struct heard {
  std::vector<domain::seq> seqs;
  bool cut = false;
  bool acknowledges = true;
};

subscriber_actor::behavior_type reader(subscriber_actor::stateful_pointer<reader_state> self,
                                       event_hub_actor hub, std::shared_ptr<heard> to) {
  return {
      [self, hub, to](const events_published& message) {
        for (const auto& e : *message.events)
          to->seqs.push_back(e.seq);
        if (to->acknowledges)
          self->send(hub, events_acknowledged{subscriber_actor{self}, message.events->size()});
      },
      [to](subscription_ended) { to->cut = true; },
  };
}

struct feed_world {
  stage s;
  event_hub_actor hub = s.system().spawn(event_hub);
  domain::seq next = 1;

  ~feed_world() {
    caf::anon_send_exit(hub, caf::exit_reason::kill);
    s.run();
  }
  std::shared_ptr<heard> follow(std::optional<domain::batch_id> batch, bool acknowledges = true) {
    auto to = std::make_shared<heard>();
    to->acknowledges = acknowledges;
    auto actor = s.system().spawn(reader, hub, to);
    readers.push_back(actor);
    caf::scoped_actor self{s.system()};
    auto answer = self->request(hub, caf::infinite, subscribe{actor, batch});
    s.run();
    answer.receive([&](subscribed a) { positioned_at = a.seq; }, [](const caf::error&) {});
    return to;
  }
  void publish(std::uint8_t batch, std::size_t count) {
    auto events = std::make_shared<std::vector<persistence::journaled_event>>();
    for (std::size_t i = 0; i < count; ++i)
      events->push_back({{{batch}}, next++, 0, 0, domain::batch_sealed{}});
    caf::anon_send(hub, publish_events{events});
    s.run();
  }
  domain::seq positioned_at = 0;
  std::vector<subscriber_actor> readers;
};

} // namespace

TEST_CASE("a subscriber hears its batch in order, from where it began") {
  feed_world w;
  w.publish(1, 2);
  const auto one = w.follow(domain::batch_id{{1}});
  CHECK(w.positioned_at == 2);
  const auto all = w.follow(std::nullopt);
  w.publish(1, 1);
  w.publish(2, 2);
  w.publish(1, 1);
  CHECK(one->seqs == std::vector<domain::seq>{3, 6});
  CHECK(all->seqs == std::vector<domain::seq>{3, 4, 5, 6});
}

TEST_CASE("a subscriber that does not acknowledge is cut off, others are not") {
  feed_world w;
  const auto slow = w.follow(std::nullopt, false);
  const auto fast = w.follow(std::nullopt);
  for (int i = 0; i < 20; ++i)
    w.publish(1, limits::subscriber_outbox_events_max / 10);
  CHECK(slow->cut);
  CHECK(slow->seqs.size() <= limits::subscriber_outbox_events_max);
  CHECK(fast->seqs.size() == 20 * (limits::subscriber_outbox_events_max / 10));
  CHECK_FALSE(fast->cut);
}

TEST_CASE("a subscriber that has left hears no more") {
  feed_world w;
  const auto one = w.follow(std::nullopt);
  w.publish(1, 1);
  caf::anon_send_exit(w.readers.back(), caf::exit_reason::user_shutdown);
  w.s.run();
  w.publish(1, 1);
  CHECK(one->seqs.size() == 1);
}
