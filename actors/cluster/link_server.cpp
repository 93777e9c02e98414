#include "actors/cluster/link_server.hpp"

#include "actors/cluster/as_result.hpp"
#include "actors/cluster/certificates.hpp"
#include "actors/cluster/limits.hpp"
#include "actors/cluster/link_relay.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/thread_name.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <list>
#include <thread>

namespace darkroom::actors {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

std::string make_token() {
  std::array<std::uint8_t, 16> bytes{};
  base::fill_random(bytes);
  return base::to_hex(bytes);
}

base::result<tcp::endpoint, std::string> endpoint_of(asio::io_context& io,
                                                     const std::string& listen) {
  const auto colon = listen.rfind(':');
  auto host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto port = colon == std::string::npos ? "" : listen.substr(colon + 1);
  boost::system::error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(host, port, tcp::resolver::passive, error);
  if (error || found.empty() || host.empty() || port.empty())
    return std::unexpected(listen + " is no HOST:PORT; write 0.0.0.0:7411");
  return found.begin()->endpoint();
}

// Why this certificate may not join, whatever its signature says; empty: it may.
std::string held_against(const std::string& folder, const peer_certificate& peer) {
  const auto all = read_certificates(folder);
  if (!all) return "the server cannot read its list of certificates: " + all.error();
  const auto at = std::ranges::find(*all, peer.serial, &node_certificate::serial);
  if (at == all->end() || at->name != peer.name)
    return "the certificate of " + peer.name +
           " is not on the server's list; issue one with `darkroom cluster issue`";
  if (at->revoked)
    return "the certificate of " + peer.name +
           " was revoked; issue a new one with `darkroom cluster issue`";
  return {};
}

} // namespace

struct link_server::parts : std::enable_shared_from_this<link_server::parts> {
  link_server_options options;
  tls_context tls;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer revocations{io};
  std::atomic<std::uint64_t> refusals = 0;
  // Connections that have not been let in, the oldest first.
  std::list<std::shared_ptr<link_stream>> strangers;
  std::thread thread;

  static void close(const std::shared_ptr<link_stream>& stream) {
    boost::system::error_code ignored;
    stream->lowest_layer().close(ignored);
  }

  asio::awaitable<void> accept() {
    const auto self = shared_from_this();
    asio::steady_timer pause(io);
    while (acceptor.is_open()) {
      auto [error, socket] = co_await acceptor.async_accept(as_result);
      if (error == asio::error::operation_aborted) co_return;
      if (error) { // out of descriptors, most likely
        pause.expires_after(std::chrono::milliseconds(limits::link_accept_retry_ms));
        co_await pause.async_wait(as_result);
        continue;
      }
      auto stream = std::make_shared<link_stream>(std::move(socket), *tls);
      if (strangers.size() >= limits::link_strangers_max) {
        ++refusals;
        close(strangers.front()); // whoever joins takes milliseconds: the oldest does not join
        strangers.pop_front();
      }
      strangers.push_back(stream);
      asio::co_spawn(io, welcome(stream), asio::detached);
    }
  }

  asio::awaitable<void> welcome(std::shared_ptr<link_stream> stream) {
    const auto self = shared_from_this();
    const auto deadline = std::make_shared<asio::steady_timer>(io);
    deadline->expires_after(std::chrono::milliseconds(limits::link_handshake_ms));
    deadline->async_wait([stream, deadline](const boost::system::error_code& error) {
      if (!error) close(stream);
    });
    const bool joined = co_await admit(stream);
    deadline->cancel();
    strangers.remove(stream);
    if (joined) co_return;
    ++refusals;
    close(stream);
  }

  // From the handshake to the relay; false when it was not let in.
  asio::awaitable<bool> admit(std::shared_ptr<link_stream> stream) {
    tune(stream->next_layer());
    auto [handshake_error] =
        co_await stream->async_handshake(asio::ssl::stream_base::server, as_result);
    if (handshake_error) co_return false;
    boost::system::error_code error;
    const std::string text = co_await read_greeting(*stream, error);
    if (text.empty()) co_return false;

    auto link = std::make_shared<link_facts>();
    const auto peer = certificate_of(stream->native_handle());
    link->name = peer.name;
    link->serial = peer.serial;
    const auto from = stream->next_layer().remote_endpoint(error);
    if (!error) link->address = from.address().to_string();
    link->token = make_token();
    // Nodes keep it longer than we live.
    link->cut = [parts = weak_from_this(), weak = std::weak_ptr(stream)] {
      const auto self = parts.lock();
      if (!self) return;
      asio::post(self->io, [weak] {
        if (const auto open = weak.lock()) close(open);
      });
    };
    link_answer answer;
    if (const auto against = held_against(options.folder, peer); !against.empty()) {
      answer.refused = "not_allowed";
      answer.text = against;
    } else if (auto hello = read_hello(text); !hello) {
      answer.refused = "bad_greeting";
      answer.text = hello.error();
    } else {
      link->hello = std::move(*hello);
      if (link->hello.actor_node == options.actor_node) { // a clone of our machine, by chance
        answer.refused = "identity_taken";
        answer.text = "the server is known by this name; try again as another process";
      } else if (auto refusal = options.links->refuse(link)) {
        answer = std::move(*refusal);
      }
    }
    const bool welcome = answer.refused.empty();
    if (welcome) {
      answer.token = link->token;
      answer.input_bytes_max = options.input_bytes_max;
      answer.image_pixels_max = options.image_pixels_max;
    }
    const auto reply = to_text(answer);
    const auto what = asio::buffer(reply);
    auto [write_error, written] = co_await asio::async_write(*stream, what, as_result);
    if (!welcome) {
      options.announce("refused a worker: " + link->name + " from " + link->address + ": " +
                       answer.text);
      co_return false;
    }
    asio::local::stream_protocol::socket door(io);
    const asio::local::stream_protocol::endpoint at(options.door);
    auto [door_error] = co_await door.async_connect(at, as_result);
    if (write_error || door_error) {
      options.links->remove(link);
      co_return false;
    }
    const auto relay = std::make_shared<link_relay>(
        stream, std::move(door), link_relay::counters{&link->bytes_in, &link->bytes_out}, link);
    relay->guard(basp_gate(link->hello.actor_node, options.actor_node),
                 [self = shared_from_this(), link](const std::string& why) {
                   self->options.isolate(link->name, why);
                 });
    relay->start([self = shared_from_this(), link] { self->options.links->remove(link); });
    co_return true;
  }

  // A certificate that is revoked while its link is up ends it.
  asio::awaitable<void> watch_revocations() {
    const auto self = shared_from_this();
    while (acceptor.is_open()) {
      revocations.expires_after(std::chrono::milliseconds(limits::revocation_look_ms));
      auto [error] = co_await revocations.async_wait(as_result);
      if (error) co_return;
      const auto all = read_certificates(options.folder);
      if (!all) continue;
      for (const auto& link : options.links->all()) {
        const auto good = [&](const node_certificate& c) {
          return c.serial == link->serial && c.name == link->name && !c.revoked;
        };
        if (std::ranges::any_of(*all, good)) continue;
        options.announce("cut the link of " + link->name + ": its certificate was revoked");
        link->cut();
      }
    }
  }
};

base::result<std::unique_ptr<link_server>, std::string>
link_server::start(link_server_options options) {
  auto tls = link_context(options.folder + "/server.pem", true);
  if (!tls) return std::unexpected(tls.error() + "; make it with `darkroom cluster init`");
  auto made = std::make_shared<parts>();
  auto& p = *made;
  p.options = std::move(options);
  p.tls = std::move(*tls);
  const auto at = endpoint_of(p.io, p.options.listen);
  if (!at) return std::unexpected("cluster.listen: " + at.error());
  boost::system::error_code error;
  p.acceptor.open(at->protocol(), error);
  if (!error) p.acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) p.acceptor.bind(*at, error);
  if (!error) p.acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return std::unexpected("cluster.listen: " + p.options.listen + ": " + error.message());
  asio::co_spawn(p.io, p.accept(), asio::detached);
  asio::co_spawn(p.io, p.watch_revocations(), asio::detached);
  p.thread = std::thread([&p] {
    base::name_thread("links");
    p.io.run();
  });
  return std::unique_ptr<link_server>(new link_server(std::move(made)));
}

link_server::~link_server() {
  auto& p = *parts_;
  asio::post(p.io, [&p] {
    boost::system::error_code ignored;
    p.acceptor.close(ignored);
    p.revocations.cancel();
    for (const auto& stream : p.strangers)
      p.close(stream);
  });
  for (const auto& link : p.options.links->all())
    link->cut();
  p.thread.join();
}

std::string link_server::address() const {
  boost::system::error_code error;
  const auto at = parts_->acceptor.local_endpoint(error);
  const auto host = at.address().to_string();
  return (at.address().is_v6() ? '[' + host + ']' : host) + ':' + std::to_string(at.port());
}

std::uint64_t link_server::refused() const {
  return parts_->refusals;
}

} // namespace darkroom::actors
