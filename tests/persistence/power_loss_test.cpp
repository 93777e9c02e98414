// What was acknowledged as synced survives the loss of power; what was not may go, in order.
#include "losing_file_system.hpp"
#include "persistence/journal_store.hpp"
#include "persistence/read_view.hpp"
#include "samples.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>
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
    CHECK((*opened)->view()->verify().value() == std::vector<std::string>{});
  }
  CHECK(lost > 0); // the file system does lose
}

TEST_CASE("pages that were never written are a torn tail, other damage is damage") {
  struct damage {
    const char* what;
    std::size_t from_end; // where it begins
    std::size_t bytes;
    char with;
    bool torn;
  };
  // The last event, which was not synced, takes about 20,000 bytes.
  constexpr damage all[] = {{"the last pages", 9'000, 9'000, '\0', true},
                            {"a page within it", 12'000, 4'096, '\0', true},
                            {"flipped bytes", 6'000, 3, '!', false}};
  for (const auto& d : all) {
    INFO(d.what);
    tests::scratch dir;
    domain::seq safe = 0;
    {
      auto store = journal_store::open({dir / "j", nullptr});
      REQUIRE(store);
      for (int i = 0; i < 3; ++i) {
        domain::create_batch create;
        create.owner = i < 2 ? "ann" : std::string(20'000, 'a');
        create.spec.outputs.push_back({.format = "webp"});
        domain::batch_state fresh;
        const auto events = domain::execute(fresh, create);
        REQUIRE(events);
        append_request request{
            domain::batch_id{{static_cast<std::uint8_t>(i + 1)}}, 0, *events, {}, nullptr};
        request.summary.phase = fresh.phase;
        const auto done = (*store)->append(std::span(&request, 1), i < 2);
        REQUIRE(done);
        if (i < 2) safe = done->back().seq;
      }
    }
    std::string log;
    for (const auto& entry : std::filesystem::directory_iterator(dir / "j"))
      if (entry.path().extension() == ".log") log = entry.path().string();
    const auto size = std::filesystem::file_size(log);
    // Pages are lost whole.
    const auto begin =
        d.with == '!' ? size - d.from_end : (size - d.from_end + 4'095) / 4'096 * 4'096;
    const auto count = std::min<std::size_t>(d.bytes, size - begin);
    {
      std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(begin));
      file << std::string(count, d.with);
    }
    const auto opened = journal_store::open({dir / "j", nullptr});
    INFO((opened ? std::string{} : opened.error().detail));
    CHECK(opened.has_value() == d.torn);
    if (!opened) continue;
    CHECK((*opened)->last_seq() == safe);
  }
}
