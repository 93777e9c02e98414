// The lease queue and its index against their rules in the simplest form.
#include "actors/bounded_index.hpp"
#include "naive_lease_queue.hpp"

#include "base/units.hpp"

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <map>
#include <optional>
#include <random>

using namespace darkroom;
using namespace darkroom::actors;
using namespace darkroom::tests;

namespace {

using generator = std::mt19937;

std::uint32_t below(generator& random, std::uint32_t bound) {
  return static_cast<std::uint32_t>(random() % bound);
}

// One thing after another to both queues; what they grant must be the same.
class history {
public:
  explicit history(std::uint32_t seed) : random_(seed), queue_(true) {
    const auto nodes = 1 + below(random_, 3);
    for (std::uint32_t i = 0; i < nodes; ++i)
      add_node();
  }

  // False when the grants differ.
  bool step() {
    switch (below(random_, 25)) {
    case 0:
      add_node();
      break;
    case 1:
      with_node([&](std::size_t at) { remove_node(at); });
      break;
    case 2:
    case 3:
      with_node([&](std::size_t at) {
        const bool closed = below(random_, 3) == 0;
        queue_.close_node(at, closed);
        naive_.close_node(at, closed);
      });
      break;
    case 4:
      with_node([&](std::size_t at) {
        const auto bytes = memory();
        queue_.resize_node(at, bytes);
        naive_.resize_node(at, bytes);
      });
      break;
    case 5: {
      const auto alone = below(random_, 6) == 0 ? 1u : 0u;
      const auto all = alone + below(random_, 2);
      queue_.note_unsettled(all, alone);
      naive_.note_unsettled(all, alone);
      break;
    }
    case 6:
    case 7:
      withdraw();
      break;
    case 8:
    case 9:
    case 10:
    case 11:
      end();
      break;
    case 12:
      reprioritise();
      break;
    case 13: {
      const auto us = below(random_, 5'000);
      queue_.set_server_cost(us);
      naive_.set_server_cost(us);
      break;
    }
    default:
      request();
      break;
    }
    if (below(random_, 3) == 0) return true;
    now_ms_ += below(random_, 4) == 0 ? below(random_, 3'000) : below(random_, 50);
    const auto granted = queue_.grant_all(now_ms_);
    const auto expected = naive_.grant_all(now_ms_);
    for (const auto& g : granted)
      leases_.push_back(g.lease);
    const auto stuck = queue_.fit_nowhere();
    return std::set(stuck.begin(), stuck.end()) == naive_.fit_nowhere() &&
           std::ranges::equal(granted, expected, [](const grant& a, const grant& b) {
             return a.file == b.file && a.lease == b.lease && a.node == b.node;
           });
  }

private:
  std::uint64_t memory() { return std::uint64_t{1 + below(random_, 64)} * limits::MiB; }
  void add_node() {
    if (present_.size() >= 4) return;
    const node_capacity capacity{.slots = below(random_, 4),
                                 .memory_bytes = memory() * 3,
                                 .ahead = below(random_, 3),
                                 .local = below(random_, 2) == 0};
    const auto at = queue_.add_node(capacity);
    naive_.add_node(capacity);
    present_.push_back(at);
  }
  void with_node(const std::function<void(std::size_t)>& call) {
    if (!present_.empty())
      call(present_[below(random_, static_cast<std::uint32_t>(present_.size()))]);
  }
  void remove_node(std::size_t at) {
    queue_.remove_node(at);
    naive_.remove_node(at);
    std::erase(present_, at);
  }
  void request() {
    lease_wish wish;
    wish.file = {{{static_cast<std::uint8_t>(below(random_, 5))}}, next_file_++};
    wish.user = std::string(1, static_cast<char>('a' + below(random_, 6)));
    wish.priority = static_cast<std::uint8_t>(below(random_, 3));
    wish.memory_bytes = memory();
    wish.cost = 1u << below(random_, 20);
    wish.suspect = below(random_, 8) == 0;
    wish.alone = below(random_, 16) == 0;
    wish.small = below(random_, 3) == 0;
    queue_.request(wish);
    naive_.request(wish);
    files_.push_back(wish.file);
  }
  void withdraw() {
    if (files_.empty()) return;
    const auto file = files_[below(random_, static_cast<std::uint32_t>(files_.size()))];
    queue_.withdraw(file);
    naive_.withdraw(file);
  }
  void reprioritise() {
    if (files_.empty()) return;
    const auto file = files_[below(random_, static_cast<std::uint32_t>(files_.size()))];
    const auto priority = static_cast<std::uint8_t>(below(random_, 3));
    queue_.reprioritise(file, priority);
    naive_.reprioritise(file, priority);
  }
  void end() {
    if (leases_.empty()) return;
    const auto at = below(random_, static_cast<std::uint32_t>(leases_.size()));
    if (below(random_, 6) == 0) {
      queue_.give_back(leases_[at]);
      naive_.give_back(leases_[at]);
    } else {
      std::optional<std::uint64_t> cost;
      if (below(random_, 3) != 0) cost = below(random_, 1u << below(random_, 20));
      queue_.end(leases_[at], cost);
      naive_.end(leases_[at], cost);
    }
    leases_.erase(leases_.begin() + at);
  }

  generator random_;
  lease_queue queue_;
  naive_lease_queue naive_;
  std::vector<std::size_t> present_;
  std::vector<file_key> files_;
  std::vector<domain::lease_id> leases_;
  domain::file_index next_file_ = 0;
  std::uint64_t now_ms_ = 0;
};

} // namespace

TEST_CASE("10,000 random histories of the lease queue grant what the rules say") {
  std::vector<std::uint32_t> differing;
  for (std::uint32_t seed = 1; seed <= 10'000; ++seed) {
    history h(seed);
    for (int i = 0; i < 120; ++i)
      if (!h.step()) {
        differing.push_back(seed);
        break;
      }
  }
  INFO("the first of them: " << (differing.empty() ? 0 : differing.front()));
  CHECK(differing.empty());
}

TEST_CASE("the bounded index finds what a search of everything finds") {
  generator random(7);
  for (int round = 0; round < 200; ++round) {
    bounded_index<std::uint32_t> index;
    std::map<std::uint32_t, std::uint64_t> plain;
    for (int i = 0; i < 300; ++i) {
      const auto key = below(random, 200);
      if (below(random, 3) == 0 || plain.contains(key)) {
        index.erase(key);
        plain.erase(key);
      } else {
        const auto number = below(random, 50);
        index.insert(key, number);
        plain[key] = number;
      }
      const auto bound = below(random, 50);
      const auto expected =
          std::ranges::find_if(plain, [&](const auto& e) { return e.second <= bound; });
      const auto* found = index.first_at_most(bound);
      REQUIRE((found == nullptr) == (expected == plain.end()));
      if (found != nullptr) REQUIRE(*found == expected->first);
      REQUIRE(index.empty() == plain.empty());
    }
  }
}
