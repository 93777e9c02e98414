// A worker whose codec does nothing but sleep: what is left is the orchestration. Runs for one
// link, or until SIGTERM, and then prints how long its slots stood empty between two files.
//
//   bench_cluster_worker PORT IDENTITY SLOTS MILLISECONDS
#include "actors/cluster/worker_session.hpp"
#include "app/commands.hpp"
#include "app/process_setup.hpp"
#include "base/units.hpp"
#include "codecs/host/codec_host.hpp"
#include "config/version.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace darkroom;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

class gap_list {
public:
  void add(double ms) {
    const std::lock_guard lock(mutex_);
    gaps_.push_back(ms);
  }
  void print() {
    const std::lock_guard lock(mutex_);
    if (gaps_.empty()) gaps_.push_back(0);
    std::ranges::sort(gaps_);
    std::printf("%zu %.2f %.2f\n", gaps_.size(), gaps_[gaps_.size() / 2],
                gaps_[gaps_.size() * 99 / 100]);
  }

private:
  std::mutex mutex_;
  std::vector<double> gaps_;
};

class sleeping_runner final : public actors::slot_runner {
public:
  sleeping_runner(std::shared_ptr<actors::spool> files, milliseconds time, gap_list& gaps)
      : outputs_(std::move(files)), time_(time), gaps_(gaps) {}

  codecs::result<codecs::image_info> probe(const actors::probe_job&) override { return {}; }

  actors::conversion_outcome convert(const actors::conversion_job& job,
                                     const codecs::progress_listener&) override {
    const auto began = steady_clock::now();
    if (ended_) gaps_.add(std::chrono::duration<double, std::milli>(began - *ended_).count());
    actors::file_converted outcome;
    // Other bytes each time: the server keeps every one of them.
    const auto text = "slept for lease " + std::to_string(job.lease);
    const auto content = codecs::host::make_output_file();
    const auto bytes = std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    if (!persistence::write_all(content.get(), bytes, "an output")) std::abort();
    const auto staged = outputs_.stage(job.batch, job.index, 0, job.file->outputs.at(0),
                                       content.get(), domain::existing_policy::overwrite);
    {
      std::unique_lock lock(mutex_);
      interrupted_.wait_for(lock, time_ - (steady_clock::now() - began),
                            [&] { return unwanted_ == job.lease; });
      if (unwanted_ == job.lease) {
        ended_ = steady_clock::now();
        return actors::conversion_interrupted{};
      }
    }
    outcome.result.width = outcome.result.height = 1;
    outcome.result.outputs.push_back({.bytes = staged->bytes,
                                      .sha256 = staged->sha256,
                                      .width = 1,
                                      .height = 1,
                                      .crc32 = staged->crc32});
    ended_ = steady_clock::now();
    return outcome;
  }

  void interrupt(domain::lease_id lease) noexcept override {
    const std::lock_guard lock(mutex_);
    unwanted_ = lease;
    interrupted_.notify_all();
  }

private:
  actors::spool_outputs outputs_;
  milliseconds time_;
  gap_list& gaps_;
  std::optional<steady_clock::time_point> ended_;
  std::mutex mutex_;
  std::condition_variable interrupted_;
  domain::lease_id unwanted_ = 0;
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: bench_cluster_worker PORT IDENTITY SLOTS MILLISECONDS\n");
    return 1;
  }
  const auto slots = static_cast<std::size_t>(std::strtoul(argv[3], nullptr, 10));
  if (const auto means = app::prepare_process(app::needs_of_conversions(slots)); !means) {
    std::fprintf(stderr, "%s\n", means.error().c_str());
    return 1;
  }
  const auto set = app::end_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const milliseconds time{std::strtol(argv[4], nullptr, 10)};
  gap_list gaps;
  actors::worker_session_options options;
  options.host = "127.0.0.1";
  options.port = argv[1];
  options.identity = argv[2];
  options.folder = "/tmp";
  options.version = version;
  options.formats = app::format_names();
  options.machine = argv[2];
  options.slots = slots;
  options.memory_bytes = 64 * limits::GiB;
  options.announce = [](const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  };
  options.wait_for_stop = [&set] {
    int number = 0;
    return ::sigwait(&set, &number) == 0;
  };
  options.lost = [] { ::_exit(10); };
  const auto end = actors::run_worker_session(options, [&](std::shared_ptr<actors::spool> files,
                                                           codecs::input_limits) {
    return [files, time, &gaps] { return std::make_unique<sleeping_runner>(files, time, gaps); };
  });
  if (!end.stopped) std::fprintf(stderr, "%s\n", end.refusal.text.c_str());
  gaps.print();
  std::fflush(stdout);
  ::_exit(end.stopped ? 0 : 1);
}
