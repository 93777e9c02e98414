// Where an encoder's bytes go: a descriptor, through one buffer, up to a limit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace darkroom::codecs {

class output_sink {
public:
  // Writes to `fd`, which stays the caller's, `bytes_max` bytes at most.
  output_sink(int fd, std::uint64_t bytes_max);

  // False once a write has failed or the limit is passed; then nothing more is written.
  bool write(std::span<const std::uint8_t> bytes) noexcept;
  bool flush() noexcept;
  // Replaces bytes that were written before, counted from the first; all must be flushed, and `fd`
  // a file that was empty.
  bool rewrite(std::uint64_t at, std::span<const std::uint8_t> bytes) noexcept;

  std::uint64_t bytes() const noexcept { return bytes_; }
  // errno of the write that failed; EFBIG when the limit was passed.
  int error() const noexcept { return error_; }

private:
  bool put(const std::uint8_t* data, std::size_t size) noexcept;

  int fd_;
  std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t used_ = 0;
  int error_ = 0;
};

} // namespace darkroom::codecs
