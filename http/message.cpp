#include "http/message.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cctype>
#include <ctime>

namespace darkroom::http {

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  // The process keeps the C locale: names are English.
  const auto size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

std::string_view request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (same_word(key, name)) return value;
  return {};
}

std::size_t request::count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      headers, [&](const auto& header) { return same_word(header.first, name); }));
}

std::optional<std::string> request::parameter(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

response json_response(unsigned status, std::string body) {
  response r;
  r.status = status;
  r.with("Content-Type", "application/json");
  r.body = std::move(body);
  return r;
}

namespace {

response problem_response(const problem& p, const request& rq) {
  const auto& kind = kind_of(p.code);
  response r;
  r.status = kind.status;
  r.refused = p.code;
  r.closes = p.closes;
  r.with("Content-Type", "application/problem+json");
  if (p.retry_after_s != 0) r.with("Retry-After", std::to_string(p.retry_after_s));
  if (kind.status == 401) r.with("WWW-Authenticate", "Bearer realm=\"darkroom\"");
  if (kind.status == 405) {
    std::string methods;
    for (const auto& method : p.allowed)
      methods += (methods.empty() ? "" : ", ") + method;
    r.with("Allow", methods);
  }
  r.headers.insert(r.headers.end(), p.headers.begin(), p.headers.end());
  r.body = problem_json(p, rq.id, rq.target);
  return r;
}

} // namespace

response to_response(base::result<response, problem>&& outcome, const request& rq) {
  return outcome ? std::move(*outcome) : problem_response(outcome.error(), rq);
}

bool read_target(request& rq, std::string_view target) {
  const auto origin = boost::urls::parse_origin_form(target);
  const auto absolute = origin ? origin : boost::urls::parse_absolute_uri(target);
  if (!absolute) return false;
  const auto& url = *absolute;
  if (!origin) {
    if (!same_word(url.scheme(), "http") && !same_word(url.scheme(), "https")) return false;
    if (url.encoded_host_and_port().empty() || url.has_userinfo()) return false;
    for (auto& [name, value] : rq.headers)
      if (same_word(name, "Host")) value = std::string(url.encoded_host_and_port());
  }
  rq.target = std::string(url.encoded_path());
  if (rq.target.empty()) rq.target = "/";
  for (const auto segment : url.segments())
    rq.segments.emplace_back(segment);
  for (const auto parameter : url.params())
    rq.query.emplace_back(parameter.key, parameter.value);
  return true;
}

} // namespace darkroom::http
