// One life of a worker: from the link to its loss. In a process of its own, because an actor system
// that has lost a link cannot have it again.
#pragma once

#include "actors/cluster/link_client.hpp"
#include "actors/cluster/spool.hpp"
#include "actors/slot_runner.hpp"
#include "codecs/input_limits.hpp"

#include <functional>
#include <string>

namespace darkroom::codecs::host {
class zygote;
}

namespace darkroom::actors {

struct worker_session_options {
  std::string host, port;
  std::string identity; // file, see certificates.hpp
  std::string folder;   // for inputs on their way
  std::string version, formats;
  std::string machine; // random, of the parent
  std::size_t slots = 1;
  std::size_t cores = 0;          // that this process may use; 0: all of the machine
  std::uint64_t memory_bytes = 0; // of everything here together
  std::function<void(const std::string&)> announce;
  // Blocks until the worker is asked to stop, or until `lost` says so; then tells which.
  std::function<bool()> wait_for_stop;
  std::function<void()> lost; // from another thread
};

// The refusal, if it never began; else nothing: the link was lost, or the worker was asked to stop
// and has finished what it had.
struct worker_session_end {
  link_refusal refusal; // code empty: it was let in
  bool stopped = false;
};

// Makes what converts in the slots: it reads from the spool and writes to it.
using session_runners =
    std::function<slot_runner_factory(std::shared_ptr<spool> files, codecs::input_limits limits)>;
session_runners host_runners(codecs::host::zygote& hosts);

// Returns with actors that still run: end the process, and nothing else.
worker_session_end run_worker_session(const worker_session_options& options,
                                      const session_runners& runners);

} // namespace darkroom::actors
