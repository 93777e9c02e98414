// ZIP files whose entries are stored, so that every length is known before a byte is sent
// (PKWARE's APPNOTE 6.3, ZIP64 where a number needs it). Pure: it makes headers, the bytes of the
// entries are somebody else's.
#pragma once

#include <cstdint>
#include <string>

namespace darkroom::http {

struct zip_entry {
  std::string name; // UTF-8, relative, with slashes
  std::uint64_t bytes = 0;
  std::uint32_t crc32 = 0;
};

struct zip_options {
  std::int64_t time_us = 0; // of all entries, since the Unix epoch
  bool always_zip64 = false;
};

std::string zip_local_header(const zip_entry& entry, const zip_options& options);
std::string zip_central_record(const zip_entry& entry, std::uint64_t local_header_offset,
                               const zip_options& options);

// Where everything lies, as entries are added in order.
class zip_layout {
public:
  explicit zip_layout(const zip_options& options) : options_(options) {}

  void add(const zip_entry& entry);
  std::uint64_t entries() const { return entries_; }
  // Where the local header of the next entry begins; after the last: the central directory.
  std::uint64_t offset() const { return offset_; }
  // What ends the file, after the central directory.
  std::string end() const;
  // Of the whole file.
  std::uint64_t total_bytes() const { return offset_ + central_bytes_ + end().size(); }

private:
  zip_options options_;
  std::uint64_t entries_ = 0, offset_ = 0, central_bytes_ = 0;
};

} // namespace darkroom::http
