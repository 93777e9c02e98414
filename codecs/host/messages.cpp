#include "codecs/host/messages.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace darkroom::codecs::host {

int received_fds::release(std::size_t i) {
  const int fd = fds_[i];
  fds_[i] = -1;
  return fd;
}

void received_fds::close_all() noexcept {
  for (std::size_t i = 0; i < count_; ++i)
    if (fds_[i] >= 0) ::close(fds_[i]);
  count_ = 0;
}

bool receive(int socket, void* message, std::size_t size, received_fds& fds) noexcept {
  fds.close_all();
  iovec part{message, size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * received_fds::max)];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t got;
  do
    got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return false;
  for (auto* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::memcpy(fds.fds_.data(), CMSG_DATA(c), count * sizeof(int));
    fds.count_ = count;
  }
  const bool whole =
      static_cast<std::size_t>(got) == size && (header.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0;
  return whole;
}

bool send(int socket, const void* message, std::size_t size, std::span<const int> fds) noexcept {
  iovec part{const_cast<void*>(message), size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * received_fds::max)]{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    auto* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
  }
  ssize_t sent;
  do
    sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(size);
}

} // namespace darkroom::codecs::host
