#include "http/route_result.hpp"

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
  return {error.disk_full() ? problem_code::disk_full : problem_code::internal};
}

} // namespace darkroom::http
