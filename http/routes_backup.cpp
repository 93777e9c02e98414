// Backups of the server's data, for admins.
#include "http/backup_runner.hpp"
#include "http/limits.hpp"
#include "http/routes.hpp"

#include "domain/text.hpp"

#include <boost/json.hpp>

namespace darkroom::http {

namespace {

namespace json = boost::json;

response backup_response(unsigned code, const backup_runner::status& s) {
  json::object out{{"state", base::to_string(s.state)}};
  if (s.state != backup_runner::state::none) {
    out["directory"] = domain::printable(s.folder);
    out["blobs"] = s.progress.blobs;
    out["blobs_done"] = s.progress.blobs_done;
    out["bytes_copied"] = s.progress.bytes_copied;
    out["blobs_verified"] = s.progress.verified;
    out["blobs_replaced"] = s.progress.replaced;
    out["started_at"] = domain::time_text(s.started_us);
  }
  if (s.ended_us != 0) out["ended_at"] = domain::time_text(s.ended_us);
  if (!s.error.empty()) out["error"] = domain::printable(s.error);
  auto r = json_response(code, json::serialize(out));
  r.with("Cache-Control", "no-store");
  return r;
}

task<route_result> get_backup(call& c) {
  co_return backup_response(200, c.s.backups.now());
}

// Only into a folder that somebody with access to the machine has made one for backups: a token
// alone must not be enough to write anywhere.
task<route_result> start_backup(call& c) {
  std::string folder;
  bool verify_all = false;
  const auto read = [&](object_reader& r) {
    r.text("directory", folder, limits::path_bytes_max);
    r.boolean("verify", verify_all);
    if (!folder.starts_with('/'))
      r.wrong("directory", problem_code::invalid_value, "is an absolute path");
  };
  DARKROOM_CO_CHECK(co_await read_members(c, read));
  c.subject = folder;
  if (const auto ok = persistence::check_backup(folder); !ok)
    co_return std::unexpected(problem{problem_code::not_a_backup, ok.error() + '.'});
  DARKROOM_CO_TRY(journal, open_journal(c));
  if (!c.s.backups.start(journal, folder, verify_all))
    co_return std::unexpected(problem{problem_code::backup_running});
  co_return backup_response(202, c.s.backups.now());
}

} // namespace

std::vector<route> backup_routes() {
  using enum access;
  return {
      {"GET", "/v1/admin/backup", admin, "", get_backup},
      {"POST", "/v1/admin/backup", admin, "backup", start_backup},
  };
}

} // namespace darkroom::http
