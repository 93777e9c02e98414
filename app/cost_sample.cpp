#include "app/cost_sample.hpp"

#include "actors/host_slot.hpp"
#include "app/limits.hpp"
#include "app/memory_output.hpp"
#include "base/clock.hpp"
#include "base/thread_name.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace darkroom::app {

namespace {

using steady = std::chrono::steady_clock;

// Of each kind some, as far apart as they can be: neighbours in a folder are often alike. Those of
// all kinds take turns.
std::vector<const sample_file*> choose(const actors::cost_calibration& known,
                                       std::span<const sample_file> files,
                                       std::uint64_t memory_each) {
  std::map<std::string, std::vector<const sample_file*>> kinds;
  for (const auto& file : files)
    if (file.memory_bytes <= memory_each) kinds[file.predicted.kind].push_back(&file);
  std::vector<const sample_file*> chosen;
  for (std::size_t turn = 0; turn < limits::sample_files; ++turn)
    for (const auto& [kind, all] : kinds) {
      const auto wanted = std::min(limits::sample_files, all.size());
      if (turn < wanted && known.files_of(kind) < limits::sample_files)
        chosen.push_back(all[turn * all.size() / wanted]);
    }
  return chosen;
}

} // namespace

std::size_t learn_from_sample(actors::cost_calibration& known, std::span<const sample_file> files,
                              const domain::conversion_spec& spec, std::size_t slots,
                              std::uint64_t memory_bytes, codecs::host::zygote& hosts) {
  const auto shared_spec = std::make_shared<const domain::conversion_spec>(spec);
  const auto memory_each = memory_bytes / std::max<std::size_t>(1, slots);
  const auto chosen = choose(known, files, memory_each);
  const auto end = steady::now() + std::chrono::milliseconds(limits::sample_ms);
  std::atomic<std::size_t> next = 0;
  std::size_t converted = 0;
  std::mutex mutex;
  const auto work = [&] {
    base::name_thread("sample");
    actors::host_slot slot(hosts, std::make_shared<memory_output>(), {});
    while (steady::now() < end) {
      const auto i = next++;
      if (i >= chosen.size()) return;
      const auto& one = *chosen[i];
      actors::conversion_job job;
      job.lease = i + 1;
      job.owner = "local";
      job.file = std::make_shared<const domain::file_entry>(*one.entry);
      job.spec = shared_spec;
      job.memory_bytes = memory_each;
      job.cpu_ms = one.cpu_ms;
      if (!slot.probe({job.owner, job.file}))
        continue; // also starts the host, whose start does not count
      const auto began = steady::now();
      const auto outcome = slot.convert(job, [](const domain::conversion_progress&) {});
      const std::chrono::duration<double, std::micro> took = steady::now() - began;
      const auto* done = std::get_if<actors::file_converted>(&outcome);
      if (done == nullptr) continue;
      double bytes = 0;
      for (const auto& output : done->result.outputs)
        bytes += static_cast<double>(output.bytes);
      const std::lock_guard lock(mutex);
      known.observe(one.predicted, took.count(), bytes, base::unix_now_us());
      converted += 1;
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < std::min(slots, chosen.size()); ++i)
    threads.emplace_back(work);
  threads.clear(); // joins
  return converted;
}

} // namespace darkroom::app
