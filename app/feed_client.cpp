#include "app/feed_client.hpp"

#include "app/limits.hpp"
#include "app/text.hpp"
#include "base/result.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <charconv>

namespace darkroom::app {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
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
feed_client::failure refusal(const websocket::response_type& answer) {
  http_reply reply;
  reply.status = answer.result_int();
  reply.body = answer.body();
  const bool passing = reply.status == 429 || reply.status >= 500;
  return {!passing, reply.problem()};
}

template<class Layer>
class connection final : public feed_client {
public:
  template<class... Args>
  explicit connection(std::unique_ptr<asio::io_context> io, Args&&... args)
      : io_(std::move(io)), ws_(*io_, std::forward<Args>(args)...) {}

  websocket::stream<Layer>& ws() { return ws_; }

  // Runs one operation to its end.
  template<class Start>
  error_code run(Start start) {
    error_code result = asio::error::would_block;
    start([&result](const error_code& error, auto&&...) { result = error; });
    io_->restart();
    io_->run();
    return result;
  }

  void begin() {
    auto times = websocket::stream_base::timeout::suggested(beast::role_type::client);
    times.idle_timeout = milliseconds(limits::client_idle_ms);
    times.keep_alive_pings = true;
    ws_.set_option(times);
    read_next();
  }

  std::optional<std::string> read(milliseconds most) override {
    io_->restart();
    const auto until = std::chrono::steady_clock::now() + most;
    while (!message_ && !ended_ && std::chrono::steady_clock::now() < until)
      if (io_->run_one_until(until) == 0) break;
    auto got = std::exchange(message_, std::nullopt);
    if (got && !ended_) read_next();
    return got;
  }

  const std::optional<failure>& ended() const override { return ended_; }

private:
  void read_next() {
    ws_.async_read(input_, [this](const error_code& error, std::size_t) {
      if (error) return end(error);
      message_.emplace(static_cast<const char*>(input_.data().data()), input_.size());
      input_.clear();
    });
  }

  void end(const error_code& error) {
    if (ended_) return;
    ended_.emplace(failure{false, error.message()});
    const auto& why = ws_.reason();
    if (error == websocket::error::closed && why.code != websocket::close_code::none) {
      constexpr std::uint16_t token_ended = 4401;
      ended_->final = why.code == token_ended;
      ended_->sentence = printable(std::string(why.reason.data(), why.reason.size()));
      if (ended_->sentence.empty()) ended_->sentence = "the server closed the connection";
    }
  }

  std::unique_ptr<asio::io_context> io_;
  websocket::stream<Layer> ws_;
  beast::flat_buffer input_{limits::client_message_bytes_max};
  std::optional<std::string> message_;
  std::optional<failure> ended_;
};

template<class Layer>
base::result<std::unique_ptr<feed_client>, feed_client::failure>
upgrade(std::unique_ptr<connection<Layer>> made, const address& to, const std::string& token,
        const std::string& words) {
  auto& ws = made->ws();
  ws.read_message_max(limits::client_message_bytes_max);
  ws.set_option(websocket::stream_base::decorator([&](websocket::request_type& rq) {
    if (!token.empty()) rq.set("Authorization", "Bearer " + token);
    rq.set("Sec-WebSocket-Protocol", "darkroom.v1");
  }));
  websocket::response_type answer;
  auto error = made->run([&](auto done) {
    ws.async_handshake(answer, to.authority, to.prefix + "/v1/events", std::move(done));
  });
  if (error == websocket::error::upgrade_declined) return std::unexpected(refusal(answer));
  if (error) return std::unexpected(feed_client::failure{false, error.message()});
  error = made->run([&](auto done) { ws.async_write(asio::buffer(words), std::move(done)); });
  if (error) return std::unexpected(feed_client::failure{false, error.message()});
  beast::get_lowest_layer(ws).expires_never();
  made->begin();
  return made;
}

// A certificate that is no good stays so; everything else may pass.
feed_client::failure failed_to_connect(const address& to, const error_code& error) {
  return {error.category() == asio::error::get_ssl_category(),
          to.authority + ": " + error.message()};
}

} // namespace

base::result<std::unique_ptr<feed_client>, feed_client::failure>
feed_client::connect(const server_account& account, const std::string& words) {
  auto to = address_of(account.url);
  if (!to)
    return std::unexpected(
        failure{true, account.url + " is no address of a server; write http://HOST:PORT"});
  auto io = std::make_unique<asio::io_context>();
  tcp::resolver resolver(*io);
  error_code error = asio::error::timed_out;
  tcp::resolver::results_type places;
  resolver.async_resolve(to->host, to->port, [&](const error_code& e, auto found) {
    error = e;
    places = std::move(found);
  });
  io->run_for(milliseconds(limits::client_connect_ms));
  if (error || places.empty()) {
    resolver.cancel();
    io->restart();
    io->run_for(milliseconds(limits::client_connect_ms)); // what was given up comes back
    return std::unexpected(failed_to_connect(*to, error));
  }
  const auto join = [&](beast::tcp_stream& tcp, auto& made) {
    tcp.expires_after(milliseconds(limits::client_connect_ms));
    return made->run([&](auto done) {
      tcp.async_connect(
          places, [done = std::move(done)](const error_code& e, auto&&...) mutable { done(e); });
    });
  };
  if (!to->tls) {
    auto made = std::make_unique<connection<beast::tcp_stream>>(std::move(io));
    error = join(made->ws().next_layer(), made);
    if (error) return std::unexpected(failed_to_connect(*to, error));
    return upgrade(std::move(made), *to, account.token, words);
  }
  static asio::ssl::context tls = [] {
    asio::ssl::context made(asio::ssl::context::tls_client);
    error_code ignored;
    made.set_default_verify_paths(ignored);
    made.set_verify_mode(asio::ssl::verify_peer, ignored);
    return made;
  }();
  auto made =
      std::make_unique<connection<beast::ssl_stream<beast::tcp_stream>>>(std::move(io), tls);
  auto& secure = made->ws().next_layer();
  secure.set_verify_callback(asio::ssl::host_name_verification(to->host), error);
  // The macro SSL_set_tlsext_host_name, without its old casts.
  SSL_ctrl(secure.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           to->host.data());
  error = join(secure.next_layer(), made);
  if (!error)
    error = made->run([&](auto done) {
      secure.async_handshake(asio::ssl::stream_base::client, std::move(done));
    });
  if (error) return std::unexpected(failed_to_connect(*to, error));
  return upgrade(std::move(made), *to, account.token, words);
}

} // namespace darkroom::app
