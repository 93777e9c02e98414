#include "http/event_views.hpp"

#include "domain/text.hpp"
#include "http/field_json.hpp"
#include "http/limits.hpp"
#include "http/spec_json.hpp"
#include "http/views.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace darkroom::http {

namespace {

namespace json = boost::json;
using namespace darkroom::domain;

// Files by index, the first of them; a list may be as long as its batch.
json::object files_object(const std::vector<file_index>& list) {
  json::array first;
  for (std::size_t i = 0; i < std::min(list.size(), limits::listed_files_max); ++i)
    first.emplace_back(list[i]);
  return {{"count", list.size()}, {"files", std::move(first)}};
}

struct data_of {
  json::object operator()(const batch_created& e) const {
    json::object data{{"owner", printable(e.owner)}, {"spec", spec_view(e.spec)}};
    for_each_field(attributes_of(e), field_writer(data));
    return data;
  }
  json::object operator()(const files_added& e) const {
    return {{"first", e.first}, {"count", e.entries.size()}};
  }
  json::object operator()(const details_changed& e) const {
    return {{"name", printable(e.name)}, {"tags", json::array(e.tags.begin(), e.tags.end())}};
  }
  json::object operator()(const batch_started& e) const { return {{"sealed", e.sealed}}; }
  json::object operator()(const batch_paused& e) const { return {{"mode", to_string(e.mode)}}; }
  json::object operator()(const batch_cancelled& e) const {
    return {{"reason", printable(e.reason)}};
  }
  json::object operator()(const batch_finished& e) const { return {{"state", to_string(e.phase)}}; }
  json::object operator()(const batch_retried& e) const { return files_object(e.files); }
  json::object operator()(const priority_changed& e) const { return {{"priority", e.priority}}; }
  json::object operator()(const spec_changed& e) const { return {{"spec", spec_view(e.spec)}}; }
  json::object operator()(const files_replanned& e) const {
    return {{"first", e.first}, {"count", e.files.size()}};
  }
  json::object operator()(const batch_recovered& e) const { return files_object(e.interrupted); }
  json::object operator()(const file_started& e) const {
    return {{"attempt", e.attempt}, {"node", e.node}};
  }
  json::object operator()(const file_completed& e) const {
    std::uint64_t bytes_out = 0;
    for (const auto& o : e.outputs)
      bytes_out += o.bytes;
    json::object data{{"attempt", e.attempt},
                      {"bytes_in", e.bytes_in},
                      {"bytes_out", bytes_out},
                      {"width", e.width},
                      {"height", e.height},
                      {"ms", e.wall_ms},
                      {"losses", losses_array(e.losses)},
                      {"extension_mismatch", e.extension_mismatch},
                      {"outputs", outputs_array(e.outputs, nullptr)}};
    if (const auto detail = detail_of(e); !detail.empty()) data["detail"] = detail;
    return data;
  }
  json::object operator()(const file_failed& e) const {
    return {
        {"attempt", e.attempt}, {"reason", to_string(e.reason)}, {"detail", printable(e.detail)}};
  }
  json::object operator()(const file_retry_scheduled& e) const {
    return {{"attempt", e.attempt},
            {"reason", to_string(e.reason)},
            {"detail", printable(e.detail)},
            {"delay_ms", e.delay_ms}};
  }
  json::object operator()(const file_interrupted& e) const {
    return {{"cause", to_string(e.cause)}};
  }
  json::object operator()(const auto&) const { return {}; }
};

// What a person reads of an event. `path`: of its file, or how it is called without one.
struct sentence_of {
  const std::string& path;

  std::string operator()(const batch_created& e) const {
    return "created by " + printable(e.owner) + (e.name.empty() ? "" : ": " + printable(e.name));
  }
  std::string operator()(const files_added& e) const {
    return count_text(e.entries.size(), "file") + " added" +
           (e.entries.size() == 1 ? ": " + printable(e.entries.front().path) : "");
  }
  std::string operator()(const file_removed&) const { return path + " removed"; }
  std::string operator()(const details_changed& e) const {
    return "named " + printable(e.name) + (e.tags.empty() ? "" : ", tagged " + joined(e.tags));
  }
  std::string operator()(const batch_started& e) const {
    return e.sealed ? "started" : "started; it takes more files";
  }
  std::string operator()(const batch_sealed&) const { return "sealed: it takes no more files"; }
  std::string operator()(const batch_paused& e) const {
    return e.mode == pause_mode::drain ? "paused; what runs goes on to its end"
                                       : "paused; what ran is given back";
  }
  std::string operator()(const batch_resumed&) const { return "resumed"; }
  std::string operator()(const batch_cancelled& e) const {
    return "cancelled" + (e.reason.empty() ? "" : ": " + printable(e.reason));
  }
  std::string operator()(const batch_finished& e) const {
    return "finished: " + std::string{to_string(e.phase)};
  }
  std::string operator()(const batch_retried& e) const {
    return count_text(e.files.size(), "file") + " to be run again";
  }
  std::string operator()(const priority_changed& e) const {
    return "priority is now " + std::to_string(e.priority);
  }
  std::string operator()(const spec_changed&) const {
    return "spec changed for what has not completed";
  }
  std::string operator()(const files_replanned& e) const {
    return count_text(e.files.size(), "file") + " named after the new spec";
  }
  std::string operator()(const batch_recovered& e) const {
    return "work begins again" +
           (e.interrupted.empty()
                ? std::string{}
                : "; " + count_text(e.interrupted.size(), "file") + " ran and is queued again");
  }
  std::string operator()(const batch_deleted&) const { return "deleted"; }
  std::string operator()(const file_started& e) const {
    return path + " started" +
           (e.attempt > 1 ? ", attempt " + std::to_string(e.attempt) : std::string{});
  }
  std::string operator()(const file_completed& e) const {
    std::uint64_t bytes_out = 0;
    for (const auto& o : e.outputs)
      bytes_out += o.bytes;
    std::string text = path + " converted, " + size_text(e.bytes_in) + " -> " +
                       size_text(bytes_out) + " in " + std::to_string(e.wall_ms) + " ms";
    for (const auto l : e.losses.list())
      text += ", " + std::string{to_string(l)};
    if (const auto detail = detail_of(e); !detail.empty()) text += " (" + detail + ")";
    return text;
  }
  std::string operator()(const file_failed& e) const {
    return path + " failed: " + std::string{explain(e.reason)} +
           (e.detail.empty() ? "" : " (" + printable(e.detail) + ")");
  }
  std::string operator()(const file_retry_scheduled& e) const {
    return path + " runs again in " + duration_text(e.delay_ms / 1000.0) + ": " +
           std::string{explain(e.reason)} +
           (e.detail.empty() ? "" : " (" + printable(e.detail) + ")");
  }
  std::string operator()(const file_requeued&) const { return path + " is queued again"; }
  std::string operator()(const file_interrupted& e) const {
    return path + " given back: " + std::string{to_string(e.cause)};
  }

private:
  static std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
      text += (text.empty() ? "" : ", ") + printable(word);
    return text;
  }
};

// The path of the event's file: one, if it is known.
using found_paths = std::vector<std::optional<std::string>>;
found_paths paths_of(const persistence::journaled_event& e, const persistence::read_view& journal) {
  const auto file = file_of(e.fact);
  if (!file) return {};
  auto found = journal.paths(e.batch, {&*file, 1});
  return found ? std::move(*found) : found_paths{};
}
const std::string* known(const found_paths& found) {
  return found.empty() || !found.front() ? nullptr : &*found.front();
}

json::object volatile_object(std::string_view type, const batch_id& batch, std::int64_t now_us) {
  return {
      {"volatile", true}, {"ts", time_text(now_us)}, {"type", type}, {"batch", to_string(batch)}};
}

} // namespace

std::string event_json(const persistence::journaled_event& e, const std::string* path) {
  auto data = std::visit(data_of{}, e.fact);
  if (path != nullptr) data["path"] = printable(*path);
  json::object line{{"seq", e.seq},
                    {"prev", e.prev},
                    {"ts", time_text(e.time_us)},
                    {"type", name_of(e.fact)},
                    {"batch", to_string(e.batch)}};
  if (const auto file = file_of(e.fact)) line["file"] = *file;
  line["data"] = std::move(data);
  return json::serialize(line);
}

std::string event_json(const persistence::journaled_event& e,
                       const std::shared_ptr<const persistence::read_view>& journal) {
  const auto found = journal ? paths_of(e, *journal) : found_paths{};
  return event_json(e, known(found));
}

std::string event_line(const persistence::journaled_event& e,
                       const persistence::read_view& journal) {
  const auto found = paths_of(e, journal);
  const auto* path = known(found);
  const auto file = file_of(e.fact);
  const auto named = path != nullptr ? printable(*path)
                     : file          ? "file " + std::to_string(*file)
                                     : std::string{};
  return time_text(e.time_us) + ' ' + std::to_string(e.seq) + ' ' +
         std::visit(sentence_of{named}, e.fact);
}

std::string file_progress_json(const actors::slot_activity& slot, std::int64_t now_us) {
  auto line = volatile_object("file_progress", slot.batch, now_us);
  line["file"] = slot.file;
  line["data"] = {{"path", printable(slot.path)},
                  {"node", printable(slot.node)},
                  {"stage", to_string(slot.progress.stage)},
                  {"percent", slot.progress.percent}};
  return json::serialize(line);
}

std::string node_json(const actors::node_row& node, std::int64_t now_us) {
  json::object line{{"volatile", true}, {"ts", time_text(now_us)}, {"type", "node"}};
  json::object data{{"name", node.name},
                    {"state", node.state()},
                    {"slots", node.slots},
                    {"times_lost", node.times_lost}};
  if (!node.isolated.empty()) data["isolated_because"] = printable(node.isolated);
  if (!node.paused.empty()) data["paused_because"] = printable(node.paused);
  line["data"] = std::move(data);
  return json::serialize(line);
}

std::string batch_progress_json(const actors::batch_view& batch, std::int64_t now_us) {
  auto line = volatile_object("batch_progress", batch.summary.id, now_us);
  json::object data{{"state", to_string(batch.summary.phase)}, {"seq", batch.summary.seq}};
  add_progress(data, batch);
  line["data"] = std::move(data);
  return json::serialize(line);
}

std::string queue_position_json(const actors::queue_place& place, std::int64_t now_us) {
  auto line = volatile_object("queue_position", place.batch, now_us);
  line["data"] = {{"files_ahead", place.ahead}, {"waiting_for", base::to_string(place.reason)}};
  return json::serialize(line);
}

} // namespace darkroom::http
