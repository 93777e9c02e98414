// The feed by itself: no event is missed and none comes twice, whatever happens when; who is slow
// is cut off, and costs nobody else anything.
#include "http/feed.hpp"
#include "http/limits.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <numeric>
#include <random>
#include <sstream>

using namespace darkroom;
using http::event_scope;
using http::event_text;
using http::feed;

namespace {

const domain::batch_id one{{1}}, two{{2}};

// A feed beside the journal that it tells of.
class world {
public:
  // So many events of a batch happen; they are published unless `quietly`.
  void happen(const domain::batch_id& batch, const std::string& owner, int count,
              std::size_t bytes = 4, bool quietly = false) {
    std::vector<event_text> texts;
    for (int i = 0; i < count; ++i) {
      journal.push_back({++last, batch, owner, std::to_string(last)});
      texts.push_back(journal.back());
      texts.back().json.resize(std::max(bytes, texts.back().json.size()), ' ');
    }
    if (!quietly) feed.publish(texts, last, {});
  }

  http::feed feed;
  std::vector<event_text> journal;
  domain::seq last = 0;
};

// A client that takes what there is, and reads the journal where it has to.
class client {
public:
  explicit client(world& w) : world_(w), stream(w.feed.open([this] { woken += 1; })) {}

  void follow(std::uint32_t id, const event_scope& scope, domain::seq after) {
    scopes[id] = scope;
    stream->follow(id, scope, after);
  }
  // One step; false: there was nothing to do.
  bool step(std::size_t page = 3, std::size_t bytes = 64) {
    stream->rearm();
    const auto taken = stream->take(bytes);
    if (taken.behind) {
      auto read = taken.behind->upto;
      std::size_t count = 0;
      for (const auto& e : world_.journal) {
        if (e.seq <= taken.behind->read || e.seq > taken.behind->upto) continue;
        const auto& scope = taken.behind->scope;
        if ((scope.batch && e.batch != *scope.batch) || (scope.owner && e.owner != *scope.owner))
          continue;
        got.push_back(e.seq);
        if (++count == page) {
          read = e.seq;
          break;
        }
      }
      went_live += stream->caught_up(taken.behind->id, read);
      return true;
    }
    for (const auto& part : taken.events) {
      std::istringstream text{std::string{part.text()}};
      for (std::string word; std::getline(text, word, ',');)
        got.push_back(std::stoull(word));
    }
    for (const auto& text : taken.volatile_texts)
      volatiles.push_back(*text);
    return !taken.empty();
  }
  void run() {
    while (step()) {
    }
  }

  world& world_;
  int woken = 0;
  std::shared_ptr<feed::stream> stream;
  std::map<std::uint32_t, event_scope> scopes;
  std::vector<domain::seq> got;
  std::vector<std::string> volatiles;
  int went_live = 0;
};

using seqs = std::vector<domain::seq>;

} // namespace

TEST_CASE("what was missed comes first, then what happens, each once and in order") {
  world w;
  w.happen(one, "ann", 3);
  client c(w);
  c.follow(1, {one, {}}, 1);
  w.happen(one, "ann", 2); // while it has not read yet
  CHECK(c.step());         // 2, 3
  CHECK(c.got == seqs{2, 3});
  w.happen(one, "ann", 1);
  c.run();
  CHECK(c.got == seqs{2, 3, 4, 5, 6});
  CHECK(c.went_live == 1);
}

TEST_CASE("a topic is a batch, an owner or everything") {
  world w;
  client batch(w), owner(w), all(w);
  batch.follow(1, {one, {}}, 0);
  owner.follow(1, {{}, "ann"}, 0);
  all.follow(1, {}, 0);
  w.happen(one, "ann", 1);
  w.happen(two, "ann", 1);
  w.happen({{3}}, "bob", 1);
  for (auto* c : {&batch, &owner, &all})
    c->run();
  CHECK(batch.got == seqs{1});
  CHECK(owner.got == seqs{1, 2});
  CHECK(all.got == seqs{1, 2, 3});
  CHECK(w.feed.wanted(one, "ann"));
  CHECK(w.feed.wanted({{9}}, "eve")); // by who follows everything
  all.stream.reset();
  CHECK_FALSE(w.feed.wanted({{9}}, "eve"));
}

TEST_CASE("who comes while events become text reads them in the journal") {
  world w;
  w.happen(one, "ann", 3);
  client c(w);
  w.journal.push_back({4, one, "ann", "4"});
  w.last = 4;
  w.feed.reach(4); // nobody follows yet: it is not wanted, and becomes no text
  CHECK_FALSE(w.feed.wanted(one, "ann"));
  c.follow(1, {one, {}}, 3);
  w.feed.publish({}, 4, {});
  w.happen(one, "ann", 1);
  c.run();
  CHECK(c.got == seqs{4, 5});
}

TEST_CASE("those that are behind and those that are live take turns") {
  world w;
  w.happen(one, "ann", 40);
  client c(w);
  c.follow(1, {two, {}}, 40);
  c.run();
  c.follow(2, {one, {}}, 0);
  w.happen(two, "ann", 2);
  CHECK(c.step(1));
  CHECK(c.step(1));
  CHECK(std::ranges::count(c.got, 41) == 1); // long before the other has read all
  CHECK(c.got.size() < 10);
  c.run();
  CHECK(c.got.size() == 42);
}

TEST_CASE("what was not taken when a subscription ends counts no more") {
  world w;
  client c(w);
  for (std::uint32_t id = 1; id < 40; ++id) {
    c.follow(id, {one, {}}, w.last);
    c.run();
    for (int i = 0; i < 100; ++i)
      w.happen(one, "ann", 1, 1'000);
    CHECK(c.stream->unfollow(id));
    REQUIRE_FALSE(c.stream->cut());
  }
}

TEST_CASE("of a batch that is gone nothing volatile is left") {
  world w;
  client c(w);
  c.follow(1, {{}, "ann"}, 0);
  c.run();
  w.feed.set_volatile(one, "ann", "a", std::make_shared<const std::string>("1"));
  w.feed.set_volatile(two, "ann", "a", std::make_shared<const std::string>("2"));
  w.feed.drop_volatiles(one, "ann");
  client late(w);
  late.follow(1, {{}, "ann"}, 0);
  late.run();
  CHECK(late.volatiles == std::vector<std::string>{"2"});
}

TEST_CASE("a piece that is known in part is taken in part") {
  world w;
  w.happen(one, "ann", 2);
  client c(w);
  c.follow(1, {one, {}}, 0);
  w.happen(one, "ann", 4); // one piece: 3 to 6
  // By a snapshot, the client knows everything up to 4.
  CHECK(c.stream->take(64).behind);
  CHECK(c.stream->caught_up(1, 4));
  c.run();
  CHECK(c.got == seqs{5, 6});
}

TEST_CASE("who reads the journal for long reads there too what happens meanwhile") {
  world w;
  w.happen(one, "ann", 10);
  client c(w);
  c.follow(1, {one, {}}, 0);
  for (int i = 0; i < 40; ++i) {
    w.happen(one, "ann", 1, limits::feed_kept_bytes / 8);
    CHECK(c.step(1));
  }
  c.run();
  seqs all(50);
  std::iota(all.begin(), all.end(), 1);
  CHECK(c.got == all);
  CHECK_FALSE(c.stream->cut());
}

TEST_CASE("when the journal was opened again, everybody reads it") {
  world w;
  client c(w);
  c.follow(1, {one, {}}, 0);
  c.run();
  w.happen(one, "ann", 2);
  CHECK(c.step());
  w.happen(one, "ann", 1);          // published, and not taken
  w.happen(one, "ann", 2, 4, true); // of these nobody heard
  w.feed.reset(w.last);
  w.happen(one, "ann", 1);
  c.run();
  CHECK(c.got == seqs{1, 2, 3, 4, 5, 6});
}

TEST_CASE("who takes nothing is cut off at one mebibyte, and what was kept for it goes") {
  world w;
  client slow(w), fast(w);
  slow.follow(1, {one, {}}, 0);
  fast.follow(1, {one, {}}, 0);
  slow.run();
  fast.run();
  const std::size_t bytes = 1'000;
  std::size_t published = 0;
  while (!slow.stream->cut()) {
    w.happen(one, "ann", 1, bytes);
    published += bytes;
    REQUIRE(published < 2 * limits::feed_untaken_bytes_max);
    fast.run();
  }
  CHECK(published > limits::feed_untaken_bytes_max);
  CHECK(published <= limits::feed_untaken_bytes_max + bytes);
  CHECK(fast.got.size() == w.journal.size());
  CHECK(w.feed.streams_cut() == 1);
  CHECK(slow.stream->take(64).empty());
  w.happen(one, "ann", 1);
  fast.run();
  CHECK(fast.got.size() == w.journal.size());
  // It comes back, and misses nothing.
  client again(w);
  again.follow(1, {one, {}}, slow.got.empty() ? 0 : slow.got.back());
  again.run();
  CHECK(slow.got.size() + again.got.size() == w.journal.size());
}

TEST_CASE("one that is stuck while it reads the journal is cut off as well") {
  world w;
  w.happen(one, "ann", 5);
  client c(w);
  c.follow(1, {one, {}}, 0);
  CHECK(c.step(1));
  for (int i = 0; i < 2'000 && !c.stream->cut(); ++i)
    w.happen(one, "ann", 1, 1'000);
  CHECK(c.stream->cut());
}

TEST_CASE("of what is volatile, the newest counts") {
  world w;
  client c(w);
  c.follow(1, {one, {}}, 0);
  c.run();
  const auto say = [&](const std::string& name, const char* text) {
    w.feed.set_volatile(one, "ann", name,
                        text == nullptr ? nullptr : std::make_shared<const std::string>(text));
  };
  say("file 1", "10 %");
  say("file 1", "20 %");
  say("file 2", "5 %");
  c.run();
  CHECK(c.volatiles == std::vector<std::string>{"20 %", "5 %"});
  c.volatiles.clear();
  say("file 2", "6 %");
  say("file 1", nullptr);
  c.run();
  CHECK(c.volatiles == std::vector<std::string>{"6 %"});
  // Whoever comes later gets what there is.
  client late(w);
  late.follow(1, {one, {}}, 0);
  late.run();
  CHECK(late.volatiles == std::vector<std::string>{"6 %"});
}

TEST_CASE("a stream is woken once until it has looked") {
  world w;
  client c(w);
  c.follow(1, {one, {}}, 0);
  c.run();
  c.woken = 0;
  w.happen(one, "ann", 1);
  w.happen(one, "ann", 1);
  CHECK(c.woken == 1);
  c.run();
  w.happen(one, "ann", 1);
  CHECK(c.woken == 2);
  CHECK(c.stream->unfollow(1));
  CHECK_FALSE(c.stream->unfollow(1));
  c.stream->rearm();
  w.happen(one, "ann", 1);
  CHECK(c.woken == 2);
}

TEST_CASE("five hundred random lives: every event once, in order, whatever happens when") {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 dice(seed);
    const auto roll = [&](unsigned sides) { return dice() % sides; };
    world w;
    std::vector<std::unique_ptr<client>> clients;
    std::vector<domain::seq> afters;
    for (int step = 0; step < 200; ++step) {
      const auto batch = roll(2) == 0 ? one : two;
      switch (roll(8)) {
      case 0:
      case 1:
        w.happen(batch, "ann", static_cast<int>(1 + roll(5)), 1 + roll(300));
        break;
      case 2: // the journal fails: some events are there and were never published
        if (roll(4) == 0) {
          w.happen(batch, "ann", static_cast<int>(roll(3)), 4, true);
          w.feed.reset(w.last);
        }
        break;
      case 3:
        if (clients.size() < 6) {
          clients.push_back(std::make_unique<client>(w));
          afters.push_back(w.last == 0 ? 0 : roll(static_cast<unsigned>(w.last) + 1));
          const event_scope scope = roll(3) == 0 ? event_scope{{}, "ann"} : event_scope{one, {}};
          clients.back()->follow(1, scope, afters.back());
        }
        break;
      default:
        if (!clients.empty())
          clients[roll(static_cast<unsigned>(clients.size()))]->step(1 + roll(4), 1 + roll(500));
      }
    }
    for (std::size_t i = 0; i < clients.size(); ++i) {
      auto& c = *clients[i];
      c.run();
      seqs wanted;
      for (const auto& e : w.journal)
        if (e.seq > afters[i] && (c.scopes[1].owner || e.batch == one)) wanted.push_back(e.seq);
      INFO("seed " << seed << ", client " << i);
      REQUIRE(c.got == wanted);
    }
  }
}
