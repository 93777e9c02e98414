// A WebSocket client that sends exactly the frames that it is given, right or wrong.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace darkroom::tests {

struct socket_frame {
  bool fin = true;
  unsigned opcode = 1; // 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong
  std::string payload;
  unsigned reserved = 0; // bits
  bool masked = true;
  std::uint16_t close_code() const; // of a close; 1005: it has none, as RFC 6455 says
};

class socket_client {
public:
  using headers = std::vector<std::pair<std::string, std::string>>;
  // Connects and asks for an upgrade; `status` tells what came of it.
  socket_client(std::uint16_t port, const std::string& target, const headers& more,
                bool offers_protocol = true);
  ~socket_client();
  socket_client(const socket_client&) = delete;
  socket_client& operator=(const socket_client&) = delete;

  int status() const { return status_; }
  const std::string& head() const { return head_; }
  const std::string& body() const { return body_; } // of a refusal

  void send_raw(const std::string& bytes);
  void send(const socket_frame& frame);
  void say(const std::string& text) { send({.payload = text}); }
  // The next frame; nothing when the connection ended (or there is none for half a minute: throws).
  std::optional<socket_frame> read();
  // The next message of text; pings are answered on the way. Nothing: it was closed, see `closed`.
  std::optional<std::string> read_text();
  // The code of the close that came; 0: none did, the connection just ended.
  std::uint16_t closed() const { return closed_; }
  // Reads on until the end; the code of the close.
  std::uint16_t read_to_close();
  // Whether something can be read within so long.
  bool readable(std::chrono::milliseconds within);
  int fd() const { return fd_; }

private:
  bool fill();
  int fd_ = -1;
  int status_ = 0;
  std::string head_, body_, input_;
  std::uint16_t closed_ = 0;
};

std::string bytes_of(const socket_frame& frame);

} // namespace darkroom::tests
