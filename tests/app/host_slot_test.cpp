// The runner of a slot, with hosts that start when the test wants.
#include "actors/host_slot.hpp"
#include "base/units.hpp"
#include "persistence/output_directory.hpp"
#include "tests/codecs/toy_formats.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <future>
#include <sys/stat.h>

using namespace darkroom;
using namespace darkroom::tests;

TEST_CASE("an interruption does not wait for a host that starts, and is heeded when it has") {
  auto hosts = codecs::host::zygote::start();
  REQUIRE(hosts);
  const std::unique_ptr<codecs::host::zygote> owner(*hosts);
  const scratch dir;
  auto entry = std::make_shared<domain::file_entry>();
  entry->path = "a";
  entry->source = dir.write("a", toy_file(7));
  entry->bytes = toy_file(7).size();
  entry->outputs = {"a.toy"};
  auto spec = std::make_shared<domain::conversion_spec>();
  spec->outputs.push_back({.format = "toy"});
  actors::conversion_job job;
  job.lease = 5;
  job.owner = "ann";
  job.file = entry;
  job.spec = spec;
  job.memory_bytes = 16 * limits::MiB;
  job.cpu_ms = 10'000;

  actors::host_slot* slot = nullptr;
  std::future<void> interrupting;
  bool waited = false;
  const auto stock = std::make_shared<codecs::host::host_stock>(0, [&] {
    if (!interrupting.valid()) {
      interrupting = std::async(std::launch::async, [&] { slot->interrupt(5); });
      waited = interrupting.wait_for(std::chrono::seconds(10)) != std::future_status::ready;
    }
    return codecs::host::codec_host::start(**hosts);
  });
  actors::host_slot under_test(**hosts, std::make_shared<persistence::output_directory>(dir.path()),
                               codecs::input_limits{}, actors::open_path, stock);
  slot = &under_test;
  const auto outcome = under_test.convert(job, [](domain::conversion_progress) {});
  CHECK_FALSE(waited);
  CHECK(std::holds_alternative<actors::conversion_interrupted>(outcome));
  job.lease = 6; // the host is there, and well
  CHECK(std::holds_alternative<actors::file_converted>(
      under_test.convert(job, [](domain::conversion_progress) {})));
}
