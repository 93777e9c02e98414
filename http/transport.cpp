#include "http/transport.hpp"

#include "http/as_result.hpp"
#include "http/limits.hpp"

#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <sys/socket.h>
#include <vector>

namespace darkroom::http {

namespace asio = boost::asio;

struct transport::parts {
  transport::socket tcp;
  std::optional<asio::ssl::stream<transport::socket&>> tls;
  // Shared with its handlers, which may come after the connection is gone.
  struct watch {
    explicit watch(const asio::any_io_executor& on) : timer(on) {}
    asio::steady_timer timer;
    transport::socket* tcp = nullptr;
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    bool waiting = false;
    bool expired = false;
  };
  std::shared_ptr<watch> watched;

  explicit parts(transport::socket connected) : tcp(std::move(connected)) {}

  // One wait serves many deadlines: when it ends too early, it goes on to the newest.
  static void wait(const std::shared_ptr<watch>& w) {
    w->waiting = true;
    w->timer.expires_at(w->deadline);
    w->timer.async_wait([w](const boost::system::error_code&) {
      w->waiting = false;
      if (w->tcp == nullptr) return;
      if (w->deadline == std::chrono::steady_clock::time_point::max()) return;
      if (std::chrono::steady_clock::now() < w->deadline) return wait(w);
      w->expired = true;
      boost::system::error_code ignored;
      w->tcp->cancel(ignored);
    });
  }
};

transport::transport(socket connected, asio::ssl::context* tls)
    : parts_(std::make_unique<parts>(std::move(connected))) {
  parts_->watched = std::make_shared<parts::watch>(parts_->tcp.get_executor());
  parts_->watched->tcp = &parts_->tcp;
  if (tls != nullptr) parts_->tls.emplace(parts_->tcp, *tls);
  boost::system::error_code error;
  const auto peer = parts_->tcp.remote_endpoint(error);
  if (!error) {
    auto from = peer.address();
    if (from.is_v6() && from.to_v6().is_v4_mapped())
      from = asio::ip::make_address_v4(asio::ip::v4_mapped, from.to_v6());
    address_ = from.to_string();
  }
  parts_->tcp.set_option(asio::ip::tcp::no_delay(true), error);
}

transport::~transport() {
  parts_->watched->tcp = nullptr;
  parts_->watched->timer.cancel();
}

void transport::set_deadline(std::chrono::milliseconds from_now) {
  auto& w = *parts_->watched;
  const auto deadline = std::chrono::steady_clock::now() + from_now;
  const bool sooner = deadline < w.deadline;
  w.deadline = deadline;
  w.expired = false;
  if (!w.waiting)
    parts::wait(parts_->watched);
  else if (sooner)
    w.timer.cancel(); // and it goes on to the newest
}

void transport::set_no_deadline() {
  parts_->watched->deadline = std::chrono::steady_clock::time_point::max();
  parts_->watched->timer.cancel(); // and nobody waits for it any more
}

void transport::when_closed(std::function<void()> call) {
  if (parts_->tls) return;
  parts_->tcp.async_wait(
      socket::wait_read, [w = parts_->watched, call = std::move(call)](const auto& error) {
        if (error || w->tcp == nullptr) return;
        char next = 0;
        const auto n = ::recv(w->tcp->native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) call();
      });
}

transport::socket& transport::tcp() {
  return parts_->tcp;
}

bool transport::timed_out() const {
  return parts_->watched->expired;
}

void transport::cancel() {
  boost::system::error_code ignored;
  parts_->tcp.cancel(ignored);
}

void transport::abort() {
  boost::system::error_code ignored;
  parts_->tcp.set_option(asio::socket_base::linger(true, 0), ignored);
  parts_->tcp.close(ignored);
}

asio::awaitable<transport::handshake_result> transport::handshake() {
  if (!parts_->tls) co_return handshake_result::done;
  const auto [nothing] = co_await parts_->tcp.async_wait(socket::wait_read, as_result);
  if (nothing) co_return handshake_result::failed;
  // A TLS record begins with its type, here 22 (RFC 8446, section 5.1); a method with a letter.
  char first = 0;
  const auto n = ::recv(parts_->tcp.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n == 1 && first >= 'A' && first <= 'Z') {
    parts_->tls.reset();
    co_return handshake_result::plain;
  }
  const auto [error] =
      co_await parts_->tls->async_handshake(asio::ssl::stream_base::server, as_result);
  co_return error ? handshake_result::failed : handshake_result::done;
}

asio::awaitable<boost::system::error_code> transport::client_handshake(const std::string& host) {
  boost::system::error_code error;
  if (!parts_->tls) co_return error;
  parts_->tls->set_verify_callback(asio::ssl::host_name_verification(host), error);
  if (error) co_return error;
  // The macro SSL_set_tlsext_host_name, without its old casts.
  auto name = host;
  SSL_ctrl(parts_->tls->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           name.data());
  const auto [failed] =
      co_await parts_->tls->async_handshake(asio::ssl::stream_base::client, as_result);
  co_return failed;
}

asio::awaitable<std::size_t> transport::read(std::span<char> into) {
  const auto buffer = asio::buffer(into.data(), into.size());
  if (parts_->tls) {
    const auto [error, n] = co_await parts_->tls->async_read_some(buffer, as_result);
    co_return error ? 0 : n;
  }
  const auto [error, n] = co_await parts_->tcp.async_read_some(buffer, as_result);
  co_return error ? 0 : n;
}

asio::awaitable<bool> transport::write(std::span<const asio::const_buffer> buffers) {
  const std::vector<asio::const_buffer> all(buffers.begin(), buffers.end());
  if (parts_->tls) {
    const auto [error, n] = co_await asio::async_write(*parts_->tls, all, as_result);
    co_return !error;
  }
  const auto [error, n] = co_await asio::async_write(parts_->tcp, all, as_result);
  co_return !error;
}

void transport::async_read_some(asio::mutable_buffer into, io_handler handler) {
  if (parts_->tls)
    parts_->tls->async_read_some(into, std::move(handler));
  else
    parts_->tcp.async_read_some(into, std::move(handler));
}

// The vector itself, which Asio keeps for as long as it waits, and not a span of one that is gone.
void transport::async_write_some(std::vector<asio::const_buffer> from, io_handler handler) {
  if (parts_->tls)
    parts_->tls->async_write_some(from, std::move(handler));
  else
    parts_->tcp.async_write_some(from, std::move(handler));
}

asio::awaitable<std::uint64_t> transport::finish(const linger& how) {
  using clock = std::chrono::steady_clock;
  const auto began = clock::now();
  set_deadline(std::chrono::milliseconds(limits::close_ms));
  if (parts_->tls) co_await parts_->tls->async_shutdown(as_result);
  boost::system::error_code ignored;
  parts_->tcp.shutdown(socket::shutdown_send, ignored);
  std::vector<char> dropped(how.bytes_most == 0 ? 0 : limits::body_piece_bytes);
  std::uint64_t total = 0;
  while (total < how.bytes_most) {
    const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - began);
    const auto owed =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, (spent - how.silence).count())) *
        how.bytes_per_s_min / 1'000;
    if (spent >= how.total || total < owed) break;
    set_deadline(std::min(how.silence, how.total - spent));
    const auto [error, n] = co_await parts_->tcp.async_read_some(asio::buffer(dropped), as_result);
    if (error || n == 0) break;
    total += n;
  }
  parts_->tcp.close(ignored);
  co_return total;
}

asio::any_io_executor transport::executor() {
  return parts_->tcp.get_executor();
}

bool transport::secure() const {
  return parts_->tls.has_value();
}

} // namespace darkroom::http
