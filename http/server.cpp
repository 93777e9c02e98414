#include "http/server.hpp"

#include "base/result.hpp"
#include "domain/text.hpp"
#include "http/as_result.hpp"
#include "http/blocking.hpp"
#include "http/limits.hpp"
#include "http/request_id.hpp"
#include "http/router.hpp"
#include "http/session.hpp"
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

#include <charconv>
#include <condition_variable>
#include <thread>
#include <unordered_set>

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

// All open sessions, and how many each address has.
class session_list {
public:
  // False when a limit is reached.
  bool admit(const std::string& address, const config::http_settings& limits) {
    const std::lock_guard lock(mutex_);
    if (total_ >= limits.connections_max) return false;
    auto& own = by_address_[address];
    if (own >= limits.connections_per_ip_max) return false;
    own += 1;
    total_ += 1;
    return true;
  }
  void add(const std::shared_ptr<session>& one) {
    const std::lock_guard lock(mutex_);
    open_.insert(one);
  }
  void remove(const std::shared_ptr<session>& one, const std::string& address) {
    const std::lock_guard lock(mutex_);
    open_.erase(one);
    total_ -= 1;
    if (--by_address_[address] == 0) by_address_.erase(address);
    changed_.notify_all();
  }
  std::vector<std::shared_ptr<session>> all() const {
    const std::lock_guard lock(mutex_);
    return {open_.begin(), open_.end()};
  }
  bool wait_until_empty(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, most, [this] { return total_ == 0; });
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_set<std::shared_ptr<session>> open_;
  std::map<std::string, std::uint64_t> by_address_;
  std::uint64_t total_ = 0;
};

void log_request(const request& rq, const response& answer, std::uint64_t bytes) {
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
                        std::chrono::steady_clock::now() - rq.began)
                        .count();
  spdlog::info(
      "request id={} address={} user={} method={} path={} status={} code={} us={} bytes={}", rq.id,
      rq.address, rq.user.empty() ? "-" : domain::printable(rq.user),
      rq.method.empty() ? "-" : rq.method, rq.target.empty() ? "-" : rq.target, answer.status,
      answer.refused ? to_string(*answer.refused) : "-", took, bytes);
}

// What a connection over a limit is told.
const std::string& overloaded() {
  static const std::string text = [] {
    const auto body = problem_json({problem_code::overloaded}, request_id({}), "");
    return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
           "Retry-After: 5\r\nConnection: close\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }();
  return text;
}

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

struct server::parts {
  config::settings settings;
  asio::thread_pool blocking;
  std::shared_ptr<http::services> shared;
  asio::io_context io;
  std::optional<asio::ssl::context> tls;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors;
  std::shared_ptr<const session_parts> api, metrics_only;
  session_list sessions;
  std::vector<std::thread> threads;
  bool stopped = false;

  parts(const config::settings& s, actors::orchestra& actors, persistence::blob_store& blobs,
        std::shared_ptr<persistence::output_store> outputs, format_facts formats)
      : settings(s), blocking(s.http.blocking_threads),
        shared(std::make_shared<http::services>(s, actors, blobs, std::move(outputs), blocking,
                                                std::move(formats))) {
    const auto read_file = [this](int file, std::span<char> into,
                                  std::uint64_t at) -> task<std::int64_t> {
      return run_blocking(blocking, [file, into, at] {
        return std::int64_t{::pread(file, into.data(), into.size(), static_cast<off_t>(at))};
      });
    };
    const auto log = s.log.requests ? request_log(log_request) : request_log();
    api = std::make_shared<const session_parts>(session_parts{
        [all = shared](request& rq, body_reader& body) { return dispatch(*all, rq, body); }, log,
        read_file});
    metrics_only = std::make_shared<const session_parts>(
        session_parts{[all = shared](request& rq, body_reader&) { return answer_metrics(all, rq); },
                      log, read_file});
  }

  static task<response> answer_metrics(std::shared_ptr<http::services> s, request& rq) {
    response r;
    if (rq.target != "/metrics")
      co_return to_response(std::unexpected(problem{problem_code::not_found}), rq);
    r.with("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    r.body = metrics_text(*s);
    co_return r;
  }

  task<void> serve(std::shared_ptr<session> one, std::string address) {
    shared->metrics.connections += 1;
    try {
      co_await one->run();
    } catch (const std::exception& e) {
      spdlog::error("fault in a connection: {}", domain::printable(e.what()));
    }
    shared->metrics.connections -= 1;
    sessions.remove(one, address);
  }

  task<void> accept(tcp::acceptor& from, bool with_tls, std::shared_ptr<const session_parts> how) {
    asio::steady_timer pause(from.get_executor());
    while (from.is_open()) {
      auto [error, socket] = co_await from.async_accept(asio::make_strand(io), as_result);
      if (error == asio::error::operation_aborted) co_return;
      if (error) { // out of descriptors, say: somebody has to end first
        pause.expires_after(std::chrono::milliseconds(limits::accept_retry_ms));
        co_await pause.async_wait(as_result);
        continue;
      }
      admit(std::move(socket), with_tls, how);
    }
  }

  void admit(tcp::socket socket, bool with_tls, const std::shared_ptr<const session_parts>& how) {
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error);
    const auto address = error ? std::string{} : peer.address().to_string();
    if (shared->draining || !sessions.admit(address, settings.http)) {
      shared->metrics.connections_refused += 1;
      socket.non_blocking(true, error);
      if (!with_tls) socket.write_some(asio::buffer(overloaded()), error);
      return; // and it closes
    }
    const auto executor = socket.get_executor();
    auto one = std::make_shared<session>(std::move(socket), with_tls ? &*tls : nullptr, how);
    sessions.add(one);
    asio::co_spawn(executor, serve(one, address), asio::detached);
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
    tls.emplace(asio::ssl::context::tls_server);
    boost::system::error_code error;
    tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                         asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                         asio::ssl::context::no_tlsv1_1,
                     error);
    tls->use_certificate_chain_file(settings.tls.certificate, error);
    if (error)
      return std::unexpected("http.tls.certificate: " + settings.tls.certificate + ": " +
                             error.message());
    tls->use_private_key_file(settings.tls.key, asio::ssl::context::pem, error);
    if (error) return std::unexpected("http.tls.key: " + settings.tls.key + ": " + error.message());
    return {};
  }
};

server::server(const config::settings& settings, actors::orchestra& actors,
               persistence::blob_store& blobs, std::shared_ptr<persistence::output_store> outputs,
               format_facts formats)
    : parts_(std::make_unique<parts>(settings, actors, blobs, std::move(outputs),
                                     std::move(formats))) {}

server::~server() {
  stop(std::chrono::milliseconds(0));
}

services& server::shared() {
  return *parts_->shared;
}

base::result<void, std::string> server::listen() {
  auto& p = *parts_;
  if (auto ok = p.open_tls(); !ok) return ok;
  if (auto ok = p.open(p.settings.http.listen, p.tls.has_value(), p.api, "http.listen"); !ok)
    return ok;
  if (!p.settings.http.metrics_listen.empty())
    if (auto ok =
            p.open(p.settings.http.metrics_listen, false, p.metrics_only, "http.metrics_listen");
        !ok)
      return ok;
  for (std::uint64_t i = 0; i < p.settings.http.threads; ++i)
    p.threads.emplace_back([&p] {
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
    p.sessions.wait_until_empty(std::chrono::milliseconds(limits::linger_ms));
  }
  p.shared->source.stop();
  p.io.stop();
  for (auto& thread : p.threads)
    thread.join();
  p.blocking.join();
  p.shared->committer.stop(); // its answers go to the connections' executor
}

} // namespace darkroom::http
