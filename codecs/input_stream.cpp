#include "codecs/input_stream.hpp"

#include "codecs/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace darkroom::codecs {

input_stream::input_stream(int fd, std::uint64_t size)
    : fd_(fd), size_(size), buffer_(std::make_unique<std::uint8_t[]>(limits::stream_buffer_bytes)) {
}

// Appends to the buffer until it is full or the source ends.
void input_stream::refill() noexcept {
  while (!ended_ && end_ < limits::stream_buffer_bytes) {
    const auto n = ::read(fd_, buffer_.get() + end_, limits::stream_buffer_bytes - end_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) error_ = errno;
    if (n <= 0)
      ended_ = true;
    else
      end_ += static_cast<std::size_t>(n);
  }
}

std::span<const std::uint8_t> input_stream::peek() {
  if (begin_ == 0) refill();
  return {buffer_.get() + begin_, end_ - begin_};
}

std::span<const std::uint8_t> input_stream::take() noexcept {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    refill();
  }
  const std::span<const std::uint8_t> all{buffer_.get() + begin_, end_ - begin_};
  begin_ = end_;
  taken_ += all.size();
  return all;
}

std::size_t input_stream::read(std::span<std::uint8_t> out) noexcept {
  std::size_t done = 0;
  while (done < out.size()) {
    if (begin_ == end_) {
      begin_ = end_ = 0;
      refill();
      if (end_ == 0) break;
    }
    const std::size_t n = std::min(out.size() - done, end_ - begin_);
    std::memcpy(out.data() + done, buffer_.get() + begin_, n);
    begin_ += n;
    done += n;
  }
  taken_ += done;
  return done;
}

std::size_t input_stream::read_at(std::uint64_t offset,
                                  std::span<std::uint8_t> out) const noexcept {
  if (offset >= size_) return 0;
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset));
  std::size_t done = 0;
  while (done < size) {
    const auto n = ::pread(fd_, out.data() + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

} // namespace darkroom::codecs
