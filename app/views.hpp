// How events, files and headers look as JSON.
#pragma once

#include "codecs/format.hpp"
#include "persistence/records.hpp"

#include <string>

namespace darkroom::app {

// One line, without the newline: {"seq", "prev", "ts", "type", "batch", "file", "data"}. `path`: of
// the event's file, if it has one.
std::string event_json(const persistence::journaled_event& e, const std::string* path);

// One row of a report.
std::string file_json(const persistence::file_record& file, domain::file_status status);
std::string file_csv(const persistence::file_record& file, domain::file_status status);
std::string csv_header();

std::string info_json(const std::string& path, const codecs::image_info& info);
std::string spec_json(const domain::conversion_spec& spec);

} // namespace darkroom::app
