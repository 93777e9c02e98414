#include "actors/resting_batches.hpp"

#include "actors/at_rest.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <random>

using namespace darkroom;
using namespace darkroom::actors;
using domain::batch_phase;

TEST_CASE("a batch is at rest when nothing of it runs or is about to") {
  using enum domain::file_status;
  struct row {
    batch_phase phase;
    std::optional<domain::file_status> file; // that there is one of
    bool rests;
  };
  const row rows[] = {
      {batch_phase::draft, {}, true},
      {batch_phase::draft, queued, true},
      {batch_phase::running, {}, true},
      {batch_phase::running, completed, true},
      {batch_phase::running, queued, false},
      {batch_phase::running, running, false},
      {batch_phase::running, retry_wait, false},
      {batch_phase::running, cancelled, false},
      {batch_phase::paused, queued, true},
      {batch_phase::paused, running, false},
      {batch_phase::paused, retry_wait, false},
      {batch_phase::paused, cancelled, false},
      {batch_phase::completed, completed, true},
      {batch_phase::cancelled, cancelled, true},
      {batch_phase::cancelled, running, false},
  };
  for (const auto& r : rows) {
    INFO(base::to_string(r.phase) << ' ' << (r.file ? base::to_string(*r.file) : "no file"));
    domain::status_counts counts{};
    if (r.file) counts[static_cast<std::size_t>(*r.file)] = 1;
    CHECK(at_rest(r.phase, counts) == r.rests);
  }
}

TEST_CASE("the batch that has rested longest is taken first, as a search would find it") {
  std::mt19937 dice(4);
  resting_batches resting;
  std::map<domain::batch_id, std::uint64_t> naive;
  for (std::uint64_t now = 0; now < 20'000; ++now) {
    const domain::batch_id batch{{static_cast<std::uint8_t>(dice() % 50)}};
    if (dice() % 3 == 0) {
      resting.remove(batch);
      naive.erase(batch);
    } else if (dice() % 3 != 0) {
      resting.add(batch, now);
      naive[batch] = now;
    } else {
      const auto before = now - std::min<std::uint64_t>(now, dice() % 60);
      auto oldest = std::ranges::min_element(naive, {}, [](const auto& e) { return e.second; });
      REQUIRE(resting.oldest_ms() ==
              (oldest == naive.end() ? std::nullopt : std::optional{oldest->second}));
      const bool due = oldest != naive.end() && oldest->second <= before;
      REQUIRE(resting.take(before) == (due ? std::optional{oldest->first} : std::nullopt));
      if (due) naive.erase(oldest);
    }
  }
}
