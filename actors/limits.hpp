// Limits of the actors on this machine. Units come last in the name.
#pragma once

#include "base/units.hpp"
#include "codecs/limits.hpp"
#include "config/limits.hpp"
#include "domain/limits.hpp"

#include <cstddef>
#include <cstdint>

namespace darkroom::limits {

// Memory budget.
inline constexpr std::uint64_t memory_main_bytes = 80 * MiB; // main process and zygote, at least
// What they may grow until they are measured again, and the zygote.
inline constexpr std::uint64_t memory_main_growth_bytes = 16 * MiB;
inline constexpr std::uint64_t memory_idle_host_bytes = 6 * MiB;
// Hosts that are ready for a slot whose owner changes, beside those of the slots: a machine of many
// cores changes owners no more often than it starts hosts.
inline constexpr std::size_t ready_hosts_max = 8;
inline constexpr std::uint64_t memory_ready_hosts_share = 16;     // of what leases may take
inline constexpr std::uint64_t memory_lease_min_bytes = 16 * MiB; // for one small picture
// Kept for the preview host: enough for the whole of a photo with 24 megapixels, and at most this
// part of what leases may take.
inline constexpr std::uint64_t memory_previews_max_bytes = 112 * MiB;
inline constexpr std::uint64_t memory_previews_share = 8;
// How long smaller requests may pass one that does not fit; afterwards memory is reserved for it.
inline constexpr std::uint32_t memory_overtake_ms = 2'000;
inline constexpr std::uint32_t settle_look_ms = 5; // about a sync, before or after a file alone

// Turns of users in a slot, in processor time. Each user who waits gets one in every round, so in
// ten seconds nobody is farther from the others than a small part of what all get. A new host for a
// user costs a few milliseconds: at most about a tenth of a quantum.
inline constexpr std::uint64_t quantum_min_us = 20'000, quantum_max_us = 250'000;
inline constexpr std::uint64_t quantum_round_us = 300'000;
// A turn also ends after this many times its quantum on the clock: files that wait for a disk use
// no processor time, and would keep others from the slot. Hosts are niced, and beside one busy
// process on each core they get a tenth of it: that is no reason to end a turn. Where disks are
// always slower than that, turns are shorter, and hosts are changed more often.
inline constexpr std::uint64_t turn_wall_per_cpu = 12;
// What the server itself takes for a file beside its host (messages, the journal, outputs), until
// that has been measured: 0.8 ms for a small picture on a quick machine, 1.5 ms on a slow one.
inline constexpr std::uint64_t server_file_us = 800;
// So many files that are measured weigh as much as that.
inline constexpr double server_cost_assumed_files = 100;
// The average lies between these. The threads that are measured do other work as well, such as the
// planning of names.
inline constexpr std::uint64_t server_file_least_us = 50, server_file_most_us = 4'000;
// What an earlier measurement weighs with each later one; they are a second apart.
inline constexpr double server_cost_kept_part = 0.9;
// A measurement counts for at most this many times the average.
inline constexpr std::uint64_t server_cost_ratio_max = 3;
// How far what another machine has measured may be from the prediction: it may be slow, or lie.
inline constexpr std::uint64_t measured_ratio_max = 20;

// Codec hosts.
inline constexpr std::uint32_t host_jobs_before_recycling = 500;
inline constexpr std::uint64_t host_idle_bytes_max = 48 * MiB; // resident; above: recycled
inline constexpr std::size_t probes_in_a_row_max = 16;         // of one owner
inline constexpr std::uint32_t preview_ms = 60'000;
// Of processor time, in the preview host: others wait for it.
inline constexpr std::uint32_t preview_cpu_ms = 20'000;
inline constexpr std::uint32_t wall_per_cpu = 4;

// Batches.
// Files in flight of all batches together: each has a converter, about 4 KiB. So many for each slot
// that none waits while headers are read, and so many more that the costliest can go first.
inline constexpr std::uint32_t window_files_per_slot = 4, window_files = 256;
// A batch whose requests have all fitted no machine for so long leaves the window to its user's
// other batches, but for a few files, which show when that has changed. Long enough for its smaller
// files to ask, and for a machine that has lost its link to come back.
inline constexpr std::uint32_t stuck_after_ms = 2'000;
inline constexpr std::uint32_t window_files_stuck = 4;
inline constexpr std::uint32_t stuck_look_ms = 500; // how often that is looked for
// A batch tells how much it has to do when that has changed by this part: some 100 times in its
// life.
inline constexpr std::uint64_t need_told_part = 8;
inline constexpr std::uint32_t disk_full_wait_ms = 2'000;
// How often a batch whose owner's day is used up looks for a new day or a higher quota.
inline constexpr std::uint32_t quota_look_ms = 10'000;
inline constexpr std::uint32_t planning_again_ms = 1'000; // after names could not be planned
// Threads that read, and that plan, names for all batches: a thousand drafts that get files at once
// do not make a thousand threads. A batch that finds none left asks again. Requests wait for a
// reader, but not for a planner.
inline constexpr std::size_t name_readers_max = 16, name_planners_max = 4;
inline constexpr std::uint32_t reading_names_again_ms = 50;
// Where the system had no thread for a slot, that is tried again after so long.
inline constexpr std::uint32_t slot_thread_again_ms = 1'000;
inline constexpr std::uint32_t disk_look_ms = 500;    // how often free room is looked for
inline constexpr std::size_t ended_batches_kept = 32; // in memory, for a retry
// Drafts, and paused or open batches in which nothing runs, stay in memory for so long after their
// last change: while files are being added, their names would be read again for each.
inline constexpr std::uint32_t resting_batch_kept_ms = 60'000;
inline constexpr std::size_t queue_positions_files_max =
    10'000; // looked at for places in the queue

// Time left of a batch. Short enough to follow other batches that come and go, long enough that
// the files of one moment do not decide.
inline constexpr double forecast_memory_ms = 60'000;
inline constexpr double forecast_time_min_ms = 50;  // less is no measurement
inline constexpr std::uint32_t forecast_files = 32; // that tell how long one takes in its slot
inline constexpr double forecast_running_part_max = 0.95; // of a file that has not ended
// Of a slot, on average: it may wait so long for journal and dispatcher, and count as busy.
inline constexpr double forecast_idle_part = 0.25;
// Kinds of conversion that one batch tells apart; further ones count as one.
inline constexpr std::size_t forecast_kinds_max = 64;
inline constexpr double forecast_deviations = 1.64; // nine in ten cases of a normal distribution
// What a machine's speed changes by itself within a batch, and how far the files in the window
// differ from the rest, as a standard deviation: the least that the scenarios of the test need for
// nine in ten.
inline constexpr double forecast_speed_error = 0.1;
inline constexpr double forecast_lost_part_max = 0.9; // of attempts: beyond, nothing is known

// What is learnt of costs. 256 kinds of 100 bytes each; one user's photos have about ten.
inline constexpr std::size_t calibration_kinds_max = 256;
inline constexpr std::size_t calibration_formats_bytes_max = 96; // of the name of a kind
// Files that speak for a ratio: enough for an error of a few percent, and few enough to follow a
// new version or a slower machine within minutes.
inline constexpr double calibration_files = 64;
// After so many files a ratio is written: a kill loses no more.
inline constexpr std::uint32_t calibration_write_files = 16;
// One file that waited for a disk, or whose output is far larger or smaller than others', says
// nothing of them.
inline constexpr double calibration_ratio_max = 20;
// Relative standard deviations of what is not known: of predictions on a processor that was never
// measured, of one picture about the ratio of its kind, and of one kind about others.
inline constexpr double calibration_error_unknown = 0.5;
inline constexpr double calibration_spread_unknown = 0.3;
inline constexpr double calibration_error_other_formats = 0.3;
inline constexpr double calibration_error_other_sizes = 0.15;

// Journal.
inline constexpr std::uint32_t journal_group_events_max = 4'096;
inline constexpr std::uint32_t unsynced_tail_ms = 50;
// How often the journal's witness is synced. After a power failure it may lag by this much, and
// damage to the end of the journal within that time goes undetected.
inline constexpr std::uint32_t witness_sync_ms = 1'000;
inline constexpr std::uint32_t journal_reopen_ms = 1'000;
// Batches at rest that are read at the same time, each by a thread of its own: a large one holds up
// no other, and a thousand drafts that are asked for at once do not make a thousand threads.
inline constexpr std::size_t batch_readers_max = 4;
inline constexpr std::uint32_t purge_retry_ms = 1'000; // while somebody reads the batch
// A slice that fails so often is left to the next start: records that cannot be read would close
// the journal for everybody again and again.
inline constexpr std::uint32_t purge_failures_max = 3;
inline constexpr std::uint32_t forget_old_ms = 3'600'000; // how often old keys are dropped
// A slice of that, and of the walk over all keys after a start; an append waits for no more than
// one. In the walk it takes 0.4 ms of processor time among half a million keys.
inline constexpr std::size_t forget_slice_records = 32;
inline constexpr std::uint32_t forget_pause_ms = 5;
// Adding to the index of changes what an older version has written: a slice takes 2 to 10 ms, and
// an append waits for no more than one.
inline constexpr std::size_t feed_index_slice_events = 1'024;
inline constexpr std::uint32_t feed_index_pause_ms = 5;
inline constexpr std::uint64_t deletions_s = 30 * 24 * 3'600; // feeds can tell of them so long
inline constexpr std::size_t files_per_purge_max = 2'000;     // of a deleted batch, at a time
inline constexpr std::uint64_t idempotency_s = 24 * 3'600;
inline constexpr std::uint32_t subscriber_outbox_events_max = 16'384; // then cut off

// Answers and shutdown.
inline constexpr std::uint32_t ask_ms = 20'000; // for an answer of the actors
inline constexpr std::uint32_t drain_ms = 15'000;
inline constexpr std::uint32_t drain_poll_ms = 20;
inline constexpr std::uint32_t actor_stop_ms = 5'000;
inline constexpr std::uint32_t supervisor_restarts_max = 5; // in the life of the process

static_assert(memory_main_bytes + 2 * memory_idle_host_bytes + probe_memory_bytes +
                  memory_lease_min_bytes <=
              memory_budget_min_bytes);

// A machine that has no room is told of again when it had some for a while; each try takes 5 s.
inline constexpr std::int64_t pause_told_again_us = 60'000'000;

// A file that may have failed because of the store waits so long for the next probe of it, which
// comes within 1.5 s (app/limits.hpp).
inline constexpr std::uint32_t store_verdict_ms = 2'000;

} // namespace darkroom::limits
