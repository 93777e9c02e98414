// Limits of the edge: requests, answers, uploads and feeds. Units come last in the name.
#pragma once

#include "base/units.hpp"

#include <cstddef>
#include <cstdint>

namespace darkroom::limits {

// Paths of files.
inline constexpr std::uint32_t path_bytes_max = 1'024;
inline constexpr std::uint32_t path_segment_bytes_max = 255;

// Feed.
inline constexpr std::size_t feed_untaken_bytes_max = 1 * MiB; // of one client; then cut off
inline constexpr std::size_t feed_kept_bytes = 256 * KiB;      // while a client reads the journal
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

// Tickets.
inline constexpr std::uint32_t ticket_ms = 30'000;
inline constexpr std::size_t tickets_per_user_max = 64;
// For one download, which a browser may have to resume the next morning.
inline constexpr std::uint32_t download_ticket_ms = 12 * 3'600 * 1'000;
inline constexpr std::size_t download_tickets_per_user_max = 256; // then the oldest ends

// Requests and answers.
inline constexpr std::size_t header_bytes_max = 16 * KiB;
inline constexpr std::size_t header_lines_max = 64;
inline constexpr int listen_backlog = 1'024;
inline constexpr std::uint32_t accept_retry_ms = 50;
// Connections over the limits that are still read, for health checks.
inline constexpr std::size_t health_connections_max = 16;
inline constexpr std::uint32_t health_header_ms = 2'000;
inline constexpr std::uint32_t overloaded_retry_s = 5;
// A body that stops while the server ends is not waited for.
inline constexpr std::uint32_t drain_body_wait_ms = 1'000;
inline constexpr std::uint32_t header_ms = 10'000;
inline constexpr std::uint32_t idle_ms = 75'000;
inline constexpr std::uint32_t body_wait_ms = 10'000; // for the next piece of a body
inline constexpr std::uint64_t body_bytes_per_s_min = 1 * KiB;
inline constexpr std::uint32_t send_ms = 30'000; // for one piece of an answer to be taken
inline constexpr std::uint32_t close_ms = 1'000; // for TLS to end, or a WebSocket's client
// A client that is still sending when its request was refused sees the answer only if the rest is
// read: until it is silent for a while, and within a limit.
inline constexpr std::uint32_t linger_silence_ms = 5'000, linger_ms = 30'000;
inline constexpr std::size_t linger_share = 4; // at most a quarter of the connections
inline constexpr std::size_t target_bytes_max = 4 * KiB;
inline constexpr std::uint64_t json_body_bytes_max = 1 * MiB;
inline constexpr std::uint64_t manifest_body_bytes_max = 4 * MiB;
inline constexpr std::size_t json_depth_max = 32;
inline constexpr std::size_t body_piece_bytes = 64 * KiB; // read or sent at a time
inline constexpr std::size_t chunk_extension_bytes_max = 256;
// The rest of a body that is read so that the connection can be kept. More costs the client more
// than a new connection does.
inline constexpr std::uint64_t kept_body_bytes_max = 64 * KiB;
inline constexpr std::uint64_t upload_step_bytes = 1 * MiB; // reserved at a time, if chunked
inline constexpr std::size_t multipart_header_bytes_max = 8 * KiB;
inline constexpr std::size_t multipart_parts_max = 10'000;
inline constexpr std::size_t parts_stored_together = 32; // of one form: they share a sync
inline constexpr std::size_t manifest_files_max = 10'000;
inline constexpr std::size_t page_default = 100, page_max = 1'000;
// Looked at for one page of a filtered list.
inline constexpr std::size_t rows_per_page_max = 20'000;
inline constexpr std::size_t user_bytes_max = 128;
inline constexpr std::size_t idempotency_key_bytes_max = 128;
inline constexpr std::uint32_t attempted_id_s = 120; // far more than `ask_ms`
inline constexpr std::size_t request_id_bytes_max = 64;
// How long browsers keep the answer to a preflight; Chromium's maximum is two hours. Short enough
// that a change of http.allowed_origins is seen soon.
inline constexpr std::uint32_t preflight_s = 600;
inline constexpr std::uint32_t prefer_wait_s_max = 60;
inline constexpr std::uint32_t thumbnail_side_max = 1'024;
// Of what a screen shows of a preview, in pixels.
inline constexpr std::uint32_t preview_side_min = 16, preview_side_max = 8'192;
// Previews and thumbnails that were made and are not yet with their clients: they lie in memory
// that the budget does not count, for as long as a client takes to read them.
inline constexpr std::uint64_t pictures_sending_bytes_max = 64 * MiB;
inline constexpr std::uint32_t token_touch_s = 60; // its last use is kept to this precision
inline constexpr std::uint32_t tokens_max = 10'000;
inline constexpr std::uint32_t requests_per_connection_max = 100'000;

// A probe that has not ended for so long: what it probes does not answer.
inline constexpr std::uint32_t health_stale_ms = 5'000;
// Fewer files than this can still be made: uploads of a moment would fail.
inline constexpr std::uint64_t inodes_floor = 1'000;

} // namespace darkroom::limits
