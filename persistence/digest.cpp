#include "persistence/digest.hpp"

#include "base/encoding.hpp"
#include "persistence/limits.hpp"

#include <cerrno>
#include <libdeflate.h>
#include <openssl/evp.h>
#include <unistd.h>
#include <vector>

namespace darkroom::persistence {

struct sha256::context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  ~context() { EVP_MD_CTX_free(md); }
};

sha256::sha256() : context_(std::make_unique<context>()) {
  EVP_DigestInit_ex(context_->md, EVP_sha256(), nullptr);
}
sha256::~sha256() = default;

void sha256::add(std::span<const std::uint8_t> bytes) {
  EVP_DigestUpdate(context_->md, bytes.data(), bytes.size());
}

digest sha256::finish() {
  digest d{};
  EVP_DigestFinal_ex(context_->md, d.data(), nullptr);
  return d;
}

std::string to_hex(const digest& d) {
  return base::to_hex(d);
}

std::optional<digest> parse_hex(std::string_view text) {
  digest d{};
  if (text.size() != 2 * d.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (value < 0) return std::nullopt;
    d[i / 2] = static_cast<std::uint8_t>(d[i / 2] << 4 | value);
  }
  return d;
}

std::uint32_t crc32_of(std::uint32_t so_far, std::span<const std::uint8_t> bytes) {
  return ::libdeflate_crc32(so_far, bytes.data(), bytes.size());
}

std::span<std::uint8_t> file_chunk() {
  thread_local const auto chunk =
      std::make_unique_for_overwrite<std::uint8_t[]>(limits::file_chunk_bytes);
  return {chunk.get(), limits::file_chunk_bytes};
}

std::optional<content_sums> sums_of(int fd) {
  sha256 sum;
  std::uint32_t crc = 0;
  const auto chunk = file_chunk();
  for (off_t at = 0;;) {
    const auto n = ::pread(fd, chunk.data(), chunk.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) return content_sums{sum.finish(), crc};
    const std::span piece{chunk.data(), static_cast<std::size_t>(n)};
    sum.add(piece);
    crc = crc32_of(crc, piece);
    at += n;
  }
}

} // namespace darkroom::persistence
