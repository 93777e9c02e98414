#include "actors/thread_roles.hpp"

#include "base/thread_name.hpp"

#include <caf/atom.hpp>
#include <caf/thread_hook.hpp>

#include <thread>

namespace darkroom::actors {

namespace {

// CAF gives the threads of its scheduler and the one of its sockets the same name; the latter is
// named again by the first broker that runs in it. An actor with a thread of its own names it
// itself (spawn_blocking.hpp).
class role_hook final : public caf::thread_hook {
public:
  void init(caf::actor_system&) override {}
  void thread_started() override {
    const auto name = base::thread_name();
    if (name == "caf.multiplexer") base::name_thread("actors");
    if (name == "caf.clock") base::name_thread("actor clock");
    if (name == "caf.actor")
      base::name_thread("actor service"); // CAF's own, until ours name theirs
  }
  void thread_terminates() override {}
};

} // namespace

void configure_threads(caf::actor_system_config& config, std::size_t cores) {
  if (cores == 0) cores = std::thread::hardware_concurrency();
  config.set("scheduler.max-threads", scheduler_threads(cores));
  // First come, first served: files keep their order. Idle threads sleep, instead of looking for
  // work.
  config.set("scheduler.policy", caf::atom("sharing"));
  config.add_thread_hook<role_hook>();
}

} // namespace darkroom::actors
