#include "http/route_result.hpp"

#include "domain/text.hpp"
#include "http/limits.hpp"

#include <spdlog/spdlog.h>

namespace darkroom::http {

problem journal_problem() {
  problem p{problem_code::in_doubt, "The journal cannot be read."};
  p.retry_after_s = 1;
  return p;
}

problem as_problem(const persistence::journal_error&) {
  return journal_problem();
}

problem as_problem(const persistence::file_error& error) {
  if (error.disk_full()) return {problem_code::disk_full};
  if (error.no_descriptors()) {
    problem p{problem_code::overloaded, "The server has no file descriptors left."};
    p.retry_after_s = limits::overloaded_retry_s;
    return p;
  }
  spdlog::error("stored files: {}", domain::printable(error.text()));
  problem p{problem_code::store_unavailable};
  p.retry_after_s = 1;
  return p;
}

} // namespace darkroom::http
