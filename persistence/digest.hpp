// SHA-256, the name of a blob and the proof that an output is what was written.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace darkroom::persistence {

using digest = std::array<std::uint8_t, 32>;

class sha256 {
public:
  sha256();
  ~sha256();
  sha256(const sha256&) = delete;
  sha256& operator=(const sha256&) = delete;
  void add(std::span<const std::uint8_t> bytes);
  digest finish();

private:
  struct context;
  std::unique_ptr<context> context_;
};

// Where a file's bytes pass through, `file_chunk_bytes` long: one for each thread, since to make it
// anew takes longer than to write a small file. Not to be kept.
std::span<std::uint8_t> file_chunk();

// CRC-32 (ISO 3309, as in ZIP and PNG), continued from `so_far`; begins with 0.
std::uint32_t crc32_of(std::uint32_t so_far, std::span<const std::uint8_t> bytes);

std::string to_hex(const digest& d); // 64 digits, lower case
std::optional<digest> parse_hex(std::string_view text);

struct content_sums {
  digest sha256{};
  std::uint32_t crc32 = 0;
};
// Of a file's whole content, read from its begin; nothing when it cannot be read.
std::optional<content_sums> sums_of(int fd);

} // namespace darkroom::persistence
