#include "domain/events.hpp"

#include <algorithm>
#include <array>

namespace darkroom::domain {

namespace {

// Of numbers, tags and lengths: more than any of them takes.
constexpr std::size_t bytes_beside_names = 64, bytes_beside_name = 4;

std::size_t bytes_of(const std::vector<std::string>& names) {
  std::size_t bytes = bytes_beside_names;
  for (const auto& name : names)
    bytes += name.size() + bytes_beside_name;
  return bytes;
}

constexpr std::array<std::string_view, std::variant_size_v<event>> event_names{
    "batch_created",        "files_added",    "file_removed",     "batch_started",
    "batch_sealed",         "batch_paused",   "batch_resumed",    "batch_cancelled",
    "batch_finished",       "batch_retried",  "priority_changed", "spec_changed",
    "batch_recovered",      "file_started",   "file_completed",   "file_failed",
    "file_retry_scheduled", "file_requeued",  "file_interrupted", "details_changed",
    "batch_deleted",        "files_replanned"};

} // namespace

std::size_t event_bytes_of(const file_entry& file) {
  return bytes_of(file.outputs) + file.path.size() + file.source.size();
}

std::size_t event_bytes_of(const replanned_file& file) {
  return bytes_of(file.outputs);
}

bool is_terminal(batch_phase phase) {
  return phase >= batch_phase::completed;
}

std::string_view name_of(const event& e) {
  return event_names[e.index()];
}

bool is_command_event(const event& e) {
  return !file_of(e) && !std::holds_alternative<files_added>(e) &&
         !std::holds_alternative<files_replanned>(e) &&
         !std::holds_alternative<batch_finished>(e) && !std::holds_alternative<batch_recovered>(e);
}

std::optional<file_index> file_of(const event& e) {
  return std::visit(
      [](const auto& fact) -> std::optional<file_index> {
        if constexpr (requires { fact.index; })
          return fact.index;
        else
          return std::nullopt;
      },
      e);
}

std::size_t replay_cost(const event& e) {
  return std::visit(
      [](const auto& fact) -> std::size_t {
        if constexpr (requires { fact.entries; })
          return std::max<std::size_t>(fact.entries.size(), 1);
        else if constexpr (requires { fact.files; })
          return std::max<std::size_t>(fact.files.size(), 1);
        else
          return 1;
      },
      e);
}

std::string detail_of(const file_completed& done) {
  if (done.arrived_percent == 0) return {};
  return std::to_string(done.arrived_percent) + " % of the picture arrived";
}

} // namespace darkroom::domain
