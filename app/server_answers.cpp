#include "app/server_answers.hpp"

#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/text.hpp"

#include <boost/json.hpp>

namespace darkroom::app {

namespace json = boost::json;

const json::value& member_of(const json::value& object, const char* name) {
  static const json::value none;
  const auto* members = object.if_object();
  const auto* found = members == nullptr ? nullptr : members->if_contains(name);
  return found == nullptr ? none : *found;
}

std::string waiting_text(const std::string& reason) {
  if (reason.empty()) return {};
  if (reason == "workers") return "waiting: no machine takes files";
  if (reason == "disk") return "waiting: there is no room on the server's disk";
  if (reason == "memory") return "waiting for memory";
  if (reason == "turn") return "waiting: files of other batches run";
  if (reason == "quota") return "waiting for tomorrow: the quota of the day is used up";
  return "waiting for " + printable(reason);
}

std::string text_of(const json::value& object, const char* name) {
  const auto& value = member_of(object, name);
  return value.is_string() ? std::string{value.get_string()} : std::string{};
}

std::uint64_t number_of(const json::value& object, const char* name) {
  const auto& value = member_of(object, name);
  return value.is_number() ? value.to_number<std::uint64_t>() : 0;
}

json::value parsed(const std::string& text) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  return error ? json::value{} : value;
}

run_totals totals_of(const json::value& batch) {
  const auto& files = batch.at("files");
  run_totals totals;
  totals.files = static_cast<std::uint32_t>(number_of(files, "total"));
  totals.completed = static_cast<std::uint32_t>(number_of(files, "completed"));
  totals.failed = static_cast<std::uint32_t>(number_of(files, "failed"));
  totals.cancelled = static_cast<std::uint32_t>(number_of(files, "cancelled"));
  totals.completed_now = totals.completed;
  totals.bytes_in = number_of(batch, "bytes_in");
  totals.bytes_out = number_of(batch, "bytes_out");
  totals.pixels = number_of(batch, "megapixels") * 1'000'000;
  return totals;
}

bool has_ended(const std::string& state) {
  return state == "completed" || state == "completed_with_errors" || state == "failed" ||
         state == "cancelled";
}

std::string batch_path(const std::string& id, const char* rest) {
  return "/v1/batches/" + url_path(id) + rest;
}

exit_code exit_of(const http_reply& reply) {
  // 0: the server did not answer. 500 is a bug in the server; its other errors are transient.
  const auto status = reply.status;
  if (status == 500) return exit_internal;
  const bool transient = status == 0 || status == 408 || status == 429 || status > 500;
  return transient ? exit_temporary : exit_usage;
}

int fail_with(const http_reply& reply) {
  return complain(reply.problem(), exit_of(reply));
}

} // namespace darkroom::app
