// The one way to spawn an actor that blocks on a disk or on a codec host: it gets a thread of its
// own, named by its role. Every other actor shares the scheduler's few threads, where a handler
// that blocks would stop all of them.
#pragma once

#include "base/thread_name.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/detail/init_fun_factory.hpp>
#include <caf/detail/private_thread.hpp>
#include <caf/exit_reason.hpp>
#include <caf/infer_handle.hpp>
#include <caf/make_actor.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/spawn_options.hpp>

#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace darkroom::actors {

// `from`: an actor system, or the actor that spawns. `own_thread`: false only in deterministic
// tests, whose scheduler must run every actor itself. `role`: at most 15 bytes are shown.
template<caf::spawn_options Options = caf::no_spawn_options, class From, class Behavior, class Self,
         class... Parameters, class... Args>
auto spawn_blocking(From& from, bool own_thread, std::string role,
                    Behavior (*run)(Self, Parameters...), Args&&... args) {
  // CAF calls this in the actor's own thread.
  const auto named = [role = std::move(role), run](Self self, Parameters... parameters) {
    base::name_thread(role);
    return run(self, std::forward<Parameters>(parameters)...);
  };
  return own_thread
             ? from.template spawn<Options + caf::detached>(named, std::forward<Args>(args)...)
             : from.template spawn<Options>(run, std::forward<Args>(args)...);
}

// An actor whose thread could not be started. CAF 0.17 never frees it, nor what it was given: a
// view among that would hold the journal open. It has been counted as running as well, and no
// shutdown would end.
struct unstarted_actor : caf::scheduled_actor {
  static void end(caf::scheduled_actor& self) {
    auto& system = self.home_system();
    self.on_exit();
    self.cleanup(caf::exit_reason::out_of_workers, nullptr);
    delete std::exchange(self.*(&unstarted_actor::private_thread_), nullptr);
    system.dec_detached_threads();
    caf::intrusive_ptr_release(self.ctrl()); // that of its thread
  }
};

// As `spawn_blocking`, for actors that are spawned while the process works: a null handle when the
// system has no thread for it. CAF 0.17 throws then, which would end the actor that spawns.
template<caf::spawn_options Options = caf::no_spawn_options, class From, class Behavior, class Self,
         class... Parameters, class... Args>
auto try_spawn_blocking(From& from, bool own_thread, std::string role,
                        Behavior (*run)(Self, Parameters...), Args&&... args) {
  using handle = decltype(from.template spawn<Options>(run, std::forward<Args>(args)...));
  if (!own_thread) return from.template spawn<Options>(run, std::forward<Args>(args)...);
  const auto named = [role = std::move(role), run](Self self, Parameters... parameters) {
    base::name_thread(role);
    return run(self, std::forward<Parameters>(parameters)...);
  };
  // What CAF's own `spawn` does, but with a hold on the actor before its thread is asked for.
  using function = std::decay_t<decltype(named)>;
  using actor = caf::infer_impl_from_fun_t<function>;
  constexpr bool from_actor = std::is_base_of_v<caf::local_actor, From>;
  caf::actor_system* system = nullptr;
  caf::actor_config config;
  if constexpr (from_actor) {
    system = &from.system();
    config = caf::actor_config{from.context(), &from};
  } else {
    system = &from;
    config.host = from.dummy_execution_unit();
  }
  config.flags |= caf::abstract_actor::is_detached_flag;
  config.init_fun =
      caf::detail::init_fun_factory<actor, function>{}(named, std::forward<Args>(args)...);
  handle made = caf::make_actor<actor>(system->next_actor_id(), system->node(), system, config);
  auto& self = *static_cast<actor*>(caf::actor_cast<caf::abstract_actor*>(made));
  try {
    self.launch(config.host, false, false);
  } catch (const std::system_error&) {
    unstarted_actor::end(self);
    return handle{};
  }
  if constexpr (from_actor) return handle{from.eval_opts(Options, std::move(made))};
  return made;
}

} // namespace darkroom::actors
