// Limits of the journal, the blob store and backups. Units come last in the name.
#pragma once

#include "base/units.hpp"

#include <cstddef>
#include <cstdint>

namespace darkroom::limits {

// Format 2 has a witness (witness.hpp), without which it is not opened; it is that of servers.
// `convert` keeps no witness, since its sources still exist, and writes format 1.
inline constexpr std::uint32_t journal_format_version = 2;
inline constexpr std::uint32_t journal_format_without_witness = 1;
// RocksDB has up to eight logs of 8 MiB and two manifests here; the witness has room for so many.
inline constexpr std::size_t witness_files_max = 128;
// One is written to while another one is being flushed: both are memory of the server.
inline constexpr std::uint64_t journal_write_buffer_bytes = 8 * MiB;
inline constexpr std::uint64_t journal_block_cache_bytes = 4 * MiB;
// A batch gets a snapshot when what follows the last one takes as much to replay as so many files,
// and as a quarter of its files.
inline constexpr std::uint64_t snapshot_tail_files = 10'000;
// Opening a journal that is in use: its files may change under the reader.
inline constexpr std::uint32_t journal_read_tries_max = 20;
inline constexpr std::uint32_t journal_read_retry_ms = 25;
// What a refused start says of a journal; more would hide what to do about it.
inline constexpr std::size_t missing_sentences_max = 8;
inline constexpr std::size_t salvage_sentences_max = 1'000;
inline constexpr std::uint64_t salvage_seq_margin = 1'000'000; // given out and lost, at most
inline constexpr std::uint32_t backup_format_version = 1;
// Batches whose last events the journal knows without reading them: about 400 KiB. With more that
// are written to by turns, each is read again once in so many appends.
inline constexpr std::size_t last_seqs_max = 4'096;
// Of a deleted batch, cleared away at a time: each is looked up in the index; 10 to 20 ms.
inline constexpr std::size_t events_per_purge_max = 10'000;
// Neighbours whose outcomes are deleted as one range. One deletion for each of a million files
// would take 100 MB of memory; many short ranges make every later read slower.
inline constexpr std::size_t outcomes_per_range_min = 256;
// A sorted list of blobs: 5 MiB in memory while it is made, 20 KiB for each run while it is read.
inline constexpr std::size_t sorted_run_entries = 128 * 1024;
inline constexpr std::size_t sorted_read_entries = 512;
// A backup that is made again verifies so many of the 256 folders of blobs that it has: all of them
// in 16 runs.
inline constexpr unsigned backup_verified_folders = 16;
// From this many blobs on, one sync of the file system is cheaper than one sync each.
inline constexpr std::size_t syncs_shared_min = 8;
// Written outputs that are held open until they are synced, many at once: two groups that share a
// sync. What is written beyond is synced at once, so that descriptors are left for others.
inline constexpr std::uint32_t unsynced_files_max = 2 * syncs_shared_min;
// Entries in the cache of verified blobs: about 10 MiB.
inline constexpr std::size_t checked_files_max = 100'000;
// Thumbnails have at most 1,024 pixels a side: what is larger is none.
inline constexpr std::uint64_t thumbnail_bytes_max = 4 * MiB;
// Entries in their cache, however small: its index takes about 10 MiB.
inline constexpr std::size_t thumbnails_max = 65'536;
// How exactly the disk knows when an entry was used last; only the order after a restart depends
// on it.
inline constexpr std::int64_t thumbnail_use_noted_s = 3'600;
// Read at once of a file that is hashed or copied.
inline constexpr std::size_t file_chunk_bytes = 256 * KiB;

} // namespace darkroom::limits
