// A WebSocket (RFC 6455), either side: messages of text, pings by itself, closes with a code. One
// coroutine may read while another writes.
#pragma once

#include "base/result.hpp"
#include "http/limits.hpp"
#include "http/message.hpp"
#include "http/transport.hpp"

#include <boost/system/error_code.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace darkroom::http {

// What is wrong with a request for a WebSocket, if anything.
std::optional<problem> check_upgrade(const request& rq);
// The subprotocols that the client offers, in its order.
std::vector<std::string> offered_subprotocols(const request& rq);

class web_socket {
public:
  // The server's side. `early`: bytes that came behind the request. Without a word of the client
  // for so long, pings included, it is gone.
  web_socket(transport& wire, std::vector<char> early, std::chrono::seconds idle);
  // The client's side, for messages of up to so many bytes. For the handshake it has no deadline:
  // the transport's serves for that.
  web_socket(transport& wire, std::chrono::milliseconds idle, std::size_t message_bytes_max);
  ~web_socket();
  web_socket(const web_socket&) = delete;
  web_socket& operator=(const web_socket&) = delete;

  // Answers the request with these headers; false when the client is gone.
  task<bool> accept(const request& rq, const header_list& headers);

  struct refusal {
    unsigned status = 0; // of the answer that is no upgrade; 0: none came, and `error` tells why
    std::string body;
    boost::system::error_code error;
  };
  // Asks the server for the upgrade, as its client. `host`: as in the URL.
  task<base::result<void, refusal>> connect(const std::string& host, const std::string& target,
                                            const header_list& headers);

  struct message {
    enum class kind : std::uint8_t { text, binary, none };
    kind what = kind::none; // none: it has ended, one way or another
    std::string text;
  };
  // A server accepts messages of at most `limits::feed_client_message_bytes_max` and closes the
  // connection with 1009 after a larger one, with 1002 or 1007 after a protocol error.
  task<message> read();
  // Why nothing more was read: what the peer said when it closed, or what went wrong.
  struct ending {
    std::uint16_t code = 0; // 0: the peer said none
    std::string sentence;
  };
  ending read_ending() const;
  // One message of text in several pieces. False when the client is gone.
  task<bool> write(std::span<const boost::asio::const_buffer> pieces);
  // Says so, and waits for a moment for the client to say so too. Nothing is written afterwards.
  task<void> close(std::uint16_t code, std::string_view reason);
  // Ends it at once, whatever is under way. On the strand.
  void abort();
  boost::asio::any_io_executor executor();
  // Calls back once when the client has sent more than `limits::feed_client_bytes_per_min_max`,
  // whether that made messages or not. On the strand.
  void when_flooded(std::function<void()> call);

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace darkroom::http
