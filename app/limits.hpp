// Limits of the commands and of the client. Units come last in the name.
#pragma once

#include "base/units.hpp"
#include "persistence/limits.hpp"

#include <cstddef>
#include <cstdint>

namespace darkroom::limits {

// The secret with which the log names users: as long as the hash that it is for.
inline constexpr std::size_t log_key_bytes = 32;

// Lines of the log that wait to be written: some 2 MiB, and several seconds of a busy server.
inline constexpr std::size_t log_queue_lines = 4'096;
inline constexpr int log_look_ms = 100;            // whether a pipe has room again
inline constexpr std::uint32_t log_close_ms = 500; // for a reader, at the end

// The client.
inline constexpr std::uint32_t client_tries_max = 30;
inline constexpr std::uint32_t client_retry_ms = 1'000;
inline constexpr std::uint32_t client_retry_least_ms = 250, client_retry_most_ms = 15'000;
inline constexpr std::uint32_t client_connect_ms = 10'000;
inline constexpr std::uint32_t client_idle_ms = 60'000; // without a word of the server
inline constexpr std::size_t client_message_bytes_max = 16 * MiB;

// Workers that join a server again.
inline constexpr std::uint32_t worker_retry_first_ms = 100, worker_retry_most_ms = 5'000;

// How often the server looks whether the folders of its data are still there: a client is told
// within a second, and a look takes some microseconds.
inline constexpr std::uint32_t place_watch_ms = 500;

// How often blobs and codec hosts are probed: each result is younger than `health_stale_ms`. A
// probe of blobs is one small sync, one of hosts a fork.
inline constexpr std::uint32_t blob_probe_ms = 1'500;
inline constexpr std::uint32_t host_probe_ms = 3'000;

// How often a server measures its own memory, which takes some microseconds, and the processor time
// of its 40 threads. That takes up to a millisecond: it is done only when the process has used
// `file_work_look_us` since the last time.
inline constexpr std::uint32_t server_look_ms = 1'000;
inline constexpr std::int64_t file_work_look_us = 50'000;
// Blocks of so many bytes are mappings of the server, which are gone when they are freed; malloc's
// own limit grows with what is freed, and large blocks then leave gaps among small ones. RocksDB's
// write buffers are of such blocks. The state of a million files is smaller: to map that for each
// copy took a second of some requests.
inline constexpr int malloc_mapped_block_bytes = 1'024 * 1'024;
// What the server's memory grows before freed pages are given back, which takes some milliseconds.
inline constexpr std::uint64_t memory_trim_growth_bytes = 4 * MiB;

// Read rate of the scrubber, low enough for any disk: 26 TB in 30 days.
inline constexpr std::uint64_t scrub_bytes_per_s = 10 * MiB;
inline constexpr std::uint32_t scrub_look_ms = 10'000; // whether the next folder is due

// How often drafts that have expired are looked for: a look reads the summary of every batch.
inline constexpr std::uint32_t draft_look_ms = 600'000;

// Whether the disk is full, and what was set aside old: a look is one statvfs and one short list.
inline constexpr std::uint32_t set_aside_look_ms = 5'000;

// Shutdown deadline after the first signal (15 s for running files, 5 s for actors), and after a
// second one.
inline constexpr std::uint32_t shutdown_ms = 20'000, shutdown_hurry_ms = 5'000;
// For the log to take the last line before a shutdown that hangs is cut.
inline constexpr std::uint32_t last_word_ms = 1'000;
static_assert(last_word_ms > log_close_ms);

// What a server needs of descriptors beside those of connections: sockets, timers and locks of its
// own (24 when idle), the tables and logs of its journal (up to 128, of which a small journal has a
// few), and for each codec host five descriptors, a source and some outputs.
inline constexpr std::size_t own_descriptors = 192 + unsynced_files_max,
                             own_descriptors_least = 32 + unsynced_files_max;
inline constexpr std::size_t slot_descriptors = 8;
// A connection and the file that it reads or writes.
inline constexpr std::size_t connection_descriptors = 2;
// With fewer, a page and its feed would not even serve two users.
inline constexpr std::size_t connections_least = 8;
// Threads beside those of slots and of HTTP: main, signals, CAF, the journal, upkeep and probes
// (21 were counted), and some for what begins later, as a backup.
inline constexpr std::size_t own_threads = 32, cluster_threads = 8;
// Processes: a codec host for each slot, one for previews, one for headers, and one that is probed.
inline constexpr std::size_t other_hosts = 3;
// Threads that are only counted.
inline constexpr std::size_t trial_stack_bytes = 64 * KiB;
inline constexpr std::uint32_t trial_end_ms = 200;
// The main thread of a codec host; libraries need some 100 KiB.
inline constexpr std::size_t stack_min_bytes = 512 * KiB;
// Of a codec host with the largest image that a setting allows, and of the server.
inline constexpr std::uint64_t address_space_enough_bytes = 8 * GiB;

// What commands print.
inline constexpr std::uint32_t display_refresh_ms = 100;
inline constexpr std::uint32_t backup_poll_ms = 250;
inline constexpr std::size_t damage_sentences_shown_max = 10;
inline constexpr std::size_t skipped_files_shown_max = 20; // a screen; reports list all

// What --dry-run converts to know what the others take: three files of a kind bound its error to
// about a fifth, and few seconds are what one waits for a preview of a long run.
inline constexpr std::size_t sample_files = 3; // of each kind
inline constexpr std::uint32_t sample_ms = 5'000;

} // namespace darkroom::limits
