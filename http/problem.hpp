// What clients are told when something is refused: RFC 9457, `application/problem+json`. Every code
// is in one table, and has a page of its own on the server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace darkroom::http {

// One thing that is wrong in a body.
struct field_error {
  std::string pointer; // RFC 6901
  std::string code;
  std::string detail;
};

struct problem {
  std::string code; // one of the table
  std::string detail;
  std::vector<field_error> errors;
  std::string state; // of the batch, with `wrong_state`
  std::vector<std::string>
      allowed; // commands, with `wrong_state`; methods, with `method_not_allowed`
  std::uint32_t retry_after_s = 0;
  bool closes = false; // the connection cannot be used any more
};

struct problem_kind {
  std::string_view code;
  unsigned status;
  std::string_view title;
  std::string_view help; // what it means and what to do: the text of its page
};

// Never fails: a code that is not in the table is `internal`.
const problem_kind& kind_of(std::string_view code);
const problem_kind* find_problem(std::string_view code);

std::string problem_json(const problem& p, const std::string& request_id,
                         std::string_view instance);
// The page behind `type`, as HTML.
std::string problem_page(const problem_kind& kind);

} // namespace darkroom::http
