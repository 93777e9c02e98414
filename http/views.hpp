// How batches, files and the audit look as JSON.
#pragma once

#include "actors/interfaces.hpp"
#include "persistence/access_records.hpp"
#include "persistence/records.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>

namespace darkroom::http {

boost::json::array losses_array(domain::loss_set losses);
// `paths`: of the outputs, if they are to be shown.
boost::json::array outputs_array(const std::vector<domain::output_record>& outputs,
                                 const std::vector<std::string>* paths);

// Whether all of a running batch stands still: then `waiting_for` is to be found out.
bool is_waiting(const persistence::batch_summary& batch);
// A batch as clients see it.
boost::json::object batch_object(const actors::batch_view& batch);
// What of it changes as files end: counts, bytes, speed, the time that is left.
void add_progress(boost::json::object& out, const actors::batch_view& batch);

// The state of a file, given its record, its batch's state, and what the live batch says (which may
// be older than the record).
domain::file_status status_of(const persistence::file_record& file, domain::batch_phase phase,
                              const actors::file_states* live);
boost::json::object file_object(const persistence::file_record& file, domain::file_status status);

// One line: an entry of the audit.
std::string audit_json(const persistence::audit_entry& entry);

// One row of a report.
std::string file_json(const persistence::file_record& file, domain::file_status status);
std::string file_csv(const persistence::file_record& file, domain::file_status status);
std::string csv_header();
// Rows for what was found and is no file of the batch. `reason`: empty if it is no failure.
struct omitted_row {
  std::string path, state, reason, detail;
  std::uint64_t bytes = 0;
};
std::string omitted_json(const omitted_row& row);
std::string omitted_csv(const omitted_row& row);

} // namespace darkroom::http
