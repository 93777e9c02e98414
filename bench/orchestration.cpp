// How many files a second go through supervisor, converter, dispatcher, slot and journal when the
// codec does nothing: every completion durable. Prints files a second.
//
//   bench_orchestration FILES SLOTS DIRECTORY
#include "actors/orchestra.hpp"
#include "base/units.hpp"
#include "domain/limits.hpp"
#include "tests/support/no_outputs.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>

namespace {

using namespace darkroom;

// In place of host and output file.
class no_op_runner final : public actors::slot_runner {
public:
  codecs::result<codecs::image_info> probe(const actors::probe_job&) override {
    return codecs::image_info{.format = "jpeg", .width = 8, .height = 8, .channels = 3};
  }
  actors::conversion_outcome convert(const actors::conversion_job& job,
                                     const codecs::progress_listener&) override {
    actors::file_converted outcome;
    outcome.result.bytes_in = job.file->bytes;
    outcome.result.outputs.push_back({.bytes = 1, .width = 8, .height = 8});
    return outcome;
  }
  void interrupt(domain::lease_id) noexcept override {}
};

std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_orchestration FILES SLOTS DIRECTORY\n");
    return 1;
  }
  const auto files = static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10));
  const std::size_t slots = std::strtoul(argv[2], nullptr, 10);
  const std::string directory = argv[3];
  std::filesystem::remove_all(directory);
  const actors::store_opener open = [directory] {
    return persistence::journal_store::open({directory, nullptr});
  };
  auto journal = open();
  if (!journal) {
    std::fprintf(stderr, "%s\n", journal.error().detail.c_str());
    return 1;
  }
  actors::orchestra orchestra({.slots = slots,
                               .memory_bytes = 64 * limits::GiB,
                               .make_runner = [] { return std::make_unique<no_op_runner>(); },
                               .outputs = std::make_shared<tests::no_outputs>(),
                               .open_journal = open,
                               .journal = std::move(*journal),
                               .announce = [](const std::string& line) { std::puts(line.c_str()); },
                               .give_up = [] { std::abort(); }});
  const domain::batch_id batch{{1}};
  domain::create_batch create;
  create.owner = "bench";
  create.spec.outputs.push_back({.format = "webp"});
  orchestra.command(batch, create);
  for (std::uint32_t at = 0; at < files;) {
    domain::add_files add;
    for (; at < files && add.entries.size() < limits::files_per_event_max; ++at)
      add.entries.push_back({"folder/" + std::to_string(at) + ".jpg",
                             "/photos/folder/" + std::to_string(at) + ".jpg",
                             1000,
                             1,
                             {"folder/" + std::to_string(at) + ".webp"}});
    orchestra.command(batch, std::move(add));
  }
  std::mutex mutex;
  std::condition_variable changed;
  bool finished = false;
  std::uint32_t completed = 0;
  orchestra.follow(
      batch,
      [&](const std::vector<persistence::journaled_event>& events) {
        const std::lock_guard lock(mutex);
        for (const auto& e : events) {
          completed += std::holds_alternative<domain::file_completed>(e.fact);
          finished |= std::holds_alternative<domain::batch_finished>(e.fact);
        }
        if (finished) changed.notify_one();
      },
      [] { std::puts("cut off"); });
  const auto began = std::chrono::steady_clock::now();
  orchestra.command(batch, domain::start_batch{});
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return finished; });
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("%u %.0f %zu\n", completed, completed / seconds, resident_kib());
  orchestra.shut_down();
  std::filesystem::remove_all(directory);
  return completed == files ? 0 : 1;
}
