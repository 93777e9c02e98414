#include "http/problem.hpp"

#include "base/enum_names.hpp"
#include "domain/batch_state.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace darkroom::http {

namespace {

namespace json = boost::json;

constexpr auto kinds = [] {
  using enum problem_code; // here, so that unity builds do not see them elsewhere
  return std::to_array<problem_kind>({
      // 400: the request cannot be understood
      {bad_request, "bad_request", 400, "The request is not well formed",
       "Send a request that HTTP/1.1 allows."},
      {bad_framing, "bad_framing", 400, "Where the request ends is not clear",
       "Send one Content-Length, or exactly Transfer-Encoding: chunked, never both. The connection "
       "is closed."},
      {invalid_id, "invalid_id", 400, "That is no id",
       "Batch ids are UUIDs, files are numbers from 0."},
      {invalid_cursor, "invalid_cursor", 400, "That is no cursor",
       "Use the cursor of a Link header, as it is."},
      {invalid_parameter, "invalid_parameter", 400, "A parameter of the query is wrong",
       "The detail says which one and what it may be."},
      {invalid_json, "invalid_json", 400, "The body is not JSON",
       "Send one JSON value in UTF-8, at most 32 levels deep, no member twice."},
      {invalid_path, "invalid_path", 400, "The path of the file is not allowed",
       "Paths are relative, UTF-8 in NFC, with no empty, '.' or '..' part and no control "
       "character, "
       "at most 1,024 bytes and 255 in each part."},
      {invalid_multipart, "invalid_multipart", 400, "The multipart body is not well formed",
       "See RFC 7578."},
      {no_files, "no_files", 400, "The batch has no files",
       "Add files first, or start with keep_open."},
      {missing_companion, "missing_companion", 400, "A required file is missing",
       "The batch was made with `requires`; the detail says which files must be added before it "
       "starts."},
      // 401, 403, 404, 405, 406
      {unauthorized, "unauthorized", 401, "Who are you?",
       "Send Authorization: Bearer dr_…; `darkroom token create` makes one."},
      {forbidden, "forbidden", 403, "Not allowed", "This needs the role admin."},
      {forbidden_origin, "forbidden_origin", 403, "Not from this page",
       "Pages of other servers may use this one only if http.allowed_origins lists their origin."},
      {not_owner, "not_owner", 403, "It belongs to another user", "Ask its owner, or an admin."},
      {not_found, "not_found", 404, "There is no such thing",
       "It may never have been there, be deleted, or belong to somebody else."},
      {method_not_allowed, "method_not_allowed", 405, "The method is not possible here",
       "The Allow header lists those that are."},
      {not_acceptable, "not_acceptable", 406, "None of the asked formats is possible",
       "See the Accept header."},
      // 408, 409
      {request_timeout, "request_timeout", 408, "The request came too slowly",
       "Try again over a better connection."},
      {wrong_state, "wrong_state", 409, "Not possible in the batch's state",
       "`state` says where the batch is, `allowed` what may be asked of it now."},
      {name_collision, "name_collision", 409, "The name is taken",
       "Another file of the batch has this path, or its outputs have this name."},
      {batch_sealed, "batch_sealed", 409, "The batch takes no more files",
       "Make a new batch; or start with keep_open, and seal later."},
      {too_many_files, "too_many_files", 409, "The batch is full",
       "`GET /v1/me/usage` reports the limit: files_per_batch_max."},
      {invalid_files, "invalid_files", 409, "Not possible for these files",
       "They do not exist, or have completed."},
      {upload_in_progress, "upload_in_progress", 409, "The file is being uploaded",
       "Another upload of the same path is under way."},
      {preview_superseded, "preview_superseded", 409, "A newer preview took its place",
       "You asked for another one before this was made."},
      {request_in_progress, "request_in_progress", 409, "The same request is under way",
       "A request with this Idempotency-Key has not been answered yet; try again soon."},
      {backup_running, "backup_running", 409, "A backup is being made", "Wait until it has ended."},
      {not_a_backup, "not_a_backup", 409, "The folder is not one for backups",
       "Somebody with access to the server's machine makes it one with `darkroom backup`, or with "
       "an "
       "empty folder that has a file darkroom-backup with the line 1."},
      {not_completed, "not_completed", 409, "There is no output yet",
       "The file has not completed."},
      // 411 to 417
      {length_required, "length_required", 411, "The length is missing",
       "Send Content-Length, or chunked."},
      {precondition_failed, "precondition_failed", 412, "It has changed",
       "Read it again; then decide again."},
      {too_large, "too_large", 413, "Too large", "The detail says what the limit is."},
      {uri_too_long, "uri_too_long", 414, "The address is too long", "It has at most 4,096 bytes."},
      {unsupported_media_type, "unsupported_media_type", 415, "The body has the wrong type",
       "Send the type that the detail names."},
      {range_not_satisfiable, "range_not_satisfiable", 416, "There is nothing in this range",
       "Content-Range tells the size."},
      {expectation_failed, "expectation_failed", 417, "Only 100-continue can be expected",
       "Leave the Expect header out."},
      // 422: understood, and not possible
      {invalid_value, "invalid_value", 422, "A value is not allowed",
       "`errors` says where and what is."},
      {unknown_field, "unknown_field", 422, "There is no such member",
       "`errors` says which; look for a typing error."},
      {invalid_spec, "invalid_spec", 422, "The spec is not possible", "The detail says why."},
      {digest_mismatch, "digest_mismatch", 422, "The bytes are not those that were announced",
       "Send the file again."},
      {idempotency_key_reused, "idempotency_key_reused", 422,
       "The Idempotency-Key was used for another request", "Use a new key for a new request."},
      {unsupported_format, "unsupported_format", 422, "Not a picture that can be read",
       "Those that can are in /v1/formats."},
      {limit_pixels, "limit_pixels", 422, "Too many pixels", "The limit is in /v1/formats."},
      {limit_dimensions, "limit_dimensions", 422, "A side is too long",
       "The limit is in /v1/formats."},
      {limit_frames, "limit_frames", 422, "Too many frames or scans",
       "The limit is in /v1/formats."},
      {preview_failed, "preview_failed", 422, "The preview cannot be made", "The detail says why."},
      {upgrade_required, "upgrade_required", 426, "This is for WebSockets",
       "Ask for an upgrade to the WebSocket protocol, version 13."},
      // 429, 431
      {rate_limited, "rate_limited", 429, "Too many requests", "Wait as long as Retry-After says."},
      {quota_exceeded, "quota_exceeded", 429, "The quota is used up",
       "Let batches end, or delete some."},
      {too_many_streams, "too_many_streams", 429, "Too many feeds are open",
       "Close one; or use one for many batches."},
      {headers_too_large, "headers_too_large", 431, "The headers are too large",
       "They have at most 16 KiB and 64 lines."},
      // 5xx
      {internal, "internal", 500, "A fault in Darkroom",
       "Tell the operator the request id; the log has more."},
      {in_doubt, "in_doubt", 503, "The journal cannot be written",
       "Whether it was done is not known yet. Ask again after a while."},
      {store_unavailable, "store_unavailable", 503, "The stored files cannot be reached",
       "Try again after a while; the operator sees why in the log and in /readyz?verbose."},
      {no_workers, "no_workers", 503, "No machine converts at the moment",
       "Try again after a while; the operator sees the machines with darkroom cluster nodes."},
      {draining, "draining", 503, "The server is about to stop", "Try again after a while."},
      {overloaded, "overloaded", 503, "Too much at once", "Try again after a while."},
      {unknown_version, "unknown_version", 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here",
       "Use one of them."},
      {disk_full, "disk_full", 507, "There is no room",
       "The operator has to make some; nothing is lost."},
      {storage_exceeded, "storage_exceeded", 507, "Your room is used up",
       "Delete batches that are no longer needed."},
  });
}();

constexpr std::size_t kind_count = kinds.size();

static_assert(base::is_enumerator<static_cast<problem_code>(kind_count - 1)>() &&
                  !base::is_enumerator<static_cast<problem_code>(kind_count)>(),
              "a problem code without a row, or a row too many");
static_assert(
    [] {
      for (std::size_t i = 0; i < kind_count; ++i)
        if (kinds[i].code != static_cast<problem_code>(i)) return false;
      return true;
    }(),
    "the rows are not in the order of the enum");

} // namespace

std::span<const problem_kind> problem_kinds() {
  return kinds;
}

const problem_kind& kind_of(problem_code code) {
  return kinds[static_cast<std::size_t>(code)];
}

std::string_view to_string(problem_code code) {
  return kind_of(code).text;
}

const problem_kind* find_problem(std::string_view text) {
  const auto* at = std::ranges::find(kinds, text, &problem_kind::text);
  return at == std::end(kinds) ? nullptr : at;
}

// No default: a new refusal without a case does not compile.
problem_code problem_code_of(domain::refusal_code code) {
  using enum domain::refusal_code;
  switch (code) {
  case wrong_state:
    return problem_code::wrong_state;
  case no_files:
    return problem_code::no_files;
  case batch_sealed:
    return problem_code::batch_sealed;
  case too_many_files:
    return problem_code::too_many_files;
  case invalid_spec:
    return problem_code::invalid_spec;
  case invalid_files:
    return problem_code::invalid_files;
  case missing_companion:
    return problem_code::missing_companion;
  case stale_result: // of workers, never of a request
    return problem_code::internal;
  }
  return problem_code::internal;
}

std::string problem_json(const problem& p, const std::string& request_id,
                         std::string_view instance) {
  const auto& kind = kind_of(p.code);
  json::object body{{"type", "/problems/" + std::string{kind.text}},
                    {"title", kind.title},
                    {"status", kind.status},
                    {"detail", p.detail.empty() ? std::string{kind.help} : p.detail},
                    {"code", kind.text},
                    {"request_id", request_id}};
  if (!instance.empty()) body["instance"] = instance;
  if (!p.state.empty()) body["state"] = p.state;
  if (!p.allowed.empty()) body["allowed"] = json::array(p.allowed.begin(), p.allowed.end());
  if (!p.errors.empty()) {
    json::array errors;
    for (const auto& e : p.errors)
      errors.push_back({{"pointer", e.pointer}, {"code", to_string(e.code)}, {"detail", e.detail}});
    body["errors"] = std::move(errors);
  }
  return json::serialize(body);
}

std::string problem_page(const problem_kind& kind) {
  const std::string title{kind.title}, code{kind.text}, help{kind.help};
  return "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>" + title +
         "</title><h1>" + title + "</h1><p><code>" + code + "</code>, status " +
         std::to_string(kind.status) + "</p><p>" + help + "</p></html>\n";
}

} // namespace darkroom::http
