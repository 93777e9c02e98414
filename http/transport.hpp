// One connection's bytes, plain or through TLS, with a deadline on everything that waits.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace darkroom::http {

// How long a connection is read after its last answer; by default not at all.
struct linger {
  std::chrono::milliseconds silence{0}, total{0};
  std::uint64_t bytes_most = 0; // what the client still has to send
  std::uint64_t bytes_per_s_min = 0;
};

class transport {
public:
  using socket = boost::asio::ip::tcp::socket;

  // `tls`: null for a plain connection; outlives the transport.
  transport(socket connected, boost::asio::ssl::context* tls);
  ~transport();
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;

  // From now on, what waits longer than until then is given up; `timed_out` tells.
  void set_deadline(std::chrono::milliseconds from_now);
  bool timed_out() const;
  // Nothing is given up.
  void set_no_deadline();
  // Gives up what waits. On the connection's strand.
  void cancel();
  // Ends the connection at once. What was not taken is dropped: a peer that does not read would
  // keep it in the kernel for long.
  void abort();

  // The server's side of TLS, if the connection has it. `plain`: the client speaks without TLS, and
  // so does this side from now on.
  enum class handshake_result : std::uint8_t { done, failed, plain };
  boost::asio::awaitable<handshake_result> handshake();
  // The client's side, which verifies that the certificate is the host's.
  boost::asio::awaitable<boost::system::error_code> client_handshake(const std::string& host);
  // Bytes read; 0 at the end, after an error, or when it was given up.
  boost::asio::awaitable<std::size_t> read(std::span<char> into);
  boost::asio::awaitable<bool> write(std::span<const boost::asio::const_buffer> buffers);
  // The same with a handler, for what is built on streams of Asio (WebSockets). A handler of one
  // type: each other type would compile all of TLS once more.
  using io_handler = std::move_only_function<void(const boost::system::error_code&, std::size_t)>;
  void async_read_some(boost::asio::mutable_buffer into, io_handler handler);
  void async_write_some(std::vector<boost::asio::const_buffer> from, io_handler handler);
  // Says that nothing more will be sent, then reads and drops what still comes: a socket that is
  // closed with unread input resets the connection, and the answer is lost. Bytes dropped.
  boost::asio::awaitable<std::uint64_t> finish(const linger& how);

  // Calls back once when the peer has closed the connection and nothing of what it sent is left to
  // read; not through TLS, where only reading would tell. On the strand.
  void when_closed(std::function<void()> call);

  socket& tcp();

  boost::asio::any_io_executor executor();
  std::string address() const { return address_; }
  bool secure() const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
  std::string address_;
};

} // namespace darkroom::http
