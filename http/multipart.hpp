// multipart/form-data, read as it comes (RFC 7578, RFC 2046): the parser is fed pieces of the body
// and tells what begins, what goes on and what ends. Pure; holds one line and one boundary.
#pragma once

#include "base/result.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace darkroom::http {

struct part_head {
  std::string name;
  std::optional<std::string> file_name; // as it was sent; none: the part is no file
  std::string repr_digest;              // of the part, if it was sent
  // Content-Encoding, or an encoding of transfer that is not the identity; empty: neither.
  std::string coding;
};

// The boundary of a Content-Type; nothing when it is not multipart/form-data or has no good one.
std::optional<std::string> multipart_boundary(std::string_view content_type);

class multipart_parser {
public:
  enum class what : std::uint8_t {
    needs_more, // all that was fed is used up
    part_begin, // see `head`
    part_data,  // see `data`
    part_end,
    end, // of the last part; what follows is ignored
  };

  explicit multipart_parser(const std::string& boundary);

  // Gives the parser more; only after `needs_more`. The bytes stay the caller's until then.
  void feed(std::span<const char> bytes);
  // The next thing; the error is a sentence, and final.
  base::result<what, std::string> next();

  const part_head& head() const { return head_; }
  std::string_view data() const { return data_; }

private:
  base::result<what, std::string> read_preamble();
  base::result<what, std::string> read_head();
  base::result<void, std::string> read_fields(std::string_view lines);
  void read_field(std::string_view name, std::string_view value);
  base::result<what, std::string> read_data();

  enum class state : std::uint8_t { preamble, after_boundary, head, data, boundary_found, end };
  state at_ = state::preamble;
  std::string delimiter_; // CR LF -- boundary
  std::string held_;      // bytes that may begin a delimiter or a line
  std::string buffer_;    // held bytes and those that were fed
  std::size_t used_ = 0;
  part_head head_;
  std::string_view data_;
};

} // namespace darkroom::http
