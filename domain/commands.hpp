// What may be asked of a batch: imperatives. `decide` turns one into events or refuses it.
#pragma once

#include "domain/events.hpp"

namespace darkroom::domain {

// --- From people ------------------------------------------------------------------------------
struct create_batch : batch_attributes {
  std::string owner;
  conversion_spec spec;
  std::string idempotency_key;
  std::array<std::uint8_t, 32> request_sha256{};
};
struct add_files {
  std::vector<file_entry> entries; // outputs already planned, at most `files_per_event_max`
};
struct remove_file {
  file_index index = 0;
  file_entry entry; // as it was added
};
struct start_batch {
  bool keep_open = false;
};
struct seal_batch {};
struct pause_batch {
  pause_mode mode = pause_mode::drain;
};
struct resume_batch {};
struct cancel_batch {
  std::string reason;
};
enum class retry_scope : std::uint8_t { failed, cancelled, files };

} // namespace darkroom::domain

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::domain::retry_scope> =
    names("failed", "cancelled", "files");

namespace darkroom::domain {

struct retry_batch {
  retry_scope scope = retry_scope::failed;
  std::vector<file_index> files;       // with scope `files`
  std::vector<failure_reason> reasons; // nonempty: only files that failed so
};
struct change_priority {
  std::uint8_t priority = 0;
};
struct change_spec {
  conversion_spec spec;
  std::vector<replanned_file> files; // those whose outputs get other names; none that has completed
  bool names_follow = false;         // these are too many: `replan_files` names them afterwards
};

struct change_details {
  std::optional<std::string> name;
  std::optional<std::vector<std::string>> tags;
};
struct delete_batch {
  bool cancel = false; // also one that has not ended
};

// --- From the machinery -----------------------------------------------------------------------
// The work begins again from the journal.
struct recover_batch {
  bool process_survived = false;
};
// The names of the files that a changed spec left without, in order.
struct replan_files {
  file_index first = 0, next = 0; // from this one on, up to before that one
  std::vector<replanned_file> files;
};
struct start_file {
  file_index index = 0;
  lease_id lease = 0;
  std::string node;
};
struct complete_file {
  lease_id lease = 0;
  file_completed result; // its attempt is filled in by `decide`
};
struct fail_file {
  file_index index = 0;
  lease_id lease = 0; // 0: failed before it was started (a bad header, say)
  failure_reason reason = failure_reason::internal;
  std::string detail;
  std::uint32_t chance = 0; // 0 to 65,535: where in the jitter the next attempt falls
};
struct requeue_file {
  file_index index = 0;
};
struct interrupt_file {
  file_index index = 0;
  interruption cause = interruption::paused;
};

using command =
    std::variant<create_batch, add_files, remove_file, start_batch, seal_batch, pause_batch,
                 resume_batch, cancel_batch, retry_batch, change_priority, change_spec,
                 recover_batch, start_file, complete_file, fail_file, requeue_file, interrupt_file,
                 change_details, delete_batch, replan_files>;

// `pause_batch` → "pause": the word that people use for the command.
std::string_view name_of(const command& c);

} // namespace darkroom::domain
