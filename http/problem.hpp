// What clients are told when something is refused: RFC 9457, `application/problem+json`. Every code
// is in one table, and has a page of its own on the server.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace darkroom::domain {
enum class refusal_code : std::uint8_t;
}

namespace darkroom::http {

// Each has a row in the table of problem.cpp, which says how clients see it.
enum class problem_code : std::uint8_t {
  // 400: the request cannot be understood
  bad_request,
  bad_framing,
  invalid_id,
  invalid_cursor,
  invalid_parameter,
  invalid_json,
  invalid_path,
  invalid_multipart,
  no_files,
  missing_companion,
  // 401, 403, 404, 405, 406
  unauthorized,
  forbidden,
  forbidden_origin,
  not_owner,
  not_found,
  method_not_allowed,
  not_acceptable,
  // 408, 409
  request_timeout,
  wrong_state,
  name_collision,
  batch_sealed,
  too_many_files,
  invalid_files,
  upload_in_progress,
  preview_superseded,
  request_in_progress,
  backup_running,
  not_a_backup,
  not_completed,
  // 411 to 417
  length_required,
  precondition_failed,
  too_large,
  uri_too_long,
  unsupported_media_type,
  range_not_satisfiable,
  expectation_failed,
  // 422: understood, and not possible
  invalid_value,
  unknown_field,
  invalid_spec,
  digest_mismatch,
  idempotency_key_reused,
  unsupported_format,
  limit_pixels,
  limit_dimensions,
  limit_frames,
  preview_failed,
  upgrade_required,
  // 429, 431
  rate_limited,
  quota_exceeded,
  too_many_streams,
  headers_too_large,
  // 5xx
  internal,
  in_doubt,
  store_unavailable,
  no_workers,
  draining,
  overloaded,
  unknown_version,
  disk_full,
  storage_exceeded,
};

using header_list = std::vector<std::pair<std::string, std::string>>;

// One thing that is wrong in a body.
struct field_error {
  std::string pointer; // RFC 6901
  problem_code code = problem_code::invalid_value;
  std::string detail;
};

struct problem {
  problem_code code = problem_code::internal;
  std::string detail;
  std::vector<field_error> errors;
  std::string state; // of the batch, with `wrong_state`
  std::vector<std::string>
      allowed; // commands, with `wrong_state`; methods, with `method_not_allowed`
  std::uint32_t retry_after_s = 0;
  bool closes = false; // the connection cannot be used any more
  header_list headers; // in addition to those that every problem of its status has
};

struct problem_kind {
  problem_code code;
  std::string_view text; // the code as clients see it: never changes
  unsigned status;
  std::string_view title;
  std::string_view help; // what it means and what to do: the text of its page
};

// In the order of the enum.
std::span<const problem_kind> problem_kinds();
const problem_kind& kind_of(problem_code code);
std::string_view to_string(problem_code code);
// Null when no problem has this code.
const problem_kind* find_problem(std::string_view text);

// What clients are told when the domain refuses a command.
problem_code problem_code_of(domain::refusal_code code);

std::string problem_json(const problem& p, const std::string& request_id,
                         std::string_view instance);
// The page behind `type`, as HTML.
std::string problem_page(const problem_kind& kind);

} // namespace darkroom::http
