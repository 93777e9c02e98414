#include "http/server.hpp"

#include "base/result.hpp"
#include "base/thread_name.hpp"
#include "base/unique_fd.hpp"
#include "domain/text.hpp"
#include "http/as_result.hpp"
#include "http/blocking.hpp"
#include "http/eviction_list.hpp"
#include "http/limits.hpp"
#include "http/request_id.hpp"
#include "http/router.hpp"
#include "http/session.hpp"
#include "http/session_list.hpp"
#include "persistence/read_view.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <charconv>
#include <fcntl.h>
#include <latch>
#include <mutex>
#include <thread>

namespace darkroom::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

std::optional<tcp::endpoint> endpoint_of(const std::string& listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::uint16_t port = 0;
  const auto* last = listen.data() + listen.size();
  const auto [end, error] = std::from_chars(listen.data() + colon + 1, last, port);
  if (error != std::errc{} || end != last || colon + 1 == listen.size()) return std::nullopt;
  auto host = listen.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  boost::system::error_code wrong;
  const auto address = asio::ip::make_address(host, wrong);
  if (wrong) return std::nullopt;
  return tcp::endpoint(address, port);
}

// No path, as that has file names in it; no name of a user, and an address only if that is wanted.
void log_request(const services& s, bool with_address, const request& rq, const response& answer,
                 std::uint64_t bytes) {
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
                        std::chrono::steady_clock::now() - rq.began)
                        .count();
  const auto address = with_address ? " address=" + rq.address : std::string{};
  spdlog::info("request id={}{} user={} method={} route={} status={} code={} us={} bytes={}", rq.id,
               address, s.log_names.of(rq.user), rq.method.empty() ? "-" : rq.method,
               rq.route.empty() ? "none" : rq.route, answer.status,
               answer.refused ? to_string(*answer.refused) : "-", took, bytes);
}

// What TLS connections are made with. A reload replaces it; those that are open keep theirs.
class tls_slot {
public:
  using context = std::shared_ptr<asio::ssl::context>;
  context get() const { // null: no TLS
    const std::lock_guard lock(mutex_);
    return now_;
  }
  void set(context next) {
    const std::lock_guard lock(mutex_);
    now_.swap(next);
  }

private:
  mutable std::mutex mutex_;
  context now_;
};

base::result<tls_slot::context, std::string> make_tls(const config::tls_settings& settings) {
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  boost::system::error_code error;
  tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                       asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                       asio::ssl::context::no_tlsv1_1,
                   error);
  // With TLS 1.2 only key exchange with forward secrecy, and authenticated encryption.
  if (SSL_CTX_set_cipher_list(tls->native_handle(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
    return std::unexpected("this OpenSSL has none of the ciphers that are required for TLS 1.2");
  tls->use_certificate_chain_file(settings.certificate, error);
  if (error)
    return std::unexpected("http.tls.certificate: " + settings.certificate + ": " +
                           error.message());
  tls->use_private_key_file(settings.key, asio::ssl::context::pem, error);
  if (error) return std::unexpected("http.tls.key: " + settings.key + ": " + error.message());
  return tls;
}

// The answer to a connection that is not read.
std::string overloaded() {
  const auto body = problem_json({problem_code::overloaded}, request_id({}), "");
  return "HTTP/1.1 503 Service Unavailable\r\nDate: " + http_date() +
         "\r\nContent-Type: application/problem+json\r\nRetry-After: " +
         std::to_string(limits::overloaded_retry_s) +
         "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

// Without waiting; what the client has sent so far is read, so that it does not reset the
// connection.
void answer_overloaded(tcp::socket& socket) {
  boost::system::error_code error;
  socket.non_blocking(true, error);
  std::array<char, 16 * limits::KiB> dropped{};
  socket.read_some(asio::buffer(dropped), error);
  socket.write_some(asio::buffer(overloaded()), error);
  socket.shutdown(tcp::socket::shutdown_send, error);
}

// A descriptor that is given up to accept a connection when there are no others left.
class spare_descriptor {
public:
  explicit operator bool() const { return bool(file_); }
  void give_up() { file_.reset(); }
  void take_back() { file_ = base::unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

private:
  base::unique_fd file_{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
};

} // namespace

base::result<void, std::string> check_network(const config::settings& s) {
  const auto check = [&](const char* key, const std::string& listen,
                         bool has_tls) -> base::result<void, std::string> {
    const auto at = endpoint_of(listen);
    if (!at)
      return std::unexpected(std::string{key} + ": " + listen +
                             " is no HOST:PORT; write 127.0.0.1:8080 or [::1]:8080");
    if (!at->address().is_loopback() && !has_tls && !s.http.insecure_no_tls)
      return std::unexpected(
          std::string{key} + ": " + listen +
          " can be reached from other machines, and everything would travel in the clear; set "
          "http.tls.certificate and http.tls.key, or say --insecure-no-tls behind a proxy that has "
          "TLS");
    return {};
  };
  if (auto ok = check("http.listen", s.http.listen, !s.tls.certificate.empty()); !ok) return ok;
  if (!s.http.metrics_listen.empty())
    if (auto ok = check("http.metrics_listen", s.http.metrics_listen, false); !ok) return ok;
  for (const auto& network : s.auth.trusted_proxies)
    if (!in_network(network, "127.0.0.1"))
      return std::unexpected("auth.trusted_proxies: " + network +
                             " is no network; write 10.0.0.0/8 or 2001:db8::/32");
  return {};
}

namespace {

// Names the threads of a pool, all of which are idle: each waits until the last one has its name.
void name_threads(asio::thread_pool& pool, std::size_t threads) {
  const auto unnamed = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(threads));
  for (std::size_t i = 0; i < threads; ++i)
    asio::post(pool, [unnamed, i] {
      base::name_thread("http disk " + std::to_string(i));
      unnamed->arrive_and_wait();
    });
}

} // namespace

struct server::parts {
  config::settings settings;
  asio::thread_pool blocking;
  std::shared_ptr<http::services> shared;
  asio::io_context io;
  tls_slot tls;
  std::atomic<bool> log_requests = true, log_addresses = false;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors;
  std::shared_ptr<const session_parts> api, health_only, metrics_only;
  session_list sessions;
  eviction_list over_limit{limits::health_connections_max, limits::health_connections_max};
  spare_descriptor spare;
  std::vector<std::thread> threads;
  bool stopped = false;

  parts(const config::settings& s, actors::orchestra& actors, persistence::blob_store& blobs,
        std::shared_ptr<persistence::output_store> outputs, format_facts formats,
        std::string log_key)
      : settings(s), blocking(s.http.blocking_threads),
        shared(std::make_shared<http::services>(s, actors, blobs, std::move(outputs), blocking,
                                                std::move(formats), std::move(log_key))) {
    name_threads(blocking, s.http.blocking_threads);
    const auto read_file = [this](int file, std::span<char> into,
                                  std::uint64_t at) -> task<std::int64_t> {
      return run_blocking(blocking, [file, into, at] {
        return std::int64_t{::pread(file, into.data(), into.size(), static_cast<off_t>(at))};
      });
    };
    session_parts each;
    set_log(s.log);
    each.log = [this](const request& rq, const response& answer, std::uint64_t bytes) {
      if (log_requests) log_request(*shared, log_addresses, rq, answer, bytes);
    };
    each.read_file = read_file;
    each.lingering =
        std::make_shared<eviction_list>(s.http.connections_max / limits::linger_share,
                                        s.http.connections_per_ip_max / limits::linger_share);
    each.dropped = [all = shared](std::uint64_t bytes) { all->metrics.bytes_dropped += bytes; };
    each.handle = [all = shared](request& rq, body_reader& body) {
      return dispatch(*all, rq, body);
    };
    api = std::make_shared<const session_parts>(each);
    each.handle = [all = shared](request& rq, body_reader& body) {
      return answer_health(all, rq, body);
    };
    each.over_limit = true;
    each.idle = std::chrono::milliseconds(limits::health_header_ms);
    health_only = std::make_shared<const session_parts>(each);
    each.handle = [all = shared](request& rq, body_reader&) { return answer_metrics(all, rq); };
    each.over_limit = false;
    each.idle = std::chrono::milliseconds(limits::idle_ms);
    metrics_only = std::make_shared<const session_parts>(std::move(each));
  }

  // Over the limits a server is still watched.
  static task<response> answer_health(std::shared_ptr<http::services> s, request& rq,
                                      body_reader& body) {
    if (rq.target == "/livez" || rq.target == "/readyz") co_return co_await dispatch(*s, rq, body);
    problem p{problem_code::overloaded};
    p.retry_after_s = limits::overloaded_retry_s;
    p.closes = true;
    co_return to_response(std::unexpected(std::move(p)), rq);
  }

  void set_log(const config::log_settings& s) {
    log_requests = s.requests;
    log_addresses = s.addresses;
  }

  static task<response> answer_metrics(std::shared_ptr<http::services> s, request& rq) {
    response r;
    if (rq.target != "/metrics")
      co_return to_response(std::unexpected(problem{problem_code::not_found}), rq);
    r.with("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    r.body = metrics_text(*s);
    co_return r;
  }

  // What it holds of the limits goes with the coroutine, however that ends.
  struct held_places {
    session_list::place place;
    eviction_list::place over_limit;
  };

  task<void> serve(std::shared_ptr<session> one, held_places held) {
    sessions.add(one);
    if (shared->draining) one->stop();
    shared->metrics.connections += 1;
    try {
      co_await one->run();
    } catch (const std::exception& e) {
      spdlog::error("fault in a connection: {}", domain::printable(e.what()));
    }
    shared->metrics.connections -= 1;
    held = {};
    sessions.remove(one);
  }

  // Connections that wait at a listener while there are no descriptors.
  void refuse_waiting(tcp::acceptor& from, bool with_tls) {
    if (!spare) spare.take_back();
    if (!spare) return;
    spare.give_up();
    boost::system::error_code error;
    tcp::socket socket(from.get_executor());
    from.non_blocking(true, error);
    from.accept(socket, error);
    if (!error) {
      shared->metrics.connections_refused += 1;
      if (!with_tls) answer_overloaded(socket);
    }
    socket.close(error);
    spare.take_back();
  }

  task<void> accept(tcp::acceptor& from, bool with_tls, std::shared_ptr<const session_parts> how) {
    asio::steady_timer pause(from.get_executor());
    while (from.is_open()) {
      auto [error, socket] = co_await from.async_accept(asio::make_strand(io), as_result);
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        if (error == asio::error::no_descriptors) refuse_waiting(from, with_tls);
        pause.expires_after(std::chrono::milliseconds(limits::accept_retry_ms));
        co_await pause.async_wait(as_result);
        continue;
      }
      admit(std::move(socket), with_tls, how);
    }
  }

  void admit(tcp::socket socket, bool with_tls, std::shared_ptr<const session_parts> how) {
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error);
    const auto address = error ? std::string{} : client_network(peer.address().to_string());
    held_places held;
    auto place = sessions.admit(address, settings.http);
    if (!place) shared->metrics.connections_refused += 1;
    if (shared->draining || (!place && how != api)) {
      if (!with_tls) answer_overloaded(socket);
      return; // and it closes
    }
    const auto executor = socket.get_executor();
    if (!place) how = health_only;
    const auto context = with_tls ? tls.get() : nullptr; // OpenSSL keeps what the session uses
    auto one = std::make_shared<session>(std::move(socket), context.get(), how);
    if (place)
      held.place = std::move(*place);
    else
      held.over_limit = over_limit.enter(address, [weak = std::weak_ptr(one)] {
        if (const auto evicted = weak.lock()) evicted->evict();
      });
    asio::co_spawn(executor, serve(one, std::move(held)), asio::detached);
  }

  base::result<void, std::string> open(const std::string& listen, bool with_tls,
                                       const std::shared_ptr<const session_parts>& how,
                                       const char* key) {
    const auto at = endpoint_of(listen);
    if (!at)
      return std::unexpected(std::string{key} + ": " + listen +
                             " is no HOST:PORT; write 127.0.0.1:8080 or [::1]:8080");
    auto acceptor = std::make_unique<tcp::acceptor>(asio::make_strand(io));
    boost::system::error_code error;
    acceptor->open(at->protocol(), error);
    if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor->bind(*at, error);
    if (!error) acceptor->listen(limits::listen_backlog, error);
    if (error)
      return std::unexpected("cannot listen on " + listen + ": " + error.message() +
                             "; choose another --listen");
    asio::co_spawn(acceptor->get_executor(), accept(*acceptor, with_tls, how), asio::detached);
    acceptors.push_back(std::move(acceptor));
    return {};
  }

  base::result<void, std::string> open_tls() {
    if (settings.tls.certificate.empty()) return {};
    auto made = make_tls(settings.tls);
    if (!made) return std::unexpected(made.error());
    tls.set(std::move(*made));
    return {};
  }
};

server::server(const config::settings& settings, actors::orchestra& actors,
               persistence::blob_store& blobs, std::shared_ptr<persistence::output_store> outputs,
               format_facts formats, std::string log_key)
    : parts_(std::make_unique<parts>(settings, actors, blobs, std::move(outputs),
                                     std::move(formats), std::move(log_key))) {}

server::~server() {
  stop(std::chrono::milliseconds(0));
}

services& server::shared() {
  return *parts_->shared;
}

base::result<void, std::string> server::bind() {
  auto& p = *parts_;
  if (auto ok = p.open_tls(); !ok) return ok;
  if (auto ok = p.open(p.settings.http.listen, p.tls.get() != nullptr, p.api, "http.listen"); !ok)
    return ok;
  if (!p.settings.http.metrics_listen.empty())
    if (auto ok =
            p.open(p.settings.http.metrics_listen, false, p.metrics_only, "http.metrics_listen");
        !ok)
      return ok;
  return {};
}

base::result<void, std::string> server::listen() {
  auto& p = *parts_;
  if (p.acceptors.empty())
    if (auto ok = bind(); !ok) return ok;
  for (std::uint64_t i = 0; i < p.settings.http.threads; ++i)
    p.threads.emplace_back([&p, i] {
      base::name_thread("http " + std::to_string(i));
      while (true) {
        try {
          p.io.run();
          return;
        } catch (const std::exception& e) { // of one connection: the others go on
          spdlog::error("fault in the edge: {}", domain::printable(e.what()));
        }
      }
    });
  return {};
}

base::result<void, std::string> server::reload(const config::settings& settings) {
  auto& p = *parts_;
  if (p.tls.get()) { // without TLS at the start, there is no port for it
    auto made = make_tls(settings.tls);
    if (!made) return std::unexpected(made.error());
    p.tls.set(std::move(*made));
  }
  p.set_log(settings.log);
  p.shared->reload(settings);
  return {};
}

std::string server::address() const {
  boost::system::error_code error;
  const auto at = parts_->acceptors.front()->local_endpoint(error);
  const auto host = at.address().to_string();
  return (at.address().is_v6() ? '[' + host + ']' : host) + ':' + std::to_string(at.port());
}

void server::drain() {
  auto& p = *parts_;
  p.shared->draining = true;
  for (auto& acceptor : p.acceptors)
    asio::post(acceptor->get_executor(), [&acceptor] {
      boost::system::error_code ignored;
      acceptor->close(ignored);
    });
  p.shared->gateway.ring_all();
  p.shared->streams.end_all();
  for (const auto& one : p.sessions.all())
    one->stop();
}

void server::stop(std::chrono::milliseconds most) {
  auto& p = *parts_;
  if (std::exchange(p.stopped, true)) return;
  drain();
  if (!p.threads.empty() && !p.sessions.wait_until_empty(most)) {
    for (const auto& one : p.sessions.all())
      one->abort();
    p.sessions.wait_until_empty(std::chrono::milliseconds(limits::close_ms));
  }
  p.shared->source.stop();
  p.io.stop();
  for (auto& thread : p.threads)
    thread.join();
  p.blocking.join();
  p.shared->committer.stop(); // its answers go to the connections' executor
}

} // namespace darkroom::http
