#include "http/views.hpp"

#include "domain/text.hpp"
#include "http/spec_json.hpp"
#include "persistence/digest.hpp"

#include <boost/json.hpp>

namespace darkroom::http {

namespace {

namespace json = boost::json;
using namespace darkroom::domain;

json::array losses_of(loss_set losses) {
  json::array names;
  for (const auto l : losses.list())
    names.emplace_back(to_string(l));
  return names;
}

json::array outputs_of(const std::vector<output_record>& outputs,
                       const std::vector<std::string>* paths) {
  json::array all;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& o = outputs[i];
    json::object out{{"bytes", o.bytes},
                     {"width", o.width},
                     {"height", o.height},
                     {"sha256", persistence::to_hex(o.sha256)}};
    if (paths != nullptr && i < paths->size()) out["path"] = printable((*paths)[i]);
    all.emplace_back(std::move(out));
  }
  return all;
}

template<class List>
json::array numbers(const List& list) {
  json::array all;
  for (const auto n : list)
    all.emplace_back(n);
  return all;
}

struct data_of {
  json::object operator()(const batch_created& e) const {
    return {{"owner", printable(e.owner)}, {"name", printable(e.name)},
            {"spec", spec_view(e.spec)},   {"priority", e.priority},
            {"keep_open", e.keep_open},    {"max_failed", e.max_failed}};
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
  json::object operator()(const batch_retried& e) const { return {{"files", numbers(e.files)}}; }
  json::object operator()(const priority_changed& e) const { return {{"priority", e.priority}}; }
  json::object operator()(const spec_changed& e) const { return {{"spec", spec_view(e.spec)}}; }
  json::object operator()(const batch_recovered& e) const {
    return {{"interrupted", numbers(e.interrupted)}};
  }
  json::object operator()(const file_started& e) const {
    return {{"attempt", e.attempt}, {"node", e.node}};
  }
  json::object operator()(const file_completed& e) const {
    std::uint64_t bytes_out = 0;
    for (const auto& o : e.outputs)
      bytes_out += o.bytes;
    return {{"attempt", e.attempt},
            {"bytes_in", e.bytes_in},
            {"bytes_out", bytes_out},
            {"width", e.width},
            {"height", e.height},
            {"ms", e.wall_ms},
            {"losses", losses_of(e.losses)},
            {"extension_mismatch", e.extension_mismatch},
            {"outputs", outputs_of(e.outputs, nullptr)}};
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

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string{text};
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
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

std::string file_json(const persistence::file_record& file, file_status status) {
  return json::serialize(file_object(file, status));
}

json::object file_object(const persistence::file_record& file, file_status status) {
  json::object row{{"index", file.index},
                   {"path", printable(file.entry.path)},
                   {"state", to_string(status)},
                   {"bytes_in", file.entry.bytes}};
  if (const auto* done = std::get_if<file_completed>(&file.result)) {
    row["attempts"] = done->attempt;
    row["ms"] = done->wall_ms;
    row["stages_us"] = {{"probe", done->stages.probe_us},
                        {"wait", done->stages.wait_us},
                        {"convert", done->stages.convert_us},
                        {"store", done->stages.store_us}};
    row["width"] = done->width;
    row["height"] = done->height;
    row["losses"] = losses_of(done->losses);
    row["extension_mismatch"] = done->extension_mismatch;
    row["outputs"] = outputs_of(done->outputs, &file.entry.outputs);
  } else if (const auto* failed = std::get_if<file_failed>(&file.result)) {
    row["attempts"] = failed->attempt;
    row["reason"] = to_string(failed->reason);
    row["detail"] = printable(failed->detail);
  } else if (const auto* waits = std::get_if<file_retry_scheduled>(&file.result);
             waits != nullptr && status == file_status::retry_wait) {
    row["attempts"] = waits->attempt;
    row["reason"] = to_string(waits->reason);
    row["detail"] = printable(waits->detail);
  }
  if (const auto blob = persistence::parse_hex(file.entry.source))
    row["sha256"] = file.entry.source;
  return row;
}

domain::file_status status_of(const persistence::file_record& file, batch_phase phase,
                              const std::vector<file_status>* live) {
  if (std::holds_alternative<file_completed>(file.result)) return file_status::completed;
  if (std::holds_alternative<file_failed>(file.result)) return file_status::failed;
  if (live != nullptr && file.index < live->size() && !is_terminal((*live)[file.index]))
    return (*live)[file.index];
  return is_terminal(phase) ? file_status::cancelled : file_status::queued;
}

json::object batch_object(const actors::batch_view& batch) {
  using enum file_status;
  const auto& s = batch.summary;
  const auto total = s.total_files();
  const auto ended = total - s.open_files();
  json::object out{{"id", to_string(s.id)},
                   {"name", printable(s.name)},
                   {"owner", printable(s.owner)},
                   {"state", to_string(s.phase)},
                   {"priority", s.priority},
                   {"tags", json::array(s.tags.begin(), s.tags.end())},
                   {"start", s.on_first_file ? "on_first_file" : "manual"},
                   {"keep_open", s.keep_open},
                   {"sealed", s.sealed},
                   {"max_failed", s.max_failed},
                   {"seq", s.seq},
                   {"created_at", time_text(s.created_us)},
                   {"changed_at", time_text(s.changed_us)}};
  if (s.started_us != 0) out["started_at"] = time_text(s.started_us);
  if (s.ended_us != 0) out["ended_at"] = time_text(s.ended_us);
  out["files"] = {{"total", total},
                  {"queued", s.count(queued)},
                  {"running", s.count(running)},
                  {"retry_wait", s.count(retry_wait)},
                  {"completed", s.count(completed)},
                  {"failed", s.count(failed)},
                  {"cancelled", s.count(cancelled)}};
  out["in_flight"] = batch.in_flight;
  out["percent"] = total == 0 ? 0 : std::uint64_t{ended} * 100 / total;
  out["bytes_added"] = s.bytes_added;
  out["bytes_in"] = s.bytes_in;
  out["bytes_out"] = s.bytes_out;
  out["megapixels"] = s.pixels / 1'000'000;
  out["megapixels_per_s"] = static_cast<std::uint64_t>(batch.pixels_per_s / 1e6);
  out["bytes_per_s"] = static_cast<std::uint64_t>(batch.bytes_per_s);
  if (s.phase == batch_phase::running && batch.files_per_s > 0)
    out["eta_ms"] = static_cast<std::uint64_t>(s.open_files() / batch.files_per_s * 1'000);
  batch_state now; // what these depend on
  now.phase = s.phase;
  now.sealed = s.sealed;
  const auto allowed = allowed_commands(now);
  out["allowed"] = json::array(allowed.begin(), allowed.end());
  out["spec"] = spec_view(s.spec);
  return out;
}

std::string audit_json(const persistence::audit_entry& e) {
  json::object line{{"seq", e.seq},
                    {"ts", time_text(e.time_us)},
                    {"type", "audit"},
                    {"user", printable(e.user)},
                    {"role", to_string(e.role)},
                    {"address", e.address},
                    {"action", e.action},
                    {"status", e.status},
                    {"outcome", e.outcome},
                    {"request_id", e.request_id}};
  if (e.batch) line["batch"] = to_string(*e.batch);
  if (!e.owner.empty()) line["owner"] = printable(e.owner);
  if (!e.token.empty()) line["token"] = e.token;
  if (!e.subject.empty()) line["subject"] = printable(e.subject);
  return json::serialize(line);
}

std::string csv_header() {
  return "index,path,state,reason,detail,attempts,bytes_in,bytes_out,width,height,ms,losses,"
         "outputs,sha256";
}

std::string file_csv(const persistence::file_record& file, file_status status) {
  std::string reason, detail, attempts, bytes_out, width, height, ms, losses, outputs, digests;
  const auto join = [](std::string& to, std::string_view part) {
    if (!to.empty()) to += ' ';
    to += part;
  };
  if (const auto* done = std::get_if<file_completed>(&file.result)) {
    attempts = std::to_string(done->attempt);
    width = std::to_string(done->width);
    height = std::to_string(done->height);
    ms = std::to_string(done->wall_ms);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < done->outputs.size(); ++i) {
      sum += done->outputs[i].bytes;
      if (i < file.entry.outputs.size()) join(outputs, printable(file.entry.outputs[i]));
      join(digests, persistence::to_hex(done->outputs[i].sha256));
    }
    bytes_out = std::to_string(sum);
    for (const auto l : done->losses.list())
      join(losses, to_string(l));
  } else if (const auto* failed = std::get_if<file_failed>(&file.result)) {
    attempts = std::to_string(failed->attempt);
    reason = to_string(failed->reason);
    detail = printable(failed->detail);
  }
  std::string line = std::to_string(file.index);
  for (const auto& field :
       {printable(file.entry.path), std::string{to_string(status)}, reason, detail, attempts,
        std::to_string(file.entry.bytes), bytes_out, width, height, ms, losses, outputs, digests})
    line += ',' + csv_field(field);
  return line;
}

} // namespace darkroom::http
