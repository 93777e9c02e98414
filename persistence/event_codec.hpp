// Between the domain and the bytes of the journal (journal.proto). Decoding checks everything that
// the domain relies on: bytes from a disk may be anything.
#pragma once

#include "persistence/records.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace darkroom::persistence {

std::string encode_event(const domain::event& fact, domain::seq prev, std::int64_t time_us);
// Fills all but batch and seq, which are in the key.
std::optional<journaled_event> decode_event(std::string_view bytes);

// What is kept of a deleted batch: its id, and its last event.
std::optional<journaled_event> decode_deletion(std::string_view bytes);

std::string encode_entry(const domain::file_entry& entry);
std::optional<domain::file_entry> decode_entry(std::string_view bytes);

// Empty when the event is no result of a file.
std::string encode_outcome(const domain::event& fact, domain::seq seq);
std::optional<positioned_outcome> decode_outcome(std::string_view bytes);

std::string encode_snapshot(const domain::batch_state& state, domain::seq seq,
                            domain::seq command_seq);
std::optional<positioned_state> decode_snapshot(std::string_view bytes);

std::string encode_summary(const batch_summary& summary);
std::optional<batch_summary> decode_summary(std::string_view bytes);

} // namespace darkroom::persistence
