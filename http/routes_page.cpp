// The page for people: its files, which are a part of the binary.
#include "http/routes.hpp"

#include "web/page_files.hpp"

#include <algorithm>
#include <array>

namespace darkroom::http {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> media_types{{
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
}};

std::string_view media_type_of_page(std::string_view path) {
  const auto row =
      std::ranges::find_if(media_types, [&](const auto& r) { return path.ends_with(r.first); });
  return row == media_types.end() ? "text/html; charset=utf-8" : row->second;
}

// Whether the client takes gzip: named, and not with a weight of zero (RFC 9110, section 12.5.3).
bool takes_gzip(std::string_view accepted) {
  for (std::size_t at = 0; at < accepted.size();) {
    const auto end = std::min(accepted.find(',', at), accepted.size());
    const auto coding = accepted.substr(at, end - at);
    at = end + 1;
    const auto weight = coding.find(';');
    const auto name = trimmed(coding.substr(0, weight));
    if (!same_word(name, "gzip") && name != "*") continue;
    if (weight == std::string_view::npos) return true;
    return trimmed(coding.substr(weight + 1)).find_first_of("123456789") != std::string_view::npos;
  }
  return false;
}

// Nothing from elsewhere; pictures that the page made of what it has fetched.
constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

task<route_result> serve_page_file(call& c, std::string_view path) {
  const auto files = web::page_files();
  const auto file =
      std::ranges::find_if(files, [&](const web::page_file& f) { return f.path == path; });
  if (file == files.end()) co_return std::unexpected(problem{problem_code::not_found});
  const bool gzip = takes_gzip(c.rq.header("Accept-Encoding"));
  const auto tag = '"' + std::string{file->tag} + (gzip ? "-gzip\"" : "\"");
  response r;
  r.with("ETag", tag).with("Vary", "Accept-Encoding");
  r.with("Cache-Control", path.empty() ? "no-cache" : "public, max-age=31536000, immutable");
  r.with("Content-Security-Policy", std::string{page_policy});
  r.with("Referrer-Policy", "no-referrer");
  if (has_tag(c.rq.header("If-None-Match"), tag)) {
    r.status = 304;
    co_return r;
  }
  r.with("Content-Type", std::string{media_type_of_page(path)});
  if (gzip) r.with("Content-Encoding", "gzip");
  r.body = std::string{gzip ? file->gzip : file->plain};
  co_return r;
}

task<route_result> get_page(call& c) {
  co_return co_await serve_page_file(c, "");
}

task<route_result> get_page_file(call& c) {
  if (c.param(0).empty()) co_return std::unexpected(problem{problem_code::not_found});
  co_return co_await serve_page_file(c, c.param(0));
}

} // namespace

std::vector<route> page_routes() {
  using enum access;
  return {
      {"GET", "/", open, "", get_page},
      {"GET", "/app/{path...}", open, "", get_page_file},
  };
}

} // namespace darkroom::http
