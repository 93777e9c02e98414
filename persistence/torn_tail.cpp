#include "persistence/torn_tail.hpp"

#include "persistence/files.hpp"
#include "persistence/witness.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace darkroom::persistence {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t block_bytes = 32'768, header_bytes = 7, page_bytes = 4'096;
constexpr std::size_t zeros_min = 16; // fewer may be anything
enum record_type : unsigned char { full = 1, first, middle, last };

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit)
        t[i] = t[i] >> 1 ^ ((t[i] & 1) != 0 ? 0x82f63b78u : 0u);
    }
    return t;
  }();
  std::uint32_t crc = ~0u;
  for (const char c : bytes)
    crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(c)) & 255];
  return ~crc;
}

std::uint32_t masked(std::uint32_t crc) {
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

struct record {
  std::size_t end = 0;
  unsigned char type = 0;
};

// The whole record at this place; nothing when it is none.
std::optional<record> read_record(std::string_view log, std::size_t at) {
  if (at + header_bytes > log.size()) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(log[at + i]); };
  const std::size_t length = byte(4) | byte(5) << 8;
  const unsigned char type = byte(6);
  const std::size_t left = block_bytes - at % block_bytes;
  if (type < full || type > last || header_bytes + length > left ||
      at + header_bytes + length > log.size())
    return std::nullopt;
  const std::uint32_t stored =
      byte(0) | byte(1) << 8 | byte(2) << 16 | static_cast<std::uint32_t>(byte(3)) << 24;
  if (masked(crc32c(log.substr(at + 6, 1 + length))) != stored) return std::nullopt;
  return record{at + header_bytes + length, type};
}

// Behind the end of a block that has no room for a header.
std::size_t next_place(std::size_t at) {
  const std::size_t left = block_bytes - at % block_bytes;
  return left < header_bytes ? at + left : at;
}

bool has_unwritten_page(std::string_view log, std::size_t from) {
  for (std::size_t at = from; at < log.size();) {
    const auto end = std::min(log.size(), (at / page_bytes + 1) * page_bytes);
    const auto part = log.substr(at, end - at);
    if (part.size() >= zeros_min && part.find_first_not_of('\0') == std::string_view::npos)
      return true;
    at = end;
  }
  return false;
}

// The rest of the same record is no other one.
bool has_record_behind(std::string_view log, std::size_t from) {
  for (std::size_t at = from + 1; at + header_bytes <= log.size(); ++at)
    if (const auto r = read_record(log, at); r && (r->type == full || r->type == first))
      return true;
  return false;
}

// Where the torn record begins; nothing when the log is whole, or damaged otherwise.
std::optional<std::size_t> torn_at(std::string_view log) {
  std::size_t whole = 0; // everything before is
  for (std::size_t at = 0; at < log.size();) {
    at = next_place(at);
    const auto r = read_record(log, at);
    if (!r) {
      if (at >= log.size()) return std::nullopt;
      const bool torn = has_unwritten_page(log, at) && !has_record_behind(log, at);
      return torn ? std::optional(whole) : std::nullopt;
    }
    at = r->end;
    if (r->type == full || r->type == last) whole = at;
  }
  return std::nullopt;
}

std::string newest_log(const std::string& journal) {
  std::optional<tracked_file> newest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(journal, error)) {
    const auto file = parse_tracked(entry.path().filename().string());
    if (file && file->kind == tracked_kind::log && (!newest || file->number > newest->number))
      newest = file;
  }
  return newest ? journal + '/' + name_of(*newest) : std::string{};
}

} // namespace

bool cut_torn_tail(const std::string& journal) {
  const auto path = newest_log(journal);
  if (path.empty()) return false;
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  const auto at = torn_at(content.view());
  if (!at) return false;
  const base::unique_fd file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  return file && ::ftruncate(file.get(), static_cast<off_t>(*at)) == 0 && ::fsync(file.get()) == 0;
}

} // namespace darkroom::persistence
