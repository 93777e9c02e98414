#include "http/spec_json.hpp"

#include "http/field_json.hpp"
#include "http/file_path.hpp"

#include <boost/json.hpp>

namespace darkroom::http {

namespace json = boost::json;
using namespace darkroom::domain;

namespace {

// What the descriptions of the fields do not say: which formats there are, and what a name may
// hold.
void check_output(const output_spec& output, const std::string& at, output_formats formats,
                  std::vector<field_error>& errors) {
  if (!output.format.empty() && find_format(formats, output.format) == nullptr)
    errors.push_back(
        {at + "/format", problem_code::invalid_value, "is none of the formats in /v1/formats"});
  if (!output.suffix.empty() && !check_file_path("a" + output.suffix))
    errors.push_back({at + "/suffix", problem_code::invalid_value, "is part of a file name"});
}

} // namespace

conversion_spec read_spec(const json::object& from, const std::string& at, output_formats formats,
                          std::vector<field_error>& errors) {
  conversion_spec spec;
  const auto before = errors.size();
  object_reader r(from, at, errors);
  for_each_field(spec, field_reader(r, errors));
  r.finish();
  for (std::size_t i = 0; i < spec.outputs.size(); ++i)
    check_output(spec.outputs[i], at + "/outputs/" + std::to_string(i), formats, errors);
  if (errors.size() != before) return spec;
  auto ok = validate(spec);
  if (ok) ok = check_formats(spec, formats);
  if (!ok)
    errors.push_back({at + ok.error().pointer, problem_code::invalid_value, ok.error().detail});
  return spec;
}

json::object spec_view(const conversion_spec& spec) {
  json::object view;
  for_each_field(spec, field_writer(view));
  return view;
}

} // namespace darkroom::http
