#include "app/serve_upkeep.hpp"

#include "actors/draft_expiry.hpp"
#include "actors/orchestra.hpp"
#include "app/limits.hpp"
#include "app/memory_budget.hpp"
#include "base/clock.hpp"
#include "base/thread_times.hpp"
#include "config/settings.hpp"
#include "persistence/scrub.hpp"
#include "persistence/set_aside.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace darkroom::app {

namespace {

using std::chrono::milliseconds;

// Of this thread: it reads when nobody else does, as far as the scheduler of the disk knows that.
void read_only_when_idle() {
  // As in linux/ioprio.h, which newer kernels' headers made unusable from C++: it has a parameter
  // called `class`.
  constexpr int who_process = 1, class_idle = 3, class_shift = 13;
  ::syscall(SYS_ioprio_set, who_process, 0, class_idle << class_shift);
}

class memory_meter {
public:
  // In bytes; nothing when the system does not tell.
  std::optional<std::uint64_t> look() {
    auto bytes = own_memory();
    // What has been freed lies between what is in use, and is not given back otherwise: of a server
    // with a thousand batches, a third.
    if (bytes && *bytes > trimmed_to_ + limits::memory_trim_growth_bytes) {
      ::malloc_trim(0);
      bytes = own_memory();
      trimmed_to_ = bytes.value_or(0);
    }
    if (bytes) trimmed_to_ = std::min(trimmed_to_, *bytes);
    return bytes;
  }

private:
  std::uint64_t trimmed_to_ = 0; // bytes
};

// An idle server does not look at its threads.
class file_work_meter {
public:
  // In microseconds of processor time, since the last call that returned a value. Nothing when that
  // is not known, or the process has used less than `limits::file_work_look_us` meanwhile.
  std::optional<std::uint64_t> look() {
    timespec used{}; // by all threads
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    const auto process_us = used.tv_sec * 1'000'000 + used.tv_nsec / 1'000;
    if (process_us < looked_at_us_ + limits::file_work_look_us) return std::nullopt;
    looked_at_us_ = process_us;
    return threads_.used(works_for_files);
  }

private:
  std::int64_t looked_at_us_ = 0;
  base::thread_times threads_;
};

} // namespace

void return_large_blocks() {
  ::mallopt(M_MMAP_THRESHOLD, limits::malloc_mapped_block_bytes);
}

bool works_for_files(std::string_view role) {
  constexpr std::array<std::string_view, 9> roles{
      "actors",   "placer",   "journal", "prober", "host stock",
      "rocksdb:", "transfer", "links",   "cluster"};
  return std::ranges::any_of(roles, [&](auto start) { return role.starts_with(start); });
}

std::unique_ptr<background_thread> measure_server(actors::orchestra& actors) {
  const auto measure = [&actors](const background_thread::wait& wait) {
    memory_meter memory;
    file_work_meter file_work;
    do {
      if (const auto bytes = memory.look()) actors.measured(*bytes);
      if (const auto us = file_work.look()) actors.worked_for_files(*us);
    } while (wait(milliseconds(limits::server_look_ms)));
  };
  return std::make_unique<background_thread>("server meter", measure);
}

std::unique_ptr<background_thread> scrub_blobs(persistence::blob_store& blobs,
                                               std::uint64_t period_days) {
  if (period_days == 0) return nullptr;
  const persistence::scrub_schedule schedule(static_cast<std::int64_t>(period_days) * 86'400);
  return std::make_unique<background_thread>(
      "scrubber", [&blobs, schedule](const background_thread::wait& wait) {
        read_only_when_idle();
        std::int64_t last = -1;
        while (wait(milliseconds(limits::scrub_look_ms))) {
          const auto part = schedule.part_at(base::unix_now_us() / 1'000'000);
          if (part == last) continue;
          last = part;
          persistence::scrub_folder(blobs, persistence::scrub_schedule::folder_of(part),
                                    [&](std::uint64_t bytes) {
                                      const auto ms = bytes * 1'000 / limits::scrub_bytes_per_s;
                                      return wait(milliseconds(ms));
                                    });
        }
      });
}

std::unique_ptr<background_thread> expire_drafts(actors::orchestra& actors, std::uint64_t hours) {
  if (hours == 0) return nullptr;
  return std::make_unique<background_thread>(
      "draft expiry", [&actors, hours](const background_thread::wait& wait) {
        do {
          const auto deleted = actors::delete_expired_drafts(actors, hours, base::unix_now_us());
          if (deleted != 0) spdlog::info("deleted {} drafts that were never started", deleted);
        } while (wait(milliseconds(limits::draft_look_ms)));
      });
}

std::unique_ptr<background_thread> keep_set_aside(const std::string& blobs,
                                                  const config::data_settings& settings) {
  return std::make_unique<background_thread>("set-aside", [blobs, settings](
                                                              const background_thread::wait& wait) {
    do {
      persistence::empty_set_aside(blobs, settings.set_aside_days, base::unix_now_us());
      const auto free = persistence::free_bytes(blobs);
      if (free && *free < settings.disk_floor_bytes && persistence::remove_oldest_set_aside(blobs))
        spdlog::warn("the disk is full: the oldest folder of what was set aside is removed");
    } while (wait(milliseconds(limits::set_aside_look_ms)));
  });
}

} // namespace darkroom::app
