// One message of fixed size with descriptors over a SOCK_SEQPACKET pair.
#pragma once

#include "domain/limits.hpp"

#include <array>
#include <cstddef>
#include <span>

namespace darkroom::codecs::host {

// Descriptors that came with a message; they are ours to close.
class received_fds {
public:
  static constexpr std::size_t max = limits::outputs_max + 1;
  received_fds() = default;
  ~received_fds() { close_all(); }
  received_fds(const received_fds&) = delete;
  received_fds& operator=(const received_fds&) = delete;

  std::span<const int> list() const { return {fds_.data(), count_}; }
  int release(std::size_t i); // the caller closes it
  void close_all() noexcept;

private:
  friend bool receive(int, void*, std::size_t, received_fds&) noexcept;
  std::array<int, max> fds_{};
  std::size_t count_ = 0;
};

// Waits for one message. False at the end of the connection, on an error, and for a message of
// another size or with more descriptors than `received_fds` holds.
bool receive(int socket, void* message, std::size_t size, received_fds& fds) noexcept;

// False when it could not be sent whole.
bool send(int socket, const void* message, std::size_t size, std::span<const int> fds) noexcept;

} // namespace darkroom::codecs::host
