#include "actors/cluster/basp_door.hpp"

#include "actors/cluster/limits.hpp"
#include "base/errno_text.hpp"
#include "base/result.hpp"
#include "base/thread_name.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/middleman_actor_impl.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/doorman_impl.hpp>
#include <caf/io/network/scribe_impl.hpp>
#include <caf/scoped_actor.hpp>

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace darkroom::actors {

namespace {

namespace network = caf::io::network;

// CAF names what it publishes by a port; ours has one name.
constexpr std::uint16_t only_port = 1;

// The base asks the kernel for address and port, which a Unix socket does not have.
class unix_scribe final : public network::scribe_impl {
public:
  using scribe_impl::scribe_impl;
  std::string addr() const override { return "link"; }
  std::uint16_t port() const override { return only_port; }
  // CAF keeps what the other side does not read, whatever it comes to.
  void flush() override {
    if (wr_buf().size() > limits::link_unread_bytes_max) {
      wr_buf() = {};
      ::shutdown(stream_.fd(), SHUT_RDWR); // its end is read like any other
      return;
    }
    scribe_impl::flush();
  }
};

class unix_doorman final : public network::doorman_impl {
public:
  using doorman_impl::doorman_impl;
  std::string addr() const override { return "link"; }
  std::uint16_t port() const override { return only_port; }
  bool new_connection() override {
    if (detached()) return false;
    auto& backend = acceptor_.backend();
    const auto socket = acceptor_.accepted_socket();
    network::nonblocking(socket, true);
    auto scribe = caf::make_counted<unix_scribe>(backend, socket);
    const auto handle = scribe->hdl();
    parent()->add_scribe(std::move(scribe));
    return doorman::new_connection(&backend, handle);
  }
};

// When actor systems meet, CAF lets each ask the other what kinds of actors it offers, and keeps an
// actor that waits for the answer. Ours offer none.
class link_broker final : public caf::io::basp_broker {
public:
  using basp_broker::basp_broker;
  void learned_new_node_directly(const caf::node_id&, bool) override {}
  void learned_new_node_indirectly(const caf::node_id&) override {}
};

// Hands CAF one socket that is open already, whatever it is asked for.
class door_keeper final : public caf::io::middleman_actor_impl {
public:
  door_keeper(caf::actor_config& config, caf::actor broker, int socket)
      : middleman_actor_impl(config, std::move(broker)), socket_(socket) {}

protected:
  caf::expected<caf::io::scribe_ptr> connect(const std::string&, std::uint16_t) override {
    network::nonblocking(socket_, true);
    return caf::io::scribe_ptr{caf::make_counted<unix_scribe>(backend(), socket_)};
  }
  caf::expected<caf::io::doorman_ptr> open(std::uint16_t, const char*, bool) override {
    network::nonblocking(socket_, true);
    return caf::io::doorman_ptr{caf::make_counted<unix_doorman>(backend(), socket_)};
  }

private:
  network::default_multiplexer& backend() {
    return static_cast<network::default_multiplexer&>(system().middleman().backend());
  }
  int socket_;
};

// Runs once, in the thread in which all brokers run.
caf::behavior name_broker_thread(caf::io::broker*) {
  base::name_thread("cluster");
  return {};
}

caf::io::middleman_actor keeper_of(caf::actor_system& system, int socket) {
  system.middleman().spawn_broker(name_broker_thread);
  auto broker = system.middleman().named_broker<link_broker>(caf::atom("LINK"));
  return system.spawn<door_keeper, caf::hidden>(std::move(broker), socket);
}

std::chrono::milliseconds deadline() {
  return std::chrono::milliseconds(limits::link_handshake_ms);
}

} // namespace

void configure_door(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::darkroom_wire>();
  config.load<caf::io::middleman>();
  using std::chrono::milliseconds;
  config.set("middleman.heartbeat-interval", caf::timespan{milliseconds(limits::heartbeat_ms)});
  config.set("middleman.connection-timeout", caf::timespan{milliseconds(limits::node_silence_ms)});
  config.set("middleman.workers", std::size_t{1});
}

base::result<void, std::string> open_door(caf::actor_system& system, const std::string& path,
                                          const cluster_actor& whom) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.size() >= sizeof at.sun_path) return std::unexpected(path + " is too long a path");
  std::strcpy(at.sun_path, path.c_str());
  ::unlink(path.c_str());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0 || ::bind(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      ::listen(socket, SOMAXCONN) != 0) {
    const std::string error = base::errno_text(errno);
    ::close(socket);
    return std::unexpected(path + ": " + error);
  }
  const auto keeper = keeper_of(system, socket);
  caf::scoped_actor self{system};
  base::result<void, std::string> opened;
  auto interface = system.message_types(caf::detail::type_list<cluster_actor>{});
  self->request(keeper, deadline(), caf::publish_atom::value, only_port,
                caf::actor_cast<caf::strong_actor_ptr>(whom), std::move(interface), std::string{},
                false)
      .receive([](std::uint16_t) {},
               [&](const caf::error& e) { opened = std::unexpected(system.render(e)); });
  self->send_exit(keeper, caf::exit_reason::user_shutdown);
  return opened;
}

base::result<cluster_actor, std::string> knock(caf::actor_system& system, int socket) {
  const auto keeper = keeper_of(system, socket);
  caf::scoped_actor self{system};
  base::result<cluster_actor, std::string> found = std::unexpected("");
  self->request(keeper, deadline(), caf::connect_atom::value, std::string{"link"}, only_port)
      .receive(
          [&](const caf::node_id&, caf::strong_actor_ptr& whom, const std::set<std::string>& can) {
            const auto needed = system.message_types(caf::detail::type_list<cluster_actor>{});
            if (!whom || !system.assignable(can, needed))
              found = std::unexpected("the server's actors speak another language");
            else
              found = caf::actor_cast<cluster_actor>(whom);
          },
          [&](const caf::error& e) { found = std::unexpected(system.render(e)); });
  self->send_exit(keeper, caf::exit_reason::user_shutdown);
  return found;
}

} // namespace darkroom::actors
