// Every limit of the product. Units come last in the name; relations are asserted below.
#pragma once

#include <cstddef>
#include <cstdint>

namespace darkroom::limits {

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t GiB = 1024 * MiB;

// --- What one source may be -------------------------------------------------------------------
inline constexpr std::uint64_t input_bytes_max = 64 * MiB;
inline constexpr std::uint32_t side_pixels_max = 16'384;
inline constexpr std::uint64_t image_pixels_max = 50'000'000;
inline constexpr std::uint64_t image_pixels_ceiling = 268'435'456; // what a setting may allow
inline constexpr std::uint32_t animation_frames_max = 200;
inline constexpr std::uint32_t jpeg_scans_max = 100;
inline constexpr std::uint32_t jpeg_warnings_tolerant_max = 1'000;
inline constexpr std::uint64_t metadata_bytes_max = 4 * MiB; // all markers or chunks together
inline constexpr std::uint64_t icc_bytes_max = 4 * MiB;
inline constexpr std::uint64_t png_chunk_bytes_max = 4 * MiB;
inline constexpr std::uint32_t png_chunks_cached_max = 128; // 0 would mean no limit
inline constexpr std::uint32_t exif_entries_max = 256;

// --- What one output may be -------------------------------------------------------------------
inline constexpr std::uint64_t output_bytes_max = 256 * MiB;
inline constexpr std::uint32_t webp_side_pixels_max = 16'383; // WebP container
inline constexpr std::uint32_t jpeg_side_pixels_max = 65'500; // libjpeg, JPEG_MAX_DIMENSION
inline constexpr std::uint32_t outputs_max = 16;              // outputs of one spec
inline constexpr std::uint32_t effort_max = 6;
inline constexpr std::uint32_t suffix_bytes_max = 64;

// --- Paths --------------------------------------------------------------------------------------
inline constexpr std::uint32_t path_bytes_max = 1'024;
inline constexpr std::uint32_t path_segment_bytes_max = 255;
inline constexpr std::uint32_t name_suffix_tries_max = 100'000; // "-2", "-3", … for one name

// --- Codec hosts --------------------------------------------------------------------------------
inline constexpr std::uint64_t host_address_base_bytes = 256 * MiB; // on top of a job's own
inline constexpr std::uint64_t host_address_bytes_per_pixel = 16;
inline constexpr std::uint64_t host_stack_bytes = 1 * MiB;
inline constexpr std::uint32_t host_open_files = 64;
inline constexpr std::uint32_t host_jobs_before_recycling = 500;
inline constexpr std::uint64_t host_idle_bytes_max = 48 * MiB; // resident; above: recycled
inline constexpr std::uint64_t host_cpu_lifetime_s = 3'600;    // backstop: it accumulates
inline constexpr std::uint32_t host_spawn_ms = 5'000;
inline constexpr std::uint32_t probe_wall_ms = 10'000;
inline constexpr std::size_t probes_in_a_row_max = 16; // of one owner
inline constexpr std::uint32_t preview_ms = 60'000;
inline constexpr std::uint32_t probe_cpu_ms = 2'000;
inline constexpr std::uint64_t probe_memory_bytes = 16 * MiB;
inline constexpr std::uint64_t probe_input_bytes = 8 * MiB; // read at most for a header
inline constexpr std::uint32_t cpu_base_ms = 10'000;
inline constexpr std::uint32_t cpu_ms_per_megapixel = 2'000;
inline constexpr std::uint32_t cpu_slow_factor = 3; // lossless, or effort above 4
inline constexpr std::uint32_t wall_per_cpu = 4;
inline constexpr std::uint32_t stream_buffer_bytes = 64 * KiB;

// --- Memory budget ------------------------------------------------------------------------------
inline constexpr std::uint64_t memory_budget_default_bytes = 1 * GiB;
inline constexpr std::uint64_t memory_budget_min_bytes = 128 * MiB;
inline constexpr std::uint64_t memory_main_bytes = 80 * MiB; // main process and zygote
inline constexpr std::uint64_t memory_idle_host_bytes = 6 * MiB;
inline constexpr std::uint64_t memory_lease_min_bytes = 16 * MiB; // for one small picture
inline constexpr std::uint32_t memory_overtake_ms =
    2'000; // then memory is kept for the waiting file

// --- Batches ------------------------------------------------------------------------------------
inline constexpr std::uint32_t files_per_batch_max = 1'000'000;
inline constexpr std::uint32_t files_per_event_max = 1'000;
inline constexpr std::uint32_t priority_max = 9;
inline constexpr std::uint32_t converters_per_batch_max = 256; // the supervisor's window
inline constexpr std::uint32_t attempts_max = 3;
inline constexpr std::uint32_t retry_base_ms = 1'000; // 1 s · 2ⁿ
inline constexpr std::uint32_t retry_jitter_percent = 25;
inline constexpr std::uint32_t crashes_before_alone = 2; // running at so many crashes: runs alone
inline constexpr std::uint32_t crashes_max = 3;          // running at so many crashes: failed
inline constexpr std::uint32_t nodes_lost_max = 5;       // in a row: failed
inline constexpr std::uint32_t disk_full_wait_ms = 2'000;
inline constexpr std::uint32_t disk_look_ms = 500;     // how often free room is looked for
inline constexpr std::uint32_t detail_bytes_max = 200; // text of one failure
inline constexpr std::size_t ended_batches_kept = 32;  // in memory, for a retry

// --- Journal ------------------------------------------------------------------------------------
inline constexpr std::uint32_t journal_format_version = 1;
inline constexpr std::size_t salvage_sentences_max = 1'000;
inline constexpr std::uint64_t salvage_seq_margin = 1'000'000; // given out and lost, at most
inline constexpr std::uint32_t backup_poll_ms = 250;
inline constexpr std::size_t damage_sentences_shown_max = 10;
inline constexpr std::uint32_t backup_format_version = 1;
inline constexpr std::uint32_t journal_group_events_max = 4'096;
inline constexpr std::uint32_t unsynced_tail_ms = 50;
inline constexpr std::uint64_t snapshot_tail_events = 10'000; // or a quarter of the files
inline constexpr std::uint64_t journal_write_buffer_bytes = 16 * MiB;
inline constexpr std::uint64_t journal_block_cache_bytes = 8 * MiB;
inline constexpr std::uint32_t journal_reopen_ms = 1'000;
inline constexpr std::uint32_t purge_retry_ms = 1'000;        // while somebody reads the batch
inline constexpr std::uint32_t forget_old_ms = 3'600'000;     // how often old keys are dropped
inline constexpr std::uint64_t deletions_s = 30 * 24 * 3'600; // feeds can tell of them so long
inline constexpr std::size_t files_per_purge_max = 2'000;     // of a deleted batch, at a time
// Opening a journal that is in use: its files may change under the reader.
inline constexpr std::uint32_t journal_read_tries_max = 20;
inline constexpr std::uint32_t journal_read_retry_ms = 25;

// --- Blobs --------------------------------------------------------------------------------------
inline constexpr std::size_t syncs_shared_min = 8; // so many at a time: one sync of the file system

inline constexpr std::uint32_t ask_ms = 20'000; // for an answer of the actors

// --- Queue ---------------------------------------------------------------------------------------
inline constexpr std::size_t queue_positions_files_max = 10'000; // looked at for places in it

// --- Feed ---------------------------------------------------------------------------------------
inline constexpr std::uint32_t subscriber_outbox_events_max = 16'384; // then cut off
inline constexpr std::size_t feed_untaken_bytes_max = 1 * MiB;        // of one client; then cut off
inline constexpr std::size_t feed_kept_bytes = 256 * KiB; // while a client reads the journal
inline constexpr std::size_t feed_piece_bytes = 16 * KiB;
inline constexpr std::size_t feed_message_bytes = 64 * KiB;   // sent at a time, about
inline constexpr std::size_t feed_page_events = 500;          // read of the journal at a time
inline constexpr std::size_t feed_missed_events_max = 10'000; // then a snapshot
inline constexpr std::size_t feed_queue_events_max = 16'384;  // on their way to be text
inline constexpr std::size_t feed_subscriptions_max = 100;    // of one socket
inline constexpr std::size_t feed_snapshot_batches_max = 200;
inline constexpr std::size_t feed_client_message_bytes_max = 16 * KiB;
inline constexpr std::size_t feed_client_bytes_per_min_max = 256 * KiB;
inline constexpr std::size_t feed_replies_max = 16;   // to be sent, before more is read of a client
inline constexpr std::uint32_t feed_close_ms = 2'000; // for a close to be answered
inline constexpr std::uint32_t feed_tick_ms = 100;    // of volatile progress
inline constexpr std::uint32_t batch_progress_ms = 200, queue_position_ms = 1'000;
inline constexpr std::uint32_t batch_progress_quiet_ms = 1'000; // when only the speed changes
inline constexpr std::size_t batch_progress_asks_max = 64;      // under way
inline constexpr std::uint32_t sse_heartbeat_ms = 15'000;
inline constexpr std::uint32_t sse_retry_ms = 2'000;   // what clients are told to wait
inline constexpr std::size_t listed_files_max = 1'000; // in one event, as it is shown

// --- Tickets
// -------------------------------------------------------------------------------------
inline constexpr std::uint32_t ticket_ms = 30'000;
inline constexpr std::size_t tickets_per_user_max = 64;

// --- Edge ---------------------------------------------------------------------------------------
inline constexpr std::size_t header_bytes_max = 16 * KiB;
inline constexpr std::size_t header_lines_max = 64;
inline constexpr int listen_backlog = 1'024;
inline constexpr std::uint32_t accept_retry_ms = 50;
inline constexpr std::uint32_t header_ms = 10'000;
inline constexpr std::uint32_t idle_ms = 75'000;
inline constexpr std::uint32_t body_wait_ms = 10'000; // for the next piece of a body
inline constexpr std::uint64_t body_bytes_per_s_min = 1 * KiB;
inline constexpr std::uint32_t send_ms = 30'000;  // for one piece of an answer to be taken
inline constexpr std::uint32_t linger_ms = 1'000; // after an answer that ends the connection
inline constexpr std::size_t target_bytes_max = 4 * KiB;
inline constexpr std::uint64_t json_body_bytes_max = 1 * MiB;
inline constexpr std::uint64_t manifest_body_bytes_max = 4 * MiB;
inline constexpr std::size_t json_depth_max = 32;
inline constexpr std::size_t body_piece_bytes = 64 * KiB; // read or sent at a time
inline constexpr std::size_t chunk_extension_bytes_max = 256;
inline constexpr std::uint64_t drained_body_bytes_max = 256 * KiB; // of a request refused early
inline constexpr std::uint64_t upload_step_bytes = 1 * MiB;        // reserved at a time, if chunked
inline constexpr std::size_t multipart_header_bytes_max = 8 * KiB;
inline constexpr std::size_t multipart_parts_max = 10'000;
inline constexpr std::size_t parts_stored_together = 32; // of one form: they share a sync
inline constexpr std::size_t manifest_files_max = 10'000;
inline constexpr std::size_t page_default = 100, page_max = 1'000;
inline constexpr std::size_t rows_per_page_max =
    20'000; // looked at for one page of a filtered list
inline constexpr std::size_t tags_max = 16, tag_bytes_max = 64;
inline constexpr std::size_t name_bytes_max = 256, reason_bytes_max = 512;
inline constexpr std::size_t user_bytes_max = 128;
inline constexpr std::size_t idempotency_key_bytes_max = 128;
inline constexpr std::uint64_t idempotency_s = 24 * 3'600;
inline constexpr std::uint32_t attempted_id_s = 120; // far more than `ask_ms`
inline constexpr std::size_t request_id_bytes_max = 64;
inline constexpr std::uint32_t prefer_wait_s_max = 60;
inline constexpr std::uint32_t thumbnail_side_max = 1'024;
inline constexpr std::uint32_t token_touch_s = 60; // its last use is kept to this precision
inline constexpr std::uint32_t tokens_max = 10'000;
inline constexpr std::uint32_t requests_per_connection_max = 100'000;

// --- Other machines -----------------------------------------------------------------------------
inline constexpr std::uint32_t link_handshake_ms = 5'000; // from the connection to the welcome
inline constexpr std::size_t link_strangers_max = 256;    // connections that are not let in yet
inline constexpr std::size_t link_hello_bytes_max = 4 * KiB;
inline constexpr std::size_t link_buffer_bytes = 128 * KiB;
inline constexpr std::uint32_t link_unacknowledged_ms = 15'000;
inline constexpr std::size_t link_message_bytes_max = 1 * MiB; // of a worker
inline constexpr std::size_t link_news_bytes_max = 16 * KiB;   // of its actor system
inline constexpr std::size_t link_content_name_bytes_max = 128;
inline constexpr std::size_t link_unread_bytes_max = 64 * MiB; // that a worker does not take
inline constexpr std::uint32_t revocation_look_ms = 1'000;
inline constexpr std::size_t nodes_max = 256;
inline constexpr std::size_t node_name_bytes_max = 63;
inline constexpr std::uint32_t heartbeat_ms = 1'000;
inline constexpr std::uint32_t node_silence_ms = 5'000;   // then it is lost
inline constexpr std::uint32_t node_wait_ms = 60'000;     // of a file that no present node can hold
inline constexpr std::uint32_t node_look_ms = 250;        // between looks at its deadlines
inline constexpr std::uint32_t node_paused_ms = 5'000;    // when it has no room
inline constexpr std::uint32_t lease_silence_ms = 30'000; // without a step forward: it is over
inline constexpr std::uint32_t lease_ms_max = 6 * 3'600'000; // on one machine
inline constexpr std::uint32_t node_grace_ms = 60'000;       // a lost one answers what comes late
inline constexpr std::size_t lease_memory_of_node = 10'000;  // leases that a late result may be of
inline constexpr std::uint32_t node_files_waiting_percent = 50; // of its slots, at least one
inline constexpr std::uint64_t small_input_bytes = 256 * KiB;   // convert it here, if there is room
inline constexpr std::uint32_t piece_bytes_least = 8 * KiB, piece_bytes_first = 64 * KiB,
                               piece_bytes_most = 512 * KiB; // of a transfer, at a time
inline constexpr std::uint64_t carried_bytes_max = 64 * KiB; // in the order or the result itself
inline constexpr std::uint32_t piece_fast_ms = 300, piece_slow_ms = 1'000;
inline constexpr std::size_t pieces_in_flight_max = 8;       // of one node, each way
inline constexpr std::size_t transfers_per_node = 2;         // threads
inline constexpr std::uint64_t fetched_bytes_max = 16 * MiB; // outputs on their way, of a thread
inline constexpr std::uint32_t progress_ms = 100;
inline constexpr std::uint32_t worker_retry_first_ms = 100, worker_retry_most_ms = 5'000;
inline constexpr int certificate_days = 825, authority_days = 3'650;
inline constexpr std::size_t wire_detail_bytes_max = 1 * KiB;

// --- Shutdown -----------------------------------------------------------------------------------
inline constexpr std::uint32_t drain_ms = 15'000;
inline constexpr std::uint32_t drain_poll_ms = 20;
inline constexpr std::uint32_t actor_stop_ms = 5'000;
inline constexpr std::uint32_t supervisor_restarts_max = 5; // in the life of the process

// --- Client -------------------------------------------------------------------------------------
inline constexpr std::uint32_t client_tries_max = 30;
inline constexpr std::uint32_t client_retry_ms = 1'000;
inline constexpr std::uint32_t client_retry_least_ms = 250, client_retry_most_ms = 15'000;
inline constexpr std::uint32_t client_connect_ms = 10'000;
inline constexpr std::uint32_t client_idle_ms = 60'000; // without a word of the server
inline constexpr std::size_t client_message_bytes_max = 16 * MiB;

// --- Command line -------------------------------------------------------------------------------
inline constexpr std::uint32_t slots_max = 256;
inline constexpr std::uint32_t display_refresh_ms = 100;

static_assert(image_pixels_max <= image_pixels_ceiling);
static_assert(png_chunks_cached_max > 0);
static_assert(webp_side_pixels_max < side_pixels_max);
static_assert(crashes_before_alone < crashes_max);
static_assert(memory_main_bytes + 2 * memory_idle_host_bytes + probe_memory_bytes +
                  memory_lease_min_bytes <=
              memory_budget_min_bytes);
static_assert(probe_cpu_ms < probe_wall_ms);
static_assert(outputs_max + 4 < host_open_files);
static_assert(piece_bytes_most <= 1 * MiB); // heartbeats must pass between them
static_assert(piece_bytes_most + 64 * KiB <= link_message_bytes_max);
static_assert(2ull * slots_max * carried_bytes_max < link_unread_bytes_max); // orders ahead
static_assert(2 * heartbeat_ms < node_silence_ms);
static_assert(files_per_event_max <= files_per_batch_max);

} // namespace darkroom::limits
