// The state of one batch: a fold over its events. A million files are a million bytes of state:
// one byte a file, another one when files fail, and a little more only for files that run, wait or
// have a history.
#pragma once

#include "base/result.hpp"
#include "domain/commands.hpp"
#include "domain/events.hpp"
#include "domain/failure_reasons.hpp"

#include <map>
#include <set>
#include <span>

namespace darkroom::domain {

// The numbers are stored in journals: never renumber, only append.
enum class file_status : std::uint8_t {
  queued,     // ready to run
  running,    // has a lease
  retry_wait, // an attempt failed in passing; runs again when its wait is over
  completed,
  failed,
  cancelled,
  removed, // taken out of the draft; counts nowhere
};

} // namespace darkroom::domain

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::domain::file_status> =
    names("queued", "running", "retry_wait", "completed", "failed", "cancelled", "removed");

namespace darkroom::domain {

inline bool is_terminal(file_status s) {
  return s >= file_status::completed;
}

// What is known of a file that has run and has not ended.
struct file_history {
  std::uint32_t attempts = 0;   // begun and not given back
  std::uint32_t crashes = 0;    // times it was running when the process died
  std::uint32_t nodes_lost = 0; // in a row
  lease_id lease = 0;           // while running
  bool elsewhere = false;       // on another machine: then it did not bring this process down
  bool operator==(const file_history&) const = default;
};

using status_counts = std::array<std::uint32_t, base::enum_count<file_status>>;

struct batch_state : batch_attributes {
  batch_phase phase = batch_phase::absent;
  bool sealed = false;
  std::string owner;
  conversion_spec spec;
  std::vector<file_status> files; // by index
  status_counts counts{};
  std::map<file_index, file_history> histories;
  failure_reasons failures; // of failed files, so that a retry can choose by reason
  std::uint64_t bytes_in = 0, bytes_out = 0; // of completed files
  std::uint64_t bytes_added = 0;             // of all files
  std::uint64_t pixels = 0;                  // of the sources of completed files
  std::vector<std::uint32_t> present;        // by companion that is required: files that match
  // Of these files, from the first up to before the second, those that have not completed still
  // have the names that an earlier spec gave them. Such a file does not run.
  file_index unplanned_from = 0, unplanned_upto = 0;

  // Files whose result was accepted and is being written: pause and cancel pass them by. Working
  // knowledge of the live process only; not part of what replay gives back.
  std::set<file_index> finishing;

  std::uint32_t count(file_status s) const { return counts[static_cast<std::size_t>(s)]; }
  // Files that count: all but the removed.
  std::uint32_t total() const;
  // Files that have not ended.
  std::uint32_t open() const;
  bool awaits_names(file_index i) const {
    return i >= unplanned_from && i < unplanned_upto && files[i] != file_status::completed;
  }
  // Equal but for `finishing`.
  bool same_facts(const batch_state& other) const;
};

// Counts a file that comes (or goes) among those that the batch requires.
void count_companions(const batch_state& state, std::string_view path, bool comes,
                      std::vector<std::uint32_t>& present);

enum class illegal : std::uint8_t {
  no_such_file,
  wrong_state, // the batch or the file is not where the event could happen
  wrong_order, // files were added out of order
};

// Called as `domain::apply`: argument lookup would find `std::apply` for a variant.
// Changes the state by one event. Pure: the same for live work and for replay. An event that
// cannot have happened in this state changes nothing and is reported: the journal is damaged.
base::result<void, illegal> apply(batch_state& state, const event& e);

enum class refusal_code : std::uint8_t {
  wrong_state,  // not in this state; `allowed` says what is
  no_files,     // an empty batch would be sealed
  batch_sealed, // takes no more files
  too_many_files,
  invalid_spec,
  invalid_files,     // names files that do not exist, or that have completed
  stale_result,      // of an attempt that is no longer the current one
  missing_companion, // not all files are there that the batch requires
};

} // namespace darkroom::domain

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::domain::refusal_code> =
    names("wrong_state", "no_files", "batch_sealed", "too_many_files", "invalid_spec",
          "invalid_files", "stale_result", "missing_companion");

namespace darkroom::domain {

struct refusal {
  refusal_code code = refusal_code::wrong_state;
  std::string detail;
  std::vector<std::string_view> allowed; // commands that people may give now
};

// What a command leads to. An empty list: it is already so. Pure; changes nothing.
base::result<std::vector<event>, refusal> decide(const batch_state& state, const command& c);

// What follows by itself from the state: the end of a batch with nothing left to run.
std::vector<event> follow_up(const batch_state& state);

// Decides, applies what was decided and what follows, and returns it all in order.
base::result<std::vector<event>, refusal> execute(batch_state& state, const command& c);

// The commands that people may give in this state, by name.
std::vector<std::string_view> allowed_commands(const batch_state& state);

// Delay of the attempt after the `attempts`-th, with jitter: `retry_base_ms`·2ⁿ ± 25 %.
std::uint32_t retry_delay_ms(std::uint32_t attempts, std::uint32_t chance);

} // namespace darkroom::domain
