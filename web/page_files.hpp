// The files of the page, within the binary.
#pragma once

#include <span>
#include <string_view>

namespace darkroom::web {

struct page_file {
  std::string_view path; // under /app/; empty: the page itself, at /
  std::string_view tag;  // of its content
  std::string_view plain;
  std::string_view gzip; // the same, compressed (RFC 1952)
};

std::span<const page_file> page_files();

} // namespace darkroom::web
