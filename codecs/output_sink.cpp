#include "codecs/output_sink.hpp"

#include "codecs/limits.hpp"

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace darkroom::codecs {

output_sink::output_sink(int fd, std::uint64_t bytes_max)
    : fd_(fd), bytes_max_(bytes_max),
      buffer_(std::make_unique<std::uint8_t[]>(limits::stream_buffer_bytes)) {}

bool output_sink::write(std::span<const std::uint8_t> bytes) noexcept {
  if (error_ != 0) return false;
  bytes_ += bytes.size();
  if (bytes_ > bytes_max_) {
    error_ = EFBIG;
    return false;
  }
  if (used_ + bytes.size() > limits::stream_buffer_bytes && !flush()) return false;
  if (bytes.size() >= limits::stream_buffer_bytes) return put(bytes.data(), bytes.size());
  std::memcpy(buffer_.get() + used_, bytes.data(), bytes.size());
  used_ += bytes.size();
  return true;
}

bool output_sink::flush() noexcept {
  const bool ok = error_ == 0 && put(buffer_.get(), used_);
  used_ = 0;
  return ok;
}

bool output_sink::rewrite(std::uint64_t at, std::span<const std::uint8_t> bytes) noexcept {
  if (error_ != 0 || used_ != 0 || at > bytes_ || bytes.size() > bytes_ - at) return false;
  while (!bytes.empty()) {
    const auto n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      error_ = n < 0 ? errno : EIO;
      return false;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return true;
}

bool output_sink::put(const std::uint8_t* data, std::size_t size) noexcept {
  while (size > 0) {
    const auto n = ::write(fd_, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      error_ = n < 0 ? errno : EIO;
      return false;
    }
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

} // namespace darkroom::codecs
