// What happened to a batch: facts, in the past tense. They are all that the journal keeps of a
// batch; times, ids and chance are inside them, so that replay needs nothing else.
#pragma once

#include "domain/batch_attributes.hpp"
#include "domain/conversion_spec.hpp"
#include "domain/failure_reason.hpp"
#include "domain/ids.hpp"
#include "domain/loss.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace darkroom::domain {

// The numbers of these enums are stored in journals: never renumber, only append.
enum class batch_phase : std::uint8_t {
  absent, // no such batch yet
  draft,
  running,
  paused,
  completed,
  completed_with_errors,
  failed,
  cancelled,
  deleted, // nothing of it is kept
};

enum class pause_mode : std::uint8_t {
  drain,     // files in flight finish
  interrupt, // files in flight are given back
};

enum class interruption : std::uint8_t {
  paused,         // by a pause that interrupts
  shutdown,       // the process ended in order
  converter_lost, // the actor that ran it died
  node_lost,      // the machine that ran it was lost
  disk_full,      // no room for its output
  memory_raised,  // it needs more memory than was predicted, and gets it
  not_begun,      // its machine gave it back, or was lost, before it had begun with it
  host_killed,    // its codec host was killed or stopped from outside; the next time it runs alone
  store_unavailable, // its input could not be read, or its output written, while all stored files
                     // could not
};

} // namespace darkroom::domain

namespace darkroom {

template<>
inline constexpr auto base::enum_names<domain::batch_phase> =
    names("absent", "draft", "running", "paused", "completed", "completed_with_errors", "failed",
          "cancelled", "deleted");
template<>
inline constexpr auto base::enum_names<domain::pause_mode> = names("drain", "interrupt");
template<>
inline constexpr auto base::enum_names<domain::interruption> =
    names("paused", "shutdown", "converter_lost", "node_lost", "disk_full", "memory_raised",
          "not_begun", "host_killed", "store_unavailable");

} // namespace darkroom

namespace darkroom::domain {

bool is_terminal(batch_phase phase);

// A file as it was added.
struct file_entry {
  std::string path;   // relative, slash-separated: the name that people see
  std::string source; // where its bytes are: an absolute path, or a blob's digest
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;     // since the Unix epoch; 0 where the source cannot change
  std::vector<std::string> outputs; // planned output paths, one per output of the spec
  bool replaces = false;            // what lies at the outputs now is ours, of an earlier run
  bool operator==(const file_entry&) const = default;
};

// One output as it was written.
struct output_record {
  std::uint64_t bytes = 0;
  std::array<std::uint8_t, 32> sha256{};
  std::uint32_t width = 0, height = 0; // pixels
  std::uint32_t crc32 = 0;             // as in a ZIP file
  bool operator==(const output_record&) const = default;
};

struct batch_created : batch_attributes {
  std::string owner;
  conversion_spec spec;
  // What the client named its request, so that the same request makes no second batch.
  std::string idempotency_key;
  std::array<std::uint8_t, 32> request_sha256{};
  bool operator==(const batch_created&) const = default;
};
struct files_added {
  file_index first = 0;
  std::vector<file_entry> entries;
  bool operator==(const files_added&) const = default;
};
struct file_removed {
  file_index index = 0;
  std::uint64_t bytes = 0; // as it was added
  std::string path;        // empty in journals of earlier versions
  bool operator==(const file_removed&) const = default;
};
struct batch_started {
  bool sealed = false; // whether the batch takes no more files
  bool operator==(const batch_started&) const = default;
};
struct batch_sealed {
  bool operator==(const batch_sealed&) const = default;
};
struct batch_paused {
  pause_mode mode = pause_mode::drain;
  bool operator==(const batch_paused&) const = default;
};
struct batch_resumed {
  bool operator==(const batch_resumed&) const = default;
};
// `spared` files had an accepted result when the batch ended: they still complete.
struct batch_cancelled {
  std::string reason;
  std::vector<file_index> spared;
  bool operator==(const batch_cancelled&) const = default;
};
// Nothing is left to run, or too much has failed: then what had not ended is cancelled.
struct batch_finished {
  batch_phase phase = batch_phase::completed;
  std::vector<file_index> spared;
  bool operator==(const batch_finished&) const = default;
};
struct batch_retried {
  std::vector<file_index> files; // failed or cancelled before, queued now
  bool operator==(const batch_retried&) const = default;
};
struct priority_changed {
  std::uint8_t priority = 0;
  bool operator==(const priority_changed&) const = default;
};
struct replanned_file {
  file_index index = 0;
  std::vector<std::string> outputs;
  bool operator==(const replanned_file&) const = default;
};
// The spec of all files that have not completed, with their newly planned outputs.
struct spec_changed {
  conversion_spec spec;
  std::vector<replanned_file> files;
  // The files are too many for one event: none of them is named here, and each waits for a
  // `files_replanned` that names it.
  bool names_follow = false;
  bool operator==(const spec_changed&) const = default;
};
// The work began again from the journal: what was running was interrupted and is queued again.
struct batch_recovered {
  std::vector<file_index> interrupted;
  // The process lived on, only its journal had failed: no file is suspected of anything.
  bool process_survived = false;
  bool operator==(const batch_recovered&) const = default;
};

// Of the files from `first` on, up to before `next`, all that have not completed have new outputs.
struct files_replanned {
  file_index first = 0, next = 0;
  std::vector<replanned_file> files;
  bool operator==(const files_replanned&) const = default;
};

// Its name and tags: for people, and without effect on the work.
struct details_changed {
  std::string name;
  std::vector<std::string> tags;
  bool operator==(const details_changed&) const = default;
};
// Everything about the batch is removed; what had not ended is cancelled.
struct batch_deleted {
  bool operator==(const batch_deleted&) const = default;
};

// How long the steps of one conversion took, in microseconds.
struct stage_times {
  std::uint32_t probe_us = 0;   // until the header was read
  std::uint32_t wait_us = 0;    // for a free slot
  std::uint32_t convert_us = 0; // decode, transform, encode
  std::uint32_t store_us = 0;   // until the outputs were on disk
  bool operator==(const stage_times&) const = default;
};

struct file_started {
  file_index index = 0;
  std::uint32_t attempt = 1; // from 1
  lease_id lease = 0;
  std::string node;
  bool operator==(const file_started&) const = default;
};
struct file_completed {
  file_index index = 0;
  std::uint32_t attempt = 1;
  std::vector<output_record> outputs; // in the order of the spec
  loss_set losses;
  bool extension_mismatch = false;     // the file's name says another format than its bytes
  std::uint32_t width = 0, height = 0; // of the source, upright, in pixels
  std::uint64_t bytes_in = 0;
  std::uint32_t wall_ms = 0;
  stage_times stages;
  // How much of a picture that ended too early arrived; 0: all of it, or not known.
  std::uint8_t arrived_percent = 0;
  bool operator==(const file_completed&) const = default;
};
struct file_failed {
  file_index index = 0;
  std::uint32_t attempt = 1;
  failure_reason reason = failure_reason::internal;
  std::string detail;
  bool operator==(const file_failed&) const = default;
};
struct file_retry_scheduled {
  file_index index = 0;
  std::uint32_t attempt = 1; // the one that failed
  failure_reason reason = failure_reason::internal;
  std::string detail;
  std::uint32_t delay_ms = 0;
  bool operator==(const file_retry_scheduled&) const = default;
};
struct file_requeued {
  file_index index = 0; // its wait is over
  bool operator==(const file_requeued&) const = default;
};
// An attempt ended without a fault of the file: it is queued again, the attempt given back.
struct file_interrupted {
  file_index index = 0;
  interruption cause = interruption::paused;
  bool operator==(const file_interrupted&) const = default;
};

using event =
    std::variant<batch_created, files_added, file_removed, batch_started, batch_sealed,
                 batch_paused, batch_resumed, batch_cancelled, batch_finished, batch_retried,
                 priority_changed, spec_changed, batch_recovered, file_started, file_completed,
                 file_failed, file_retry_scheduled, file_requeued, file_interrupted,
                 details_changed, batch_deleted, files_replanned>;

// About how many bytes a file takes in an event that lists it with its names.
std::size_t event_bytes_of(const file_entry& file);
std::size_t event_bytes_of(const replanned_file& file);

// What there is to say of its losses beside their names, for people; may be empty.
std::string detail_of(const file_completed& done);

// `file_completed` and so on: the name that feeds and reports show.
std::string_view name_of(const event& e);

// Whether somebody asked for it, and it is about the batch rather than its files: what a client
// that changes a batch must have seen.
bool is_command_event(const event& e);

// The file that the event is about, if it is about exactly one.
std::optional<file_index> file_of(const event& e);

// About what it takes to replay it: 1, or one for each file that it has a part for.
std::size_t replay_cost(const event& e);

} // namespace darkroom::domain
