#include "http/views.hpp"

#include "domain/text.hpp"
#include "http/field_json.hpp"
#include "http/spec_json.hpp"
#include "persistence/digest.hpp"

#include <boost/json.hpp>

namespace darkroom::http {

namespace {

namespace json = boost::json;
using namespace darkroom::domain;

// A field that a spreadsheet would take for a formula begins with an apostrophe (OWASP, "CSV
// Injection"); no number here has a sign.
std::string csv_field(std::string_view text) {
  const bool is_formula = !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != text.npos;
  std::string safe = (is_formula ? "'" : "") + std::string{text};
  text = safe;
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return safe;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

} // namespace

json::array losses_array(loss_set losses) {
  json::array names;
  for (const auto l : losses.list())
    names.emplace_back(to_string(l));
  return names;
}

json::array outputs_array(const std::vector<output_record>& outputs,
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
    row["losses"] = losses_array(done->losses);
    if (const auto detail = detail_of(*done); !detail.empty()) row["detail"] = detail;
    row["extension_mismatch"] = done->extension_mismatch;
    row["outputs"] = outputs_array(done->outputs, &file.entry.outputs);
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
                              const actors::file_states* live) {
  if (std::holds_alternative<file_completed>(file.result)) return file_status::completed;
  if (std::holds_alternative<file_failed>(file.result)) return file_status::failed;
  const auto now = live == nullptr ? std::nullopt : live->at(file.index);
  if (now && !is_terminal(*now)) return *now;
  return is_terminal(phase) ? file_status::cancelled : file_status::queued;
}

bool is_waiting(const persistence::batch_summary& batch) {
  return batch.phase == batch_phase::running && batch.count(file_status::running) == 0 &&
         batch.count(file_status::queued) != 0;
}

// What changes as files end.
void add_progress(json::object& out, const actors::batch_view& batch) {
  using enum file_status;
  const auto& s = batch.summary;
  const auto total = s.total_files();
  const auto ended = total - s.open_files();
  out["files"] = {{"total", total},
                  {"queued", s.count(queued)},
                  {"running", s.count(running)},
                  {"retry_wait", s.count(retry_wait)},
                  {"completed", s.count(completed)},
                  {"failed", s.count(failed)},
                  {"cancelled", s.count(cancelled)}};
  out["in_flight"] = batch.in_flight;
  out["waiting_for"] =
      batch.waiting_for ? json::value(base::to_string(*batch.waiting_for)) : nullptr;
  out["percent"] = total == 0 ? 0 : std::uint64_t{ended} * 100 / total;
  out["bytes_in"] = s.bytes_in;
  out["bytes_out"] = s.bytes_out;
  out["megapixels"] = s.pixels / 1'000'000;
  out["megapixels_per_s"] = static_cast<std::uint64_t>(batch.pixels_per_s / 1e6);
  out["bytes_per_s"] = static_cast<std::uint64_t>(batch.bytes_per_s);
  if (const auto& left = batch.time_left) {
    out["eta_ms"] = left->ms;
    out["eta_low_ms"] = left->low_ms;
    out["eta_high_ms"] = left->high_ms;
  }
}

json::object batch_object(const actors::batch_view& batch) {
  const auto& s = batch.summary;
  json::object out{{"id", to_string(s.id)},
                   {"owner", printable(s.owner)},
                   {"state", to_string(s.phase)},
                   {"sealed", s.sealed},
                   {"seq", s.seq},
                   {"created_at", time_text(s.created_us)},
                   {"changed_at", time_text(s.changed_us)}};
  for_each_field(attributes_of(s), field_writer(out));
  if (s.started_us != 0) out["started_at"] = time_text(s.started_us);
  if (s.ended_us != 0) out["ended_at"] = time_text(s.ended_us);
  out["bytes_added"] = s.bytes_added;
  add_progress(out, batch);
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
    detail = detail_of(*done);
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

std::string omitted_json(const omitted_row& row) {
  json::object object{{"path", printable(row.path)}, {"state", row.state}, {"bytes_in", row.bytes}};
  if (!row.reason.empty()) object["reason"] = row.reason;
  object["detail"] = printable(row.detail);
  return json::serialize(object);
}

std::string omitted_csv(const omitted_row& row) {
  std::string line; // it has no index
  for (const auto& field : {printable(row.path), row.state, row.reason, printable(row.detail),
                            std::string{}, std::to_string(row.bytes)})
    line += ',' + csv_field(field);
  return line + std::string(7, ','); // what only a converted file has
}

} // namespace darkroom::http
