#include "http/multipart.hpp"

#include "base/result.hpp"
#include "http/limits.hpp"
#include "http/message.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace darkroom::http {

namespace {

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// The value of `; name=value` or `; name="value"`. Browsers write a quote as %22; others escape it
// with a backslash.
std::optional<std::string> parameter(std::string_view header, std::string_view name) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos) {
    header = header.substr(at + 1);
    const auto equals = header.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto key = lower(trimmed(header.substr(0, equals)));
    header = header.substr(equals + 1);
    std::string value;
    if (header.starts_with('"')) {
      std::size_t i = 1;
      for (; i < header.size() && header[i] != '"'; ++i) {
        if (header[i] == '\\' && i + 1 < header.size() &&
            (header[i + 1] == '"' || header[i + 1] == '\\'))
          ++i;
        value += header[i];
      }
      if (i >= header.size()) return std::nullopt; // no closing quote
      header = header.substr(i + 1);
    } else {
      const auto end = std::min(header.find(';'), header.size());
      value = trimmed(header.substr(0, end));
      header = header.substr(end);
    }
    if (key == name) return value;
    at = header.find(';');
  }
  return std::nullopt;
}

} // namespace

std::optional<std::string> multipart_boundary(std::string_view content_type) {
  const auto kind = lower(trimmed(content_type.substr(0, content_type.find(';'))));
  if (kind != "multipart/form-data") return std::nullopt;
  auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > 70) return std::nullopt;
  for (const char c : *boundary)
    if (c < ' ' || c == 0x7f) return std::nullopt;
  return boundary;
}

multipart_parser::multipart_parser(const std::string& boundary)
    : delimiter_("\r\n--" + boundary), held_("\r\n") {} // the first delimiter begins the body

void multipart_parser::feed(std::span<const char> bytes) {
  buffer_ = std::move(held_);
  held_.clear();
  buffer_.append(bytes.data(), bytes.size());
  used_ = 0;
}

base::result<multipart_parser::what, std::string> multipart_parser::next() {
  switch (at_) {
  case state::preamble:
    return read_preamble();
  case state::boundary_found:
    at_ = state::after_boundary;
    return what::part_end;
  case state::after_boundary:
  case state::head:
    return read_head();
  case state::data:
    return read_data();
  case state::end:
    used_ = buffer_.size();
    return what::end;
  }
  return what::end;
}

base::result<multipart_parser::what, std::string> multipart_parser::read_preamble() {
  if (buffer_.empty()) return what::needs_more; // nothing was fed yet
  const auto at = buffer_.find(delimiter_, used_);
  if (at != std::string::npos) {
    used_ = at + delimiter_.size();
    at_ = state::after_boundary;
    return read_head();
  }
  const auto keep = std::min(buffer_.size() - used_, delimiter_.size());
  held_ = buffer_.substr(buffer_.size() - keep);
  return what::needs_more;
}

base::result<multipart_parser::what, std::string> multipart_parser::read_head() {
  const std::string_view rest = std::string_view(buffer_).substr(used_);
  if (at_ == state::after_boundary) {
    if (rest.starts_with("--")) {
      at_ = state::end;
      return next();
    }
    // After the delimiter: blanks, then the end of the line.
    const auto blanks = std::min(rest.find_first_not_of(" \t"), rest.size());
    if (rest.size() >= blanks + 2) {
      if (rest.substr(blanks, 2) != "\r\n")
        return std::unexpected("A boundary is followed by something that is no end of a line.");
      used_ += blanks; // the empty line after no headers begins here
      at_ = state::head;
      return read_head();
    }
    if (rest.size() > limits::multipart_header_bytes_max)
      return std::unexpected("A part has too many headers.");
    held_ = rest;
    return what::needs_more;
  }
  const auto end = rest.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (rest.size() > limits::multipart_header_bytes_max)
      return std::unexpected("A part has too many headers.");
    held_ = rest;
    return what::needs_more;
  }
  if (auto ok = read_fields(rest.substr(0, end + 2)); !ok) return std::unexpected(ok.error());
  used_ += end + 4;
  at_ = state::data;
  return what::part_begin;
}

// `lines`: each begins with the CR LF that ends the one before; the last CR LF ends the last.
base::result<void, std::string> multipart_parser::read_fields(std::string_view lines) {
  head_ = {};
  std::vector<std::string> fields;
  while (lines.size() > 2) {
    lines.remove_prefix(2);
    const auto stop = lines.find("\r\n");
    const auto line = lines.substr(0, stop);
    lines.remove_prefix(stop);
    const bool folded = line.starts_with(' ') || line.starts_with('\t'); // RFC 5322, section 2.2.3
    if (!folded)
      fields.emplace_back(line);
    else if (fields.empty())
      return std::unexpected("The first header of a part begins with a blank.");
    else
      fields.back().append(" ").append(trimmed(line));
  }
  for (const std::string_view field : fields) {
    const auto colon = field.find(':');
    if (colon == std::string_view::npos)
      return std::unexpected("A part has a header without a colon.");
    read_field(lower(trimmed(field.substr(0, colon))), trimmed(field.substr(colon + 1)));
  }
  return {};
}

void multipart_parser::read_field(std::string_view name, std::string_view value) {
  if (name == "content-disposition") {
    head_.name = parameter(value, "name").value_or("");
    head_.file_name = parameter(value, "filename");
  }
  if (name == "repr-digest") head_.repr_digest = value;
  constexpr std::string_view identities[] = {"identity", "binary", "8bit", "7bit"};
  const bool is_coding = name == "content-encoding" || name == "content-transfer-encoding";
  if (is_coding && std::ranges::find(identities, lower(value)) == std::end(identities))
    head_.coding = value;
}

base::result<multipart_parser::what, std::string> multipart_parser::read_data() {
  if (used_ == buffer_.size()) return what::needs_more;
  const auto at = buffer_.find(delimiter_, used_);
  if (at != std::string::npos) {
    data_ = std::string_view(buffer_).substr(used_, at - used_);
    used_ = at + delimiter_.size();
    at_ = state::boundary_found;
    return data_.empty() ? next() : base::result<what, std::string>{what::part_data};
  }
  const auto size = buffer_.size() - used_;
  const auto keep = std::min(size, delimiter_.size() - 1);
  data_ = std::string_view(buffer_).substr(used_, size - keep);
  held_ = buffer_.substr(buffer_.size() - keep);
  used_ = buffer_.size();
  return data_.empty() ? what::needs_more : what::part_data;
}

} // namespace darkroom::http
