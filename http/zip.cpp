#include "http/zip.hpp"

#include <algorithm>
#include <ctime>

namespace darkroom::http {

namespace {

constexpr std::uint64_t max_32 = 0xffff'ffff;
constexpr std::uint64_t max_16 = 0xffff;
constexpr std::uint16_t version_20 = 20, version_45 = 45; // ZIP64 needs 4.5
constexpr std::uint16_t utf8_names = 1 << 11;
constexpr std::uint16_t zip64_extra = 1;

class bytes_out {
public:
  bytes_out& u16(std::uint64_t v) { return put(v, 2); }
  bytes_out& u32(std::uint64_t v) { return put(v, 4); }
  bytes_out& u64(std::uint64_t v) { return put(v, 8); }
  bytes_out& raw(const std::string& v) {
    text_ += v;
    return *this;
  }
  std::string take() { return std::move(text_); }

private:
  bytes_out& put(std::uint64_t v, int size) {
    for (int i = 0; i < size; ++i)
      text_ += static_cast<char>(v >> (8 * i));
    return *this;
  }
  std::string text_;
};

// MS-DOS: two seconds, from 1980 on.
std::uint32_t dos_time(std::int64_t unix_us) {
  const std::time_t seconds = std::max<std::int64_t>(unix_us / 1'000'000, 315'532'800);
  std::tm t{};
  ::gmtime_r(&seconds, &t);
  const auto date = (t.tm_year - 80) << 9 | (t.tm_mon + 1) << 5 | t.tm_mday;
  const auto time = t.tm_hour << 11 | t.tm_min << 5 | t.tm_sec / 2;
  return static_cast<std::uint32_t>(date) << 16 | static_cast<std::uint32_t>(time);
}

bool large(std::uint64_t value, const zip_options& options) {
  return options.always_zip64 || value >= max_32;
}

} // namespace

std::string zip_local_header(const zip_entry& e, const zip_options& options) {
  const bool zip64 = large(e.bytes, options);
  bytes_out out;
  out.u32(0x04034b50).u16(zip64 ? version_45 : version_20).u16(utf8_names).u16(0);
  out.u32(dos_time(options.time_us)).u32(e.crc32);
  out.u32(zip64 ? max_32 : e.bytes).u32(zip64 ? max_32 : e.bytes);
  out.u16(e.name.size()).u16(zip64 ? 20 : 0).raw(e.name);
  if (zip64) out.u16(zip64_extra).u16(16).u64(e.bytes).u64(e.bytes);
  return out.take();
}

std::string zip_central_record(const zip_entry& e, std::uint64_t offset,
                               const zip_options& options) {
  const bool large_size = large(e.bytes, options);
  const bool large_offset = large(offset, options);
  const std::uint16_t extra =
      static_cast<std::uint16_t>((large_size ? 16 : 0) + (large_offset ? 8 : 0));
  const auto version = extra != 0 ? version_45 : version_20;
  constexpr std::uint16_t made_on_unix = 3 << 8;
  constexpr std::uint32_t plain_file_0644 = 0100644u << 16;
  bytes_out out;
  out.u32(0x02014b50).u16(made_on_unix | version_45).u16(version).u16(utf8_names).u16(0);
  out.u32(dos_time(options.time_us)).u32(e.crc32);
  out.u32(large_size ? max_32 : e.bytes).u32(large_size ? max_32 : e.bytes);
  out.u16(e.name.size()).u16(extra == 0 ? 0u : extra + 4u).u16(0).u16(0).u16(0);
  out.u32(plain_file_0644).u32(large_offset ? max_32 : offset).raw(e.name);
  if (extra != 0) out.u16(zip64_extra).u16(extra);
  if (large_size) out.u64(e.bytes).u64(e.bytes);
  if (large_offset) out.u64(offset);
  return out.take();
}

void zip_layout::add(const zip_entry& entry) {
  central_bytes_ += zip_central_record(entry, offset_, options_).size();
  offset_ += zip_local_header(entry, options_).size() + entry.bytes;
  entries_ += 1;
}

std::string zip_layout::end() const {
  const bool zip64 =
      options_.always_zip64 || entries_ >= max_16 || offset_ >= max_32 || central_bytes_ >= max_32;
  bytes_out out;
  if (zip64) {
    out.u32(0x06064b50).u64(44).u16(3 << 8 | version_45).u16(version_45).u32(0).u32(0);
    out.u64(entries_).u64(entries_).u64(central_bytes_).u64(offset_);
    out.u32(0x07064b50).u32(0).u64(offset_ + central_bytes_).u32(1);
  }
  out.u32(0x06054b50).u16(0).u16(0);
  out.u16(zip64 ? max_16 : entries_).u16(zip64 ? max_16 : entries_);
  out.u32(zip64 ? max_32 : central_bytes_).u32(zip64 ? max_32 : offset_).u16(0);
  return out.take();
}

} // namespace darkroom::http
