#include "app/exit_code.hpp"

#include "base/errno_text.hpp"

#include <new>
#include <system_error>

namespace darkroom::app {

exit_code exit_of(const persistence::journal_error& error) {
  using enum persistence::journal_fault;
  switch (error.fault) {
  case locked:
  case no_space:
  case io:
    return exit_temporary;
  case missing:
  case newer:
  case corrupt:
  case incomplete:
    break;
  }
  return exit_usage;
}

exit_code exit_of(const persistence::file_error& error) {
  return base::is_transient_errno(error.code) ? exit_temporary : exit_usage;
}

exit_code exit_of(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return exit_temporary;
  const auto* of_system = dynamic_cast<const std::system_error*>(&error);
  const bool transient =
      of_system != nullptr && base::is_transient_errno(of_system->code().value());
  return transient ? exit_temporary : exit_internal;
}

} // namespace darkroom::app
