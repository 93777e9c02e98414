#include "app/server_answers.hpp"

#include "app/commands.hpp"
#include "app/exit_code.hpp"

#include <boost/json.hpp>

namespace darkroom::app {

namespace json = boost::json;

std::string text_of(const json::value& object, const char* name) {
  const auto* value = object.as_object().if_contains(name);
  return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

std::uint64_t number_of(const json::value& object, const char* name) {
  const auto* value = object.as_object().if_contains(name);
  return value == nullptr ? 0 : value->to_number<std::uint64_t>();
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

int fail_with(const http_reply& reply) {
  return complain(reply.problem(), reply.status == 0 ? exit_internal : exit_usage);
}

} // namespace darkroom::app
