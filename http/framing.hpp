// What a request's head must look like before anything is done with it. Stricter than the parser:
// what two implementations could read differently is refused (RFC 9112, sections 2.2 to 6.3).
#pragma once

#include "base/result.hpp"
#include "http/problem.hpp"

#include <string_view>

namespace darkroom::http {

// `head`: everything up to and with the empty line. All of these faults close the connection.
base::result<void, problem> check_head(std::string_view head);

} // namespace darkroom::http
