#include "app/views.hpp"

#include "app/text.hpp"
#include "persistence/digest.hpp"

#include <boost/json.hpp>

namespace darkroom::app {

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

json::object spec_object(const conversion_spec& spec) {
  json::array outputs;
  for (const auto& o : spec.outputs) {
    json::object out{{"format", o.format},
                     {"quality", o.quality},
                     {"lossless", o.lossless},
                     {"effort", o.effort},
                     {"chroma", to_string(o.chroma)},
                     {"progressive", o.progressive},
                     {"suffix", printable(o.suffix)}};
    if (o.resize)
      out["resize"] = {{"width", o.resize->width},
                       {"height", o.resize->height},
                       {"mode", to_string(o.resize->mode)},
                       {"upscale", o.resize->upscale}};
    outputs.emplace_back(std::move(out));
  }
  return {{"outputs", std::move(outputs)},
          {"orient", to_string(spec.orient)},
          {"metadata", to_string(spec.metadata)},
          {"icc", to_string(spec.icc)},
          {"background", to_string(spec.background)},
          {"animation", to_string(spec.animation)},
          {"strictness", to_string(spec.strict)},
          {"on_loss", losses_of(spec.fail_on)},
          {"collision", to_string(spec.collision)},
          {"existing", to_string(spec.existing)},
          {"min_saving_percent", spec.min_saving_percent}};
}

struct data_of {
  json::object operator()(const batch_created& e) const {
    return {{"owner", printable(e.owner)}, {"name", printable(e.name)},
            {"spec", spec_object(e.spec)}, {"priority", e.priority},
            {"keep_open", e.keep_open},    {"max_failed", e.max_failed}};
  }
  json::object operator()(const files_added& e) const {
    return {{"first", e.first}, {"count", e.entries.size()}};
  }
  json::object operator()(const batch_started& e) const { return {{"sealed", e.sealed}}; }
  json::object operator()(const batch_paused& e) const { return {{"mode", to_string(e.mode)}}; }
  json::object operator()(const batch_cancelled& e) const {
    return {{"reason", printable(e.reason)}};
  }
  json::object operator()(const batch_finished& e) const { return {{"state", to_string(e.phase)}}; }
  json::object operator()(const batch_retried& e) const { return {{"files", numbers(e.files)}}; }
  json::object operator()(const priority_changed& e) const { return {{"priority", e.priority}}; }
  json::object operator()(const spec_changed& e) const { return {{"spec", spec_object(e.spec)}}; }
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

std::string spec_json(const conversion_spec& spec) {
  return json::serialize(spec_object(spec));
}

std::string file_json(const persistence::file_record& file, file_status status) {
  json::object row{{"index", file.index},
                   {"path", printable(file.entry.path)},
                   {"state", to_string(status)},
                   {"bytes_in", file.entry.bytes}};
  if (const auto* done = std::get_if<file_completed>(&file.result)) {
    row["attempts"] = done->attempt;
    row["ms"] = done->wall_ms;
    row["width"] = done->width;
    row["height"] = done->height;
    row["losses"] = losses_of(done->losses);
    row["extension_mismatch"] = done->extension_mismatch;
    row["outputs"] = outputs_of(done->outputs, &file.entry.outputs);
  } else if (const auto* failed = std::get_if<file_failed>(&file.result)) {
    row["attempts"] = failed->attempt;
    row["reason"] = to_string(failed->reason);
    row["detail"] = printable(failed->detail);
  }
  return json::serialize(row);
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

std::string info_json(const std::string& path, const codecs::image_info& info) {
  return json::serialize(json::object{{"path", printable(path)},
                                      {"format", info.format},
                                      {"width", info.width},
                                      {"height", info.height},
                                      {"upright_width", info.upright_width()},
                                      {"upright_height", info.upright_height()},
                                      {"channels", info.channels},
                                      {"depth", info.depth},
                                      {"orientation", info.orientation},
                                      {"frames", info.frames},
                                      {"alpha", info.alpha},
                                      {"progressive", info.progressive},
                                      {"lossless", info.lossless},
                                      {"cmyk", info.cmyk},
                                      {"icc_bytes", info.icc_bytes},
                                      {"exif_bytes", info.exif_bytes},
                                      {"xmp_bytes", info.xmp_bytes}});
}

} // namespace darkroom::app
