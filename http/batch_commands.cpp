#include "http/batch_commands.hpp"

#include "domain/limits.hpp"
#include "http/limits.hpp"

#include <boost/json.hpp>

namespace darkroom::http {

namespace {

// Of commands without members.
template<class Command>
domain::command read_nothing(object_reader&) {
  return Command{};
}

domain::command read_start(object_reader& r) {
  domain::start_batch wish;
  r.boolean("keep_open", wish.keep_open);
  return wish;
}

domain::command read_pause(object_reader& r) {
  domain::pause_batch wish;
  r.one_of("mode", wish.mode);
  return wish;
}

domain::command read_cancel(object_reader& r) {
  domain::cancel_batch wish;
  r.text("reason", wish.reason, limits::reason_bytes_max);
  return wish;
}

void read_files(object_reader& r, domain::retry_batch& wish) {
  const auto* files = r.array("files");
  if (files == nullptr) return;
  for (const auto& file : *files) {
    const bool fits =
        file.is_int64() && file.get_int64() >= 0 && file.get_int64() < limits::files_per_batch_max;
    if (!fits) return r.wrong("files", problem_code::invalid_value, "is a list of file indexes");
    wish.files.push_back(static_cast<domain::file_index>(file.get_int64()));
  }
}

void read_reasons(object_reader& r, domain::retry_batch& wish) {
  const auto* reasons = r.array("reasons");
  if (reasons == nullptr) return;
  for (const auto& reason : *reasons) {
    const auto known = reason.is_string()
                           ? base::parse_enum<domain::failure_reason>(reason.get_string())
                           : std::nullopt;
    if (!known)
      return r.wrong("reasons", problem_code::invalid_value, "is a list of failure reasons");
    wish.reasons.push_back(*known);
  }
}

domain::command read_retry(object_reader& r) {
  domain::retry_batch wish;
  r.one_of("scope", wish.scope);
  read_files(r, wish);
  read_reasons(r, wish);
  if (r.has("files") != (wish.scope == domain::retry_scope::files))
    r.wrong("files", problem_code::invalid_value,
            "goes with the scope \"files\", and only with it");
  return wish;
}

constexpr batch_command commands[] = {
    {"start", read_start, 202, 200},   {"seal", read_nothing<domain::seal_batch>, 200, 200},
    {"pause", read_pause, 200, 200},   {"resume", read_nothing<domain::resume_batch>, 200, 200},
    {"cancel", read_cancel, 200, 200}, {"retry", read_retry, 202, 200, true},
};

} // namespace

std::span<const batch_command> batch_commands() {
  return commands;
}

} // namespace darkroom::http
