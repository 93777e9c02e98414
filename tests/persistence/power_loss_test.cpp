// What was acknowledged as synced survives the loss of power; what was not may go, in order.
#include "losing_file_system.hpp"
#include "persistence/journal_store.hpp"
#include "persistence/read_view.hpp"
#include "samples.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <random>

using namespace darkroom;
using namespace darkroom::persistence;

TEST_CASE("the journal loses what was not synced, and nothing else") {
  const domain::batch_id batch{{1}};
  std::mt19937 dice(11);
  std::size_t lost = 0;
  for (int round = 0; round < 20; ++round) {
    INFO("round " << round);
    tests::scratch dir;
    tests::losing_file_system files;
    const auto env = rocksdb::NewCompositeEnv(
        std::shared_ptr<rocksdb::FileSystem>(&files, [](rocksdb::FileSystem*) {}));
    domain::batch_state state, safe; // as of the last synced append
    domain::seq safe_seq = 0;
    tests::random_life life(static_cast<std::uint32_t>(round + 1));
    {
      auto opened = journal_store::open({dir / "j", env.get()});
      REQUIRE(opened);
      for (int step = 0; step < 100; ++step) {
        const auto events = domain::execute(state, life.step(state));
        if (!events || events->empty()) continue;
        append_request request{batch, 0, *events, {}, nullptr};
        request.summary.phase = state.phase;
        request.summary.counts = state.counts;
        request.summary.bytes_in = state.bytes_in;
        request.summary.bytes_out = state.bytes_out;
        const bool sync = dice() % 3 == 0;
        const auto done = (*opened)->append(std::span(&request, 1), sync);
        REQUIRE(done);
        if (sync) {
          safe = state;
          safe_seq = done->back().seq;
        }
      }
    }
    files.lose_power();
    auto opened = journal_store::open({dir / "j", nullptr});
    REQUIRE(opened);
    const auto replayed = (*opened)->view()->replay(batch);
    REQUIRE(replayed);
    CHECK(replayed->seq >= safe_seq);
    if (replayed->seq == safe_seq) CHECK(replayed->state.same_facts(safe));
    if (replayed->seq < (*opened)->last_seq()) FAIL("a seq was given out that no event has");
    if (!replayed->state.same_facts(state)) ++lost;
    CHECK((*opened)->view()->verify() == std::vector<std::string>{});
  }
  CHECK(lost > 0); // the file system does lose
}
