// The small single-threaded process from which codec hosts fork. The server never forks itself: it
// has threads. The zygote is the same binary, started again under another name before anything
// else happens in it; it reaps its hosts and reports how each ended.
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "codecs/host/sandbox.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace darkroom::codecs::host {

// How a host ended: written by the zygote, as the only message of the host's status pipe.
struct exit_report {
  std::int32_t signal;    // 0: none
  std::int32_t exit_code; // if not by a signal
  std::uint64_t cpu_us;   // of its whole life
};

struct spawned_host {
  int pid = -1;
  base::unique_fd socket; // jobs and replies
  base::unique_fd status; // one exit_report when it has ended
  base::unique_fd pidfd;
  base::unique_fd progress; // one progress_cell, which the host writes at any time
};

// Whether this process was started to be a zygote. Ask first thing in `main`.
bool is_zygote(int argc, char** argv);

// The whole life of a zygote; returns the exit code.
int run_zygote();

// The server's side. Thread-safe.
class zygote {
public:
  // Starts one. Call before threads exist, from the thread that ends last (the zygote ends with
  // it), and keep it for the life of the process.
  static base::result<zygote*, std::string> start();
  ~zygote();
  zygote(const zygote&) = delete;
  zygote& operator=(const zygote&) = delete;

  // Forks a host with this address space at most. A zygote that has died, or does
  // not answer within `host_spawn_ms`, is killed and replaced; its hosts end with it.
  base::result<spawned_host, std::string> spawn_host(host_role role,
                                                     std::uint64_t address_bytes_max);

  int pid() const { return pid_; }

  // What this system does not offer to separate hosts from it. Known after the first host.
  isolation_layers missing_layers() const { return missing_layers_; }

private:
  zygote() = default;
  base::result<void, std::string> launch();
  base::result<void, std::string> relaunch();
  void end_process();
  bool is_replaced() const;
  bool request(host_role role, std::uint64_t address_bytes_max, spawned_host& host);

  std::mutex mutex_;
  base::unique_fd binary_;  // our own, kept open: it may be replaced on disk while we run
  std::string binary_path_; // only where there is no /proc to find it in
  base::unique_fd control_;
  base::unique_fd pidfd_;
  std::thread parent_thread_; // of a replacement; the first zygote's parent is the main thread
  std::atomic<int> pid_ = -1;
  std::atomic<isolation_layers> missing_layers_ = 0;
};

} // namespace darkroom::codecs::host
