// The one way to spawn an actor that blocks on a disk or on a codec host: it gets a thread of its
// own, named by its role. Every other actor shares the scheduler's few threads, where a handler
// that blocks would stop all of them.
#pragma once

#include "base/thread_name.hpp"

#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>
#include <caf/spawn_options.hpp>

#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
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

// As `spawn_blocking`, for actors that are spawned while the process works: a null handle when the
// system has no thread for it. CAF 0.17 throws then, which would end the actor that spawns.
template<caf::spawn_options Options = caf::no_spawn_options, class From, class Behavior, class Self,
         class... Parameters, class... Args>
auto try_spawn_blocking(From& from, bool own_thread, std::string role,
                        Behavior (*run)(Self, Parameters...), Args&&... args) {
  using handle = decltype(from.template spawn<Options>(run, std::forward<Args>(args)...));
  if (!own_thread) return from.template spawn<Options>(run, std::forward<Args>(args)...);
  // CAF never frees an actor whose thread could not be started, nor what it was given: a view
  // among that would hold the journal open. So the actor only finds it here.
  using arguments = std::tuple<std::decay_t<Parameters>...>;
  const auto held =
      std::make_shared<std::optional<arguments>>(std::in_place, std::forward<Args>(args)...);
  const auto named = [role = std::move(role), run, held](Self self) {
    base::name_thread(role);
    auto taken = std::move(**held);
    held->reset();
    return std::apply([&](auto&... one) { return run(self, std::move(one)...); }, taken);
  };
  try {
    return handle{from.template spawn<Options + caf::detached>(named)};
  } catch (const std::system_error&) {
    held->reset();
    // It has been counted before its thread was asked for, and no shutdown would end otherwise.
    caf::actor_system* system = nullptr;
    if constexpr (std::is_base_of_v<caf::actor_system, From>)
      system = &from;
    else
      system = &from.system();
    system->registry().dec_running();
    system->dec_detached_threads();
    return handle{};
  }
}

} // namespace darkroom::actors
