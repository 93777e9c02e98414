// What a route ends with: an answer, or the problem that the router answers with. DARKROOM_TRY and
// its kin leave a function with the problem of a step; see docs/decisions/0007.
#pragma once

#include "http/message.hpp"
#include "persistence/journal_error.hpp"

#include <optional>
#include <utility>

namespace darkroom::http {

using route_result = base::result<response, problem>;

// What clients are told of the errors of other modules.
problem as_problem(const persistence::journal_error& error);
problem as_problem(const persistence::file_error& error);
inline problem as_problem(problem p) {
  return p;
}
// While the journal cannot be read.
problem journal_problem();

// What is wrong, if anything.
template<class T, class E>
std::optional<problem> problem_in(base::result<T, E>& checked) {
  if (checked) return std::nullopt;
  return as_problem(std::move(checked).error());
}
inline std::optional<problem> problem_in(std::optional<problem>& found) {
  return std::move(found);
}

} // namespace darkroom::http

#define DARKROOM_JOIN_EXPANDED(a, b) a##b
#define DARKROOM_JOIN(a, b) DARKROOM_JOIN_EXPANDED(a, b)

// Each is several statements: not the only one under an `if` without braces. The macros with CO
// are for coroutines. The value of the expression is named before anything else is done with it,
// because GCC 12 destroys temporaries within `co_await` expressions twice.
//
// Defines `name` as a reference to the value of a `base::result`, or returns its problem.
#define DARKROOM_TRY(name, ...) DARKROOM_TRY_OR_LEAVE(return, name, __VA_ARGS__)
#define DARKROOM_CO_TRY(name, ...) DARKROOM_TRY_OR_LEAVE(co_return, name, __VA_ARGS__)
#define DARKROOM_TRY_OR_LEAVE(leave, name, ...)                                                    \
  auto name##_or_problem = __VA_ARGS__;                                                            \
  if (!name##_or_problem)                                                                          \
    leave std::unexpected(::darkroom::http::as_problem(std::move(name##_or_problem).error()));     \
  [[maybe_unused]] auto& name = *name##_or_problem

// Returns the problem of a `base::result` whose value is of no interest, or of an optional problem.
#define DARKROOM_CO_CHECK(...)                                                                     \
  DARKROOM_CHECK_OR_LEAVE(DARKROOM_JOIN(checked_, __LINE__), DARKROOM_JOIN(problem_, __LINE__),    \
                          __VA_ARGS__)
// clang-format off: it does not indent the last line.
#define DARKROOM_CHECK_OR_LEAVE(checked, found, ...)                                               \
  auto checked = __VA_ARGS__;                                                                      \
  if (auto found = ::darkroom::http::problem_in(checked))                                          \
    co_return std::unexpected(std::move(*found))
// clang-format on
