// The bytes of a source, read once from front to back through one buffer; what was peeked stays in
// the buffer. A codec host may only `read` and `pread`, so nothing here moves the position back.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace darkroom::codecs {

class input_stream {
public:
  // Reads from `fd`, which stays the caller's, `size` bytes at most.
  input_stream(int fd, std::uint64_t size);

  // The first bytes, without taking them: up to `stream_buffer_bytes`, fewer at the end.
  std::span<const std::uint8_t> peek();

  // Takes what is buffered, reading more first if nothing is; empty at the end or after an error.
  std::span<const std::uint8_t> take() noexcept;

  // Copies exactly `out.size()` bytes if there are so many, else as many as there are.
  std::size_t read(std::span<std::uint8_t> out) noexcept;

  // Copies from anywhere in the source, whose first byte is at 0, and leaves the position alone.
  // Copies fewer bytes at the end, and none where the descriptor cannot do that.
  std::size_t read_at(std::uint64_t offset, std::span<std::uint8_t> out) const noexcept;

  std::uint64_t size() const noexcept { return size_; }
  std::uint64_t taken() const noexcept { return taken_; }
  bool at_end() const noexcept { return ended_ && begin_ == end_; }
  // A read failed (errno), other than by reaching the end.
  int error() const noexcept { return error_; }

private:
  void refill() noexcept;

  int fd_;
  std::uint64_t size_;
  std::uint64_t taken_ = 0;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  bool ended_ = false;
  int error_ = 0;
};

} // namespace darkroom::codecs
