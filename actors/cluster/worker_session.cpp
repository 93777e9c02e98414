#include "actors/cluster/worker_session.hpp"

#include "actors/cluster/basp_door.hpp"
#include "actors/cluster/limits.hpp"
#include "actors/cluster/worker.hpp"
#include "actors/host_slot.hpp"
#include "actors/limits.hpp"
#include "actors/orchestra.hpp"
#include "actors/spawn_blocking.hpp"
#include "actors/thread_roles.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <condition_variable>

namespace darkroom::actors {

namespace {

struct worker_config : caf::actor_system_config {
  explicit worker_config(std::size_t cores) {
    configure_door(*this);
    configure_threads(*this, cores);
    set("logger.verbosity", caf::atom("quiet"));
  }
};

link_hello greeting(const worker_session_options& options, const caf::actor_system& system) {
  link_hello hello;
  hello.version = options.version;
  hello.formats = options.formats;
  hello.machine = options.machine;
  hello.actor_node = caf::to_string(system.node());
  hello.slots = static_cast<std::uint32_t>(options.slots);
  hello.memory_bytes = lease_memory_bytes(options.memory_bytes, options.slots);
  return hello;
}

// Set once, waited for with a deadline.
class flag {
public:
  void set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  void wait(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, most, [this] { return set_; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

} // namespace

session_runners host_runners(codecs::host::zygote& hosts) {
  return [&hosts](std::shared_ptr<spool> files, codecs::input_limits limits) {
    const auto outputs = std::make_shared<spool_outputs>(files);
    const source_opener open = [files](const domain::file_entry& file, bool) {
      return files->open_input(std::stoull(file.source));
    };
    return [&hosts, outputs, limits, open] {
      return std::make_unique<host_slot>(hosts, outputs, limits, open);
    };
  };
}

worker_session_end run_worker_session(const worker_session_options& options,
                                      const session_runners& runners) {
  // Not ended in order when the link is lost: what is left of it is of no use to anybody.
  auto& config = *new worker_config(options.cores);
  auto& system = *new caf::actor_system(config);
  const auto none_left = std::make_shared<flag>();
  auto link = link_client::connect(
      {options.host, options.port, options.identity, greeting(options, system)}, options.lost);
  if (!link) return {link.error(), false};
  auto& kept = *link->release();
  const auto server = knock(system, kept.take_socket().release());
  if (!server)
    return {{"bad_greeting", "the server's actors do not answer: " + server.error()}, false};

  codecs::input_limits limits_of_input;
  limits_of_input.bytes = kept.answer().input_bytes_max;
  limits_of_input.pixels = kept.answer().image_pixels_max;
  const auto files = std::make_shared<spool>(options.folder);
  const auto me =
      spawn_blocking(system, true, "worker", worker,
                     worker_options{options.slots, runners(files, limits_of_input), files,
                                    std::make_shared<slot_board>(options.slots), true,
                                    options.announce, [none_left] { none_left->set(); }});
  caf::scoped_actor self{system};
  cluster_joined joined;
  self->request(*server, std::chrono::milliseconds(limits::link_handshake_ms),
                join_cluster{kept.answer().token, me})
      .receive([&](const cluster_joined& answer) { joined = answer; },
               [&](const caf::error& e) { joined.text = system.render(e); });
  if (!joined.ok)
    return {{"bad_greeting", "the server does not take this worker: " + joined.text}, false};
  options.announce("joined " + options.host + ":" + options.port + " with " +
                   std::to_string(options.slots) + " slots");
  if (!options.wait_for_stop()) return {{}, false};
  caf::anon_send(me, leaving{});
  none_left->wait(std::chrono::milliseconds(limits::drain_ms));
  return {{}, true};
}

} // namespace darkroom::actors
