#include "http/web_socket.hpp"

#include "http/as_result.hpp"
#include "http/limits.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <limits>
#include <sys/socket.h>
#include <sys/uio.h>

namespace darkroom::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

namespace {

constexpr int send_buffer_bytes = 32 * 1024; // in the kernel; more would only hide a slow client

// Beast reads and writes through this: first what came behind the request, then the connection,
// plain or encrypted. Whole frames may also be sent past Beast; it then takes care that no frame
// comes into the middle of another.
class wire_layer {
public:
  using executor_type = asio::any_io_executor;

  wire_layer(transport& wire, std::vector<char> early) : wire_(wire), early_(std::move(early)) {}

  executor_type get_executor() { return wire_.executor(); }
  transport& wire() { return wire_; }

  template<class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) { read(first_of(into), std::move(handler)); },
        token, buffers);
  }
  template<class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          write(std::vector<asio::const_buffer>(asio::buffer_sequence_begin(from),
                                                asio::buffer_sequence_end(from)),
                std::move(handler));
        },
        token, buffers);
  }
  void limit_input(std::uint64_t bytes_per_min) { input_bytes_per_min_max_ = bytes_per_min; }
  void when_flooded(std::function<void()> call) { when_flooded_ = std::move(call); }

  // Sends what goes at once; nothing when it is not the time for it. What is left of a frame that
  // has begun has to follow, between `begin_flush` and `end_flush`.
  std::optional<std::size_t> send_now(std::span<const asio::const_buffer> buffers) {
    constexpr std::size_t most = 64;
    if (wire_.secure() || beast_writes_ || flushing_ || buffers.size() > most) return std::nullopt;
    std::array<iovec, most> parts{};
    for (std::size_t i = 0; i < buffers.size(); ++i)
      parts[i] = {const_cast<void*>(buffers[i].data()), buffers[i].size()};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = buffers.size();
    const auto n = ::sendmsg(wire_.tcp().native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) return std::nullopt; // Beast waits, or finds out what is wrong
    return static_cast<std::size_t>(n);
  }
  void begin_flush() { flushing_ = true; }
  void end_flush() {
    flushing_ = false;
    if (when_flushed_) std::exchange(when_flushed_, nullptr)();
  }

private:
  using io_handler = transport::io_handler;

  // Where the next bytes go.
  template<class Buffers>
  static asio::mutable_buffer first_of(const Buffers& buffers) {
    const auto end = asio::buffer_sequence_end(buffers);
    for (auto at = asio::buffer_sequence_begin(buffers); at != end; ++at)
      if (const asio::mutable_buffer one(*at); one.size() > 0) return one;
    return {};
  }

  void read(asio::mutable_buffer into, io_handler handler) {
    if (used_ < early_.size()) {
      const auto n = asio::buffer_copy(into, asio::buffer(early_) + used_);
      used_ += n;
      note_received(n);
      asio::post(wire_.executor(), [handler = std::move(handler), n]() mutable { handler({}, n); });
      return;
    }
    wire_.async_read_some(
        into, [this, handler = std::move(handler)](const auto& error, std::size_t n) mutable {
          note_received(n);
          handler(error, n);
        });
  }

  void write(std::vector<asio::const_buffer> from, io_handler handler) {
    beast_writes_ = true;
    if (!flushing_) return write_wire(std::move(from), std::move(handler));
    when_flushed_ = [this, from = std::move(from), handler = std::move(handler)]() mutable {
      write_wire(std::move(from), std::move(handler));
    };
  }

  void write_wire(std::vector<asio::const_buffer> from, io_handler handler) {
    // Beast writes to the end of a frame: what is left of it comes next.
    wire_.async_write_some(from,
                           [this, size = asio::buffer_size(from), handler = std::move(handler)](
                               const auto& error, std::size_t n) mutable {
                             if (n == size) beast_writes_ = false;
                             handler(error, n);
                           });
  }

  void note_received(std::size_t bytes) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= minute_ends_) {
      minute_ends_ = now + std::chrono::minutes(1);
      received_ = 0;
    }
    received_ += bytes;
    // Not at once: Beast is in the middle of a read.
    if (received_ > input_bytes_per_min_max_ && when_flooded_)
      asio::post(wire_.executor(), std::exchange(when_flooded_, nullptr));
  }

  transport& wire_;
  std::vector<char> early_;
  std::size_t used_ = 0;
  std::uint64_t received_ = 0; // in this minute
  std::uint64_t input_bytes_per_min_max_ = std::numeric_limits<std::uint64_t>::max();
  std::chrono::steady_clock::time_point minute_ends_;
  std::function<void()> when_flooded_;
  bool beast_writes_ = false; // a frame of Beast's is on its way
  bool flushing_ = false;     // a frame of ours is
  std::move_only_function<void()> when_flushed_;
};

// The head of an unmasked frame with a whole message of text (RFC 6455, section 5.2).
struct frame_head {
  std::array<unsigned char, 10> bytes{0x81};
  std::size_t size = 2;

  explicit frame_head(std::uint64_t payload) {
    const std::size_t extra = payload < 126 ? 0 : payload <= 0xffff ? 2 : 8;
    bytes[1] = static_cast<unsigned char>(extra == 0 ? payload : extra == 2 ? 126 : 127);
    for (std::size_t i = 0; i < extra; ++i)
      bytes[2 + i] = static_cast<unsigned char>(payload >> (8 * (extra - 1 - i)));
    size += extra;
  }
};

// What is left after so many bytes.
void drop_sent(std::vector<asio::const_buffer>& buffers, std::size_t sent) {
  auto first = buffers.begin();
  for (; first != buffers.end() && sent >= first->size(); ++first)
    sent -= first->size();
  if (first != buffers.end()) *first += sent;
  buffers.erase(buffers.begin(), first);
}

// The connection is brought to its end by its session, once for plain and encrypted ones.
template<class Handler>
void async_teardown(beast::role_type, wire_layer& layer, Handler&& handler) {
  asio::post(layer.get_executor(), beast::bind_front_handler(std::forward<Handler>(handler),
                                                             boost::system::error_code{}));
}
void beast_close_socket(wire_layer& layer) {
  layer.wire().cancel();
}

std::vector<std::string> listed(std::string_view header) {
  std::vector<std::string> words;
  while (!header.empty()) {
    const auto end = std::min(header.find(','), header.size());
    if (const auto word = trimmed(header.substr(0, end)); !word.empty()) words.emplace_back(word);
    header.remove_prefix(std::min(end + 1, header.size()));
  }
  return words;
}

// 16 bytes in base64 (RFC 6455, section 4.1).
bool is_key(std::string_view key) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return key.size() == 24 && key.ends_with("==") &&
         key.substr(0, 22).find_first_not_of(digits) == std::string_view::npos;
}

} // namespace

std::optional<problem> check_upgrade(const request& rq) {
  const auto connection = listed(rq.header("Connection"));
  const auto protocols = listed(rq.header("Upgrade"));
  const auto asks =
      std::ranges::any_of(connection, [](const auto& w) { return same_word(w, "upgrade"); }) &&
      std::ranges::any_of(protocols, [](const auto& w) { return same_word(w, "websocket"); });
  const auto upgrade_required = [](const char* detail) {
    problem p{problem_code::upgrade_required, detail};
    p.headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
    return p;
  };
  if (!asks || rq.method != "GET" || !rq.http_1_1)
    return upgrade_required("This address speaks WebSocket only.");
  if (rq.header("Sec-WebSocket-Version") != "13")
    return upgrade_required("Version 13 of the WebSocket protocol is spoken here.");
  if (rq.has_body())
    return problem{problem_code::bad_request, "A request for a WebSocket has no body."};
  if (rq.count("Sec-WebSocket-Key") != 1 || !is_key(rq.header("Sec-WebSocket-Key")))
    return problem{problem_code::bad_request, "Sec-WebSocket-Key is not 16 bytes in base64."};
  return std::nullopt;
}

std::vector<std::string> offered_subprotocols(const request& rq) {
  std::vector<std::string> all;
  for (const auto& [name, value] : rq.headers)
    if (same_word(name, "Sec-WebSocket-Protocol")) {
      auto some = listed(value);
      all.insert(all.end(), some.begin(), some.end());
    }
  return all;
}

struct web_socket::parts {
  // Without permessage-deflate: events are small, and a window for each client is not.
  websocket::stream<wire_layer, false> ws;
  beast::flat_buffer input;
  bool client = false;
  boost::system::error_code read_error;

  parts(transport& wire, std::vector<char> early, std::chrono::steady_clock::duration handshake,
        std::chrono::milliseconds idle, std::size_t message_bytes_max)
      : ws(wire, std::move(early)), input(message_bytes_max + 1) {
    websocket::stream_base::timeout times{};
    times.handshake_timeout = handshake;
    times.idle_timeout = idle; // a ping goes out at half of it
    times.keep_alive_pings = true;
    ws.set_option(times);
    ws.read_message_max(message_bytes_max);
    ws.auto_fragment(false);
    ws.text(true);
  }
};

web_socket::web_socket(transport& wire, std::vector<char> early, std::chrono::seconds idle)
    : parts_(std::make_unique<parts>(wire, std::move(early),
                                     std::chrono::milliseconds(limits::feed_close_ms), idle,
                                     limits::feed_client_message_bytes_max)) {
  boost::system::error_code ignored;
  wire.tcp().set_option(asio::socket_base::send_buffer_size(send_buffer_bytes), ignored);
  parts_->ws.next_layer().limit_input(limits::feed_client_bytes_per_min_max);
}

web_socket::web_socket(transport& wire, std::chrono::milliseconds idle,
                       std::size_t message_bytes_max)
    : parts_(std::make_unique<parts>(wire, std::vector<char>{}, websocket::stream_base::none(),
                                     idle, message_bytes_max)) {
  parts_->client = true;
}

web_socket::~web_socket() = default;

task<bool> web_socket::accept(const request& rq, const header_list& headers) {
  beast::http::request<beast::http::empty_body> asked(beast::http::verb::get, rq.target, 11);
  for (const auto& [name, value] : rq.headers)
    asked.insert(name, value);
  const auto add = [headers](websocket::response_type& answer) {
    for (const auto& [name, value] : headers)
      answer.set(name, value);
  };
  parts_->ws.set_option(websocket::stream_base::decorator(add));
  const auto [error] = co_await parts_->ws.async_accept(asked, as_result);
  co_return !error;
}

task<base::result<void, web_socket::refusal>> web_socket::connect(const std::string& host,
                                                                  const std::string& target,
                                                                  const header_list& headers) {
  const auto add = [headers](websocket::request_type& rq) {
    for (const auto& [name, value] : headers)
      rq.set(name, value);
  };
  parts_->ws.set_option(websocket::stream_base::decorator(add));
  websocket::response_type answer;
  const auto [error] = co_await parts_->ws.async_handshake(answer, host, target, as_result);
  if (!error) co_return base::result<void, refusal>{};
  refusal why;
  why.error = error;
  if (error == websocket::error::upgrade_declined)
    why = {answer.result_int(), std::move(answer.body()), error};
  co_return std::unexpected(std::move(why));
}

task<web_socket::message> web_socket::read() {
  auto& p = *parts_;
  p.input.clear();
  const auto [error, n] = co_await p.ws.async_read(p.input, as_result);
  message got;
  p.read_error = error;
  if (error) co_return got;
  got.what = p.ws.got_text() ? message::kind::text : message::kind::binary;
  got.text.assign(static_cast<const char*>(p.input.data().data()), p.input.size());
  co_return got;
}

web_socket::ending web_socket::read_ending() const {
  const auto& why = parts_->ws.reason();
  if (parts_->read_error == websocket::error::closed && why.code != websocket::close_code::none)
    return {why.code, {why.reason.data(), why.reason.size()}};
  return {0, parts_->read_error.message()};
}

task<bool> web_socket::write(std::span<const asio::const_buffer> pieces) {
  auto& ws = parts_->ws;
  auto& layer = ws.next_layer();
  const frame_head head(asio::buffer_size(pieces));
  std::vector<asio::const_buffer> all{asio::buffer(head.bytes.data(), head.size)};
  all.insert(all.end(), pieces.begin(), pieces.end());
  // Mostly there is room, and the frame goes in one call; through Beast it costs twice as much. A
  // client has to mask what it sends, which Beast does.
  const auto sent = ws.is_open() && !parts_->client ? layer.send_now(all) : std::nullopt;
  if (!sent) {
    all.erase(all.begin());
    const auto [error, n] = co_await ws.async_write(all, as_result);
    co_return !error;
  }
  drop_sent(all, *sent);
  if (all.empty()) co_return true;
  layer.begin_flush();
  const auto [error, n] = co_await asio::async_write(layer.wire().tcp(), all, as_result);
  layer.end_flush();
  co_return !error;
}

task<void> web_socket::close(std::uint16_t code, std::string_view reason) {
  const websocket::close_reason why(static_cast<websocket::close_code>(code),
                                    beast::string_view(reason.data(), reason.size()));
  co_await parts_->ws.async_close(why, as_result);
}

void web_socket::abort() {
  parts_->ws.next_layer().wire().abort();
}

asio::any_io_executor web_socket::executor() {
  return parts_->ws.get_executor();
}

void web_socket::when_flooded(std::function<void()> call) {
  parts_->ws.next_layer().when_flooded(std::move(call));
}

} // namespace darkroom::http
