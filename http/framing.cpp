#include "http/framing.hpp"

#include "base/result.hpp"
#include "http/limits.hpp"
#include "http/message.hpp"

#include <algorithm>
#include <cctype>

namespace darkroom::http {

namespace {

std::unexpected<problem> refuse(problem_code code, std::string_view detail) {
  problem p{code, std::string{detail}};
  p.closes = true;
  return std::unexpected(std::move(p));
}

bool is_token_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

// Takes a line off the front; nothing when it does not end in CR LF.
std::optional<std::string_view> take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  if (end == std::string_view::npos || end == 0 || rest[end - 1] != '\r') return std::nullopt;
  const auto line = rest.substr(0, end - 1);
  rest.remove_prefix(end + 1);
  return line;
}

base::result<bool, problem> check_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return refuse(problem_code::bad_request,
                  "The request line has a method, a target and a version.");
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(method)) return refuse(problem_code::bad_request, "The method is not a token.");
  if (target.size() > limits::target_bytes_max) return refuse(problem_code::uri_too_long, "");
  const auto scheme = target.substr(0, target.find(':'));
  if (!target.starts_with('/') && !same_word(scheme, "http") && !same_word(scheme, "https"))
    return refuse(problem_code::bad_request, "The target begins with a slash, or with http://.");
  for (const char c : target)
    if (c <= ' ' || c == 0x7f || static_cast<unsigned char>(c) >= 0x80 || c == '#')
      return refuse(problem_code::bad_request,
                    "The target has only visible ASCII characters; encode others.");
  if (version == "HTTP/1.1") return true;
  if (version == "HTTP/1.0") return false;
  if (version.starts_with("HTTP/")) return refuse(problem_code::unknown_version, "");
  return refuse(problem_code::bad_request, "The request line ends with a version.");
}

// What the lines of a head say about where the body ends.
struct head_facts {
  std::size_t lines = 0, hosts = 0, lengths = 0, encodings = 0;
  bool body_announced = false;
};

base::result<void, problem> check_field(std::string_view line, head_facts& facts) {
  if (line.front() == ' ' || line.front() == '\t')
    return refuse(problem_code::bad_request, "Header lines are not continued on the next line.");
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return refuse(problem_code::bad_request, "A header line has a name, a colon and a value.");
  const auto name = line.substr(0, colon);
  const auto value = trimmed(line.substr(colon + 1));
  for (const char c : value)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
      return refuse(problem_code::bad_request, "A header has a control character.");
  if (++facts.lines > limits::header_lines_max) return refuse(problem_code::headers_too_large, "");
  if (same_word(name, "host")) facts.hosts += 1;
  if (same_word(name, "content-length")) {
    facts.lengths += 1;
    if (value.empty() || value.size() > 18 ||
        !std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; }))
      return refuse(problem_code::bad_framing, "Content-Length is a number.");
    facts.body_announced |= value.find_first_not_of('0') != std::string_view::npos;
  }
  if (same_word(name, "transfer-encoding")) {
    facts.encodings += 1;
    facts.body_announced = true;
    if (!same_word(value, "chunked"))
      return refuse(problem_code::bad_framing, "The only Transfer-Encoding is chunked.");
  }
  return {};
}

} // namespace

base::result<void, problem> check_head(std::string_view head) {
  if (std::ranges::find(head, '\0') != head.end())
    return refuse(problem_code::bad_request, "The head has a NUL character.");
  const auto request_line = take_line(head);
  if (!request_line) return refuse(problem_code::bad_request, "Lines end in CR LF.");
  const auto is_1_1 = check_request_line(*request_line);
  if (!is_1_1) return std::unexpected(is_1_1.error());
  head_facts facts;
  while (true) {
    const auto line = take_line(head);
    if (!line) return refuse(problem_code::bad_request, "Lines end in CR LF.");
    if (line->empty()) break;
    if (line->find('\r') != std::string_view::npos)
      return refuse(problem_code::bad_request, "Lines end in CR LF.");
    if (auto ok = check_field(*line, facts); !ok) return ok;
  }
  if (*is_1_1 ? facts.hosts != 1 : facts.hosts > 1)
    return refuse(problem_code::bad_request, "There is exactly one Host header.");
  if (facts.lengths > 1 || facts.encodings > 1)
    return refuse(problem_code::bad_framing, "The length is told twice.");
  if (facts.lengths != 0 && facts.encodings != 0)
    return refuse(problem_code::bad_framing,
                  "Both Content-Length and Transfer-Encoding are there.");
  if (facts.encodings != 0 && !*is_1_1)
    return refuse(problem_code::bad_framing, "HTTP/1.0 knows no Transfer-Encoding.");
  const auto method = request_line->substr(0, request_line->find(' '));
  if (facts.body_announced && (method == "GET" || method == "HEAD" || method == "DELETE"))
    return refuse(problem_code::bad_request, "A " + std::string{method} + " request has no body.");
  return {};
}

} // namespace darkroom::http
