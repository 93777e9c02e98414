// How events look: as JSON in feeds and dumps, as sentences in activity logs.
#pragma once

#include "actors/interfaces.hpp"
#include "actors/node_board.hpp"
#include "actors/slot_board.hpp"
#include "persistence/read_view.hpp"

#include <string>

namespace darkroom::http {

// One line, without the newline: {"seq", "prev", "ts", "type", "batch", "file", "data"}. `path`: of
// the event's file, if it has one.
std::string event_json(const persistence::journaled_event& e, const std::string* path);
// With the path that the journal knows; without a journal, or when it cannot be read, without.
std::string event_json(const persistence::journaled_event& e,
                       const std::shared_ptr<const persistence::read_view>& journal);
// When, which, and what a person reads of it; one line.
std::string event_line(const persistence::journaled_event& e,
                       const persistence::read_view& journal);

// Events without a seq, which only the newest of each kind is worth something of.
std::string file_progress_json(const actors::slot_activity& slot, std::int64_t now_us);
std::string batch_progress_json(const actors::batch_view& batch, std::int64_t now_us);
// How a machine is, for admins.
std::string node_json(const actors::node_row& node, std::int64_t now_us);
// `ahead`: files that wait and will be started before the batch's next.
std::string queue_position_json(const actors::queue_place& place, std::int64_t now_us);

} // namespace darkroom::http
