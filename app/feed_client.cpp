#include "app/feed_client.hpp"

#include "app/limits.hpp"
#include "app/text.hpp"
#include "base/result.hpp"
#include "http/as_result.hpp"
#include "http/transport.hpp"
#include "http/web_socket.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>

#include <optional>

namespace darkroom::app {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

struct address {
  bool tls = false;
  std::string host, port;
  std::string authority; // as it stands in the URL
  std::string prefix;    // of paths, behind a proxy that has one
};

std::optional<address> address_of(std::string_view url) {
  address to;
  if (url.starts_with("https://"))
    to.tls = true;
  else if (!url.starts_with("http://"))
    return std::nullopt;
  url.remove_prefix(to.tls ? 8 : 7);
  to.authority = std::string{url.substr(0, url.find('/'))};
  to.prefix = std::string{url.substr(to.authority.size())};
  std::string_view rest = to.authority;
  if (rest.starts_with('[')) { // IPv6
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    to.host = std::string{rest.substr(1, end - 1)};
    rest.remove_prefix(end + 1);
  } else {
    to.host = std::string{rest.substr(0, rest.find(':'))};
    rest.remove_prefix(to.host.size());
  }
  to.port = rest.starts_with(':') ? std::string{rest.substr(1)} : to.tls ? "443" : "80";
  if (to.host.empty() || to.port.empty()) return std::nullopt;
  return to;
}

// What an answer that is no upgrade says.
feed_client::failure refusal(unsigned status, std::string body) {
  http_reply reply;
  reply.status = status;
  reply.body = std::move(body);
  const bool passing = status == 429 || status >= 500;
  return {!passing, reply.problem()};
}

// A certificate that is no good stays so; everything else may pass.
feed_client::failure failed_to_connect(const address& to, const error_code& error) {
  return {error.category() == asio::error::get_ssl_category(),
          to.authority + ": " + error.message()};
}

// Verifies by what the system trusts.
asio::ssl::context& client_tls() {
  static asio::ssl::context tls = [] {
    asio::ssl::context made(asio::ssl::context::tls_client);
    error_code ignored;
    made.set_default_verify_paths(ignored);
    made.set_verify_mode(asio::ssl::verify_peer, ignored);
    return made;
  }();
  return tls;
}

} // namespace

struct feed_client::parts {
  asio::io_context io{1};
  std::optional<http::transport> wire;
  std::optional<http::web_socket> socket;
  std::optional<std::string> message;
  std::optional<failure> ended;
  bool reading = false;

  http::task<std::optional<failure>> connect(const address& to, const std::string& token,
                                             const std::string& words) {
    tcp::resolver resolver(io);
    const auto [unknown, places] =
        co_await resolver.async_resolve(to.host, to.port, http::as_result);
    if (unknown) co_return failed_to_connect(to, unknown);
    tcp::socket connected(io);
    const auto [unreachable, place] =
        co_await asio::async_connect(connected, places, http::as_result);
    if (unreachable) co_return failed_to_connect(to, unreachable);
    wire.emplace(std::move(connected), to.tls ? &client_tls() : nullptr);
    if (const auto error = co_await wire->client_handshake(to.host); error)
      co_return failed_to_connect(to, error);
    socket.emplace(*wire, milliseconds(limits::client_idle_ms), limits::client_message_bytes_max);
    http::header_list headers{{"Sec-WebSocket-Protocol", "darkroom.v1"}};
    if (!token.empty()) headers.emplace_back("Authorization", "Bearer " + token);
    auto upgraded = co_await socket->connect(to.authority, to.prefix + "/v1/events", headers);
    if (!upgraded) {
      auto& why = upgraded.error();
      if (why.status != 0) co_return refusal(why.status, std::move(why.body));
      co_return failed_to_connect(to, why.error);
    }
    const asio::const_buffer first = asio::buffer(words);
    if (!co_await socket->write({&first, 1}))
      co_return failed_to_connect(to, asio::error::connection_reset);
    co_return std::nullopt;
  }

  http::task<void> read_next() {
    auto got = co_await socket->read();
    reading = false;
    if (got.what != http::web_socket::message::kind::none) {
      message = std::move(got.text);
      co_return;
    }
    constexpr std::uint16_t token_ended = 4401;
    const auto why = socket->read_ending();
    ended.emplace(failure{why.code == token_ended, printable(why.sentence)});
    if (ended->sentence.empty()) ended->sentence = "the server closed the connection";
  }
};

feed_client::feed_client(std::unique_ptr<parts> connected) : parts_(std::move(connected)) {}

feed_client::~feed_client() = default;

base::result<std::unique_ptr<feed_client>, feed_client::failure>
feed_client::connect(const server_account& account, const std::string& words) {
  const auto to = address_of(account.url);
  if (!to)
    return std::unexpected(
        failure{true, account.url + " is no address of a server; write http://HOST:PORT"});
  auto made = std::make_unique<parts>();
  std::optional<std::optional<failure>> result; // none: not done in time
  const auto attempt = [&]() -> http::task<void> {
    result = co_await made->connect(*to, account.token, words);
  };
  asio::co_spawn(made->io, attempt(), asio::detached);
  made->io.run_for(milliseconds(limits::client_connect_ms));
  if (!result) return std::unexpected(failed_to_connect(*to, asio::error::timed_out));
  if (*result) return std::unexpected(**result);
  return std::unique_ptr<feed_client>(new feed_client(std::move(made)));
}

std::optional<std::string> feed_client::read(milliseconds most) {
  auto& p = *parts_;
  const auto until = std::chrono::steady_clock::now() + most;
  if (!p.reading && !p.message && !p.ended) {
    p.reading = true;
    asio::co_spawn(p.io, p.read_next(), asio::detached);
  }
  p.io.restart();
  while (!p.message && !p.ended && std::chrono::steady_clock::now() < until)
    if (p.io.run_one_until(until) == 0) break;
  return std::exchange(p.message, std::nullopt);
}

const std::optional<feed_client::failure>& feed_client::ended() const {
  return parts_->ended;
}

} // namespace darkroom::app
