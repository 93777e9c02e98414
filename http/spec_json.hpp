// A conversion spec as JSON, both ways.
#pragma once

#include "domain/conversion_spec.hpp"
#include "domain/output_format.hpp"
#include "http/json_body.hpp"

namespace darkroom::http {

// `formats`: those that can be written. What is wrong is added to `errors`.
domain::conversion_spec read_spec(const boost::json::object& from, const std::string& pointer,
                                  domain::output_formats formats, std::vector<field_error>& errors);

boost::json::object spec_view(const domain::conversion_spec& spec);

} // namespace darkroom::http
