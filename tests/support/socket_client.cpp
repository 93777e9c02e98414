#include "tests/support/socket_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace darkroom::tests {

namespace {
constexpr int deadline_ms = 30'000;
}

std::uint16_t socket_frame::close_code() const {
  if (payload.size() < 2) return 1005;
  return static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                    static_cast<unsigned char>(payload[1]));
}

std::string bytes_of(const socket_frame& frame) {
  std::string out;
  out += static_cast<char>((frame.fin ? 0x80 : 0) | frame.reserved << 4 | frame.opcode);
  const unsigned mask_bit = frame.masked ? 0x80 : 0;
  const auto size = frame.payload.size();
  const int extra = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
  out += static_cast<char>(mask_bit | (extra == 0 ? size : extra == 2 ? 126 : 127));
  for (int i = extra - 1; i >= 0; --i)
    out += static_cast<char>(size >> (8 * i));
  if (!frame.masked) return out + frame.payload;
  const std::string mask = "\x11\x22\x33\x44";
  out += mask;
  for (std::size_t i = 0; i < size; ++i)
    out += static_cast<char>(frame.payload[i] ^ mask[i % 4]);
  return out;
}

socket_client::socket_client(std::uint16_t port, const std::string& target, const headers& more,
                             bool offers_protocol) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) {
    ::close(fd_);
    throw std::runtime_error("cannot connect");
  }
  std::string text = "GET " + target +
                     " HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (offers_protocol) text += "Sec-WebSocket-Protocol: darkroom.v1\r\n";
  for (const auto& [name, value] : more)
    text += name + ": " + value + "\r\n";
  send_raw(text + "\r\n");
  std::size_t end = 0;
  while ((end = input_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) return;
  head_ = input_.substr(0, end + 2);
  input_.erase(0, end + 4);
  status_ = std::stoi(head_.substr(9, 3));
  if (status_ == 101) return;
  const auto length = head_.find("Content-Length: ");
  const auto size = length == std::string::npos ? 0 : std::stoul(head_.substr(length + 16));
  while (input_.size() < size && fill()) {
  }
  body_ = input_;
}

socket_client::~socket_client() {
  ::close(fd_);
}

void socket_client::send_raw(const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (n <= 0) return; // the server has closed: what it said tells why
    at += static_cast<std::size_t>(n);
  }
}

void socket_client::send(const socket_frame& frame) {
  send_raw(bytes_of(frame));
}

bool socket_client::readable(std::chrono::milliseconds within) {
  pollfd wait{fd_, POLLIN, 0};
  return !input_.empty() || ::poll(&wait, 1, static_cast<int>(within.count())) > 0;
}

bool socket_client::fill() {
  pollfd wait{fd_, POLLIN, 0};
  if (::poll(&wait, 1, deadline_ms) <= 0) throw std::runtime_error("the server says nothing");
  char piece[65'536];
  const auto n = ::recv(fd_, piece, sizeof piece, 0);
  if (n <= 0) return false;
  input_.append(piece, static_cast<std::size_t>(n));
  return true;
}

std::optional<socket_frame> socket_client::read() {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(input_[i]); };
  while (true) {
    if (input_.size() >= 2) {
      std::size_t size = byte(1) & 0x7f;
      const std::size_t head = size == 126 ? 4 : size == 127 ? 10 : 2;
      if (input_.size() >= head) {
        if (head > 2) size = 0;
        for (std::size_t i = 2; i < head; ++i)
          size = size << 8 | byte(i);
        if (input_.size() >= head + size) {
          socket_frame frame;
          frame.fin = (byte(0) & 0x80) != 0;
          frame.reserved = byte(0) >> 4 & 7;
          frame.opcode = byte(0) & 0x0f;
          frame.masked = (byte(1) & 0x80) != 0;
          frame.payload = input_.substr(head, size);
          input_.erase(0, head + size);
          if (frame.opcode == 8) closed_ = frame.close_code();
          return frame;
        }
      }
    }
    if (!fill()) return std::nullopt;
  }
}

std::optional<std::string> socket_client::read_text() {
  while (auto frame = read()) {
    if (frame->opcode == 1) return std::move(frame->payload);
    if (frame->opcode == 9) send({.opcode = 10, .payload = frame->payload});
    if (frame->opcode == 8) return std::nullopt;
  }
  return std::nullopt;
}

std::uint16_t socket_client::read_to_close() {
  while (closed_ == 0 && read()) {
  }
  return closed_;
}

} // namespace darkroom::tests
