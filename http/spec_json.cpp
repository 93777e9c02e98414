#include "http/spec_json.hpp"

#include "domain/limits.hpp"
#include "domain/text.hpp"
#include "http/file_path.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace darkroom::http {

namespace json = boost::json;
using namespace darkroom::domain;

namespace {

void read_resize(const json::object& from, const std::string& at, output_spec& to,
                 std::vector<field_error>& errors) {
  object_reader r(from, at, errors);
  auto& resize = to.resize.emplace();
  r.number("width", resize.width, 0, limits::side_pixels_max);
  r.number("height", resize.height, 0, limits::side_pixels_max);
  r.one_of("mode", resize.mode, parse_resize_mode);
  r.boolean("upscale", resize.upscale);
  r.finish();
}

void read_output(const json::object& from, const std::string& at, output_spec& to,
                 const std::vector<std::string>& formats, std::vector<field_error>& errors) {
  object_reader r(from, at, errors);
  r.text("format", to.format, 16);
  if (!to.format.empty() && std::ranges::find(formats, to.format) == formats.end())
    r.wrong("format", problem_code::invalid_value, "is none of the formats in /v1/formats");
  r.number("quality", to.quality, 0, 100);
  r.boolean("lossless", to.lossless);
  r.number("effort", to.effort, 0, limits::effort_max);
  r.one_of("chroma", to.chroma, parse_chroma_subsampling);
  r.boolean("progressive", to.progressive);
  r.text("suffix", to.suffix, limits::suffix_bytes_max);
  if (!to.suffix.empty() && !check_file_path("a" + to.suffix))
    r.wrong("suffix", problem_code::invalid_value, "is part of a file name");
  if (const auto* resize = r.object("resize"))
    read_resize(*resize, r.pointer_to("resize"), to, errors);
  r.finish();
}

void read_losses(object_reader& r, loss_set& to, std::vector<field_error>& errors) {
  const auto* on_loss = r.object("on_loss");
  if (on_loss == nullptr) return;
  for (const auto& [key, value] : *on_loss) {
    const std::string_view name(key.data(), key.size());
    const auto known = parse_loss(name);
    const bool fails = value.is_string() && value.get_string() == "fail";
    if (!known || !(fails || (value.is_string() && value.get_string() == "allow")))
      errors.push_back({r.pointer_to("on_loss") + '/' + std::string{name},
                        known ? problem_code::invalid_value : problem_code::unknown_field,
                        known ? "is \"fail\" or \"allow\"" : "there is no such loss"});
    else if (fails)
      to.add(*known);
  }
}

} // namespace

conversion_spec read_spec(const json::object& from, const std::string& at,
                          const std::vector<std::string>& formats,
                          std::vector<field_error>& errors) {
  conversion_spec spec;
  object_reader r(from, at, errors);
  const auto before = errors.size();
  if (const auto* outputs = r.array("outputs")) {
    for (std::size_t i = 0; i < outputs->size() && i < limits::outputs_max; ++i) {
      const auto place = r.pointer_to("outputs") + '/' + std::to_string(i);
      if (const auto* output = (*outputs)[i].if_object())
        read_output(*output, place, spec.outputs.emplace_back(), formats, errors);
      else
        errors.push_back({place, problem_code::invalid_value, "must be an object"});
    }
    if (outputs->size() > limits::outputs_max)
      r.wrong("outputs", problem_code::invalid_value,
              "has at most " + std::to_string(limits::outputs_max) + " outputs");
  }
  r.one_of("orient", spec.orient, parse_orient_policy);
  r.one_of("metadata", spec.metadata, parse_metadata_policy);
  r.one_of("icc", spec.icc, parse_icc_policy);
  r.one_of("background", spec.background, parse_colour);
  r.one_of("animation", spec.animation, parse_animation_policy);
  r.one_of("strictness", spec.strict, parse_strictness);
  r.one_of("collision", spec.collision, parse_collision_policy);
  r.one_of("existing", spec.existing, parse_existing_policy);
  r.number("min_saving_percent", spec.min_saving_percent, 0, 99);
  read_losses(r, spec.fail_on, errors);
  r.finish();
  if (errors.size() == before)
    if (const auto ok = validate(spec); !ok)
      errors.push_back({at + ok.error().pointer, problem_code::invalid_value, ok.error().detail});
  return spec;
}

json::object spec_view(const conversion_spec& spec) {
  json::object on_loss;
  for (const auto l : spec.fail_on.list())
    on_loss[to_string(l)] = "fail";
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
          {"on_loss", std::move(on_loss)},
          {"collision", to_string(spec.collision)},
          {"existing", to_string(spec.existing)},
          {"min_saving_percent", spec.min_saving_percent}};
}

} // namespace darkroom::http
