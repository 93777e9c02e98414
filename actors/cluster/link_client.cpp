#include "actors/cluster/link_client.hpp"

#include "actors/cluster/as_result.hpp"
#include "actors/cluster/limits.hpp"
#include "actors/cluster/link_relay.hpp"
#include "base/result.hpp"
#include "base/thread_name.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <optional>
#include <thread>

namespace darkroom::actors {

namespace asio = boost::asio;
using asio::ip::tcp;

struct link_client::parts : std::enable_shared_from_this<link_client::parts> {
  link_client_options options;
  std::function<void()> ended;
  tls_context tls;
  asio::io_context io{1};
  std::shared_ptr<link_stream> stream;
  std::string server_hosts; // that its certificate is for
  std::shared_ptr<link_relay> relay;
  link_answer answer;
  base::unique_fd socket;
  std::optional<link_refusal> refusal;
  std::thread thread;

  asio::awaitable<void> join() {
    const auto self = shared_from_this();
    tcp::resolver resolver(io);
    auto [resolve_error, found] =
        co_await resolver.async_resolve(options.host, options.port, as_result);
    if (resolve_error) {
      refusal = link_refusal{"unreachable", options.host + ": " + resolve_error.message()};
      co_return;
    }
    auto [connect_error, at] = co_await asio::async_connect(stream->next_layer(), found, as_result);
    if (connect_error) {
      refusal = link_refusal{"unreachable",
                             options.host + ":" + options.port + ": " + connect_error.message()};
      co_return;
    }
    tune(stream->next_layer());
    auto* connection = stream->native_handle();
    expect_host(connection, options.host);
    stream->set_verify_callback([this](bool good, asio::ssl::verify_context& looked_at) {
      if (auto hosts = hosts_of(looked_at.native_handle()); !hosts.empty())
        server_hosts = std::move(hosts);
      return good;
    });
    auto [handshake_error] =
        co_await stream->async_handshake(asio::ssl::stream_base::client, as_result);
    if (handshake_error) {
      refusal = link_refusal{"not_trusted", handshake_problem(connection, handshake_error,
                                                              options.host, server_hosts)};
      co_return;
    }
    const auto greeting = to_text(options.hello);
    const auto what = asio::buffer(greeting);
    co_await asio::async_write(*stream, what, as_result);
    // What the server thinks of our certificate comes only now.
    boost::system::error_code error;
    const std::string text = co_await read_greeting(*stream, error);
    if (text.empty()) {
      refusal = link_refusal{
          "not_trusted", error ? handshake_problem(connection, error, options.host, server_hosts)
                               : "the server does not greet back"};
      co_return;
    }
    auto read = read_answer(text);
    if (!read)
      refusal = link_refusal{"bad_greeting", read.error()};
    else if (!read->refused.empty())
      refusal = link_refusal{read->refused, read->text};
    else
      answer = std::move(*read);
  }

  // Until joined or refused, at most until the deadline.
  void run_to_decision() {
    bool decided = false;
    asio::co_spawn(io, join(), [&](const std::exception_ptr&) { decided = true; });
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(2 * limits::link_handshake_ms);
    while (!decided && io.run_one_until(deadline) != 0) {
    }
    if (decided) return;
    boost::system::error_code ignored;
    stream->lowest_layer().close(ignored);
    while (!decided && io.run_one() != 0) { // its own end
    }
    refusal =
        link_refusal{"unreachable", options.host + ":" + options.port +
                                        ": no answer in time; is a firewall in between, or is this "
                                        "the port of HTTP and not the cluster's?"};
  }

  void carry() {
    asio::local::stream_protocol::socket ours(io), theirs(io);
    asio::local::connect_pair(ours, theirs);
    socket = base::unique_fd{theirs.release()};
    relay = std::make_shared<link_relay>(stream, std::move(ours), link_relay::counters{}, nullptr);
    relay->start(ended);
    io.restart(); // it stopped when there was nothing left to decide
    thread = std::thread([this] {
      base::name_thread("link");
      io.run();
    });
  }
};

base::result<std::unique_ptr<link_client>, link_refusal>
link_client::connect(link_client_options options, std::function<void()> ended) {
  auto tls = link_context(options.identity, false);
  if (!tls) return std::unexpected(link_refusal{"bad_identity", tls.error()});
  auto made = std::make_shared<parts>();
  made->options = std::move(options);
  made->ended = std::move(ended);
  made->tls = std::move(*tls);
  made->stream = std::make_shared<link_stream>(made->io, *made->tls);
  made->run_to_decision();
  if (made->refusal) return std::unexpected(*made->refusal);
  made->carry();
  return std::unique_ptr<link_client>(new link_client(std::move(made)));
}

link_client::~link_client() {
  auto& p = *parts_;
  asio::post(p.io, [&p] { p.relay->stop(); });
  p.thread.join();
}

const link_answer& link_client::answer() const {
  return parts_->answer;
}

base::unique_fd link_client::take_socket() {
  return std::move(parts_->socket);
}

} // namespace darkroom::actors
