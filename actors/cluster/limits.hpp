// Limits of links, nodes and transfers between machines. Units come last in the name.
#pragma once

#include "base/units.hpp"
#include "config/limits.hpp"

#include <cstddef>
#include <cstdint>

namespace darkroom::limits {

// Links.
inline constexpr std::uint32_t link_accept_retry_ms = 50;
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
inline constexpr std::size_t wire_detail_bytes_max = 1 * KiB;
inline constexpr int certificate_days = 825, authority_days = 3'650;

// Nodes.
inline constexpr std::size_t nodes_max = 256;
inline constexpr std::size_t node_name_bytes_max = 63;
inline constexpr std::uint32_t heartbeat_ms = 1'000;
inline constexpr std::uint32_t node_silence_ms = 5'000;   // then it is lost
inline constexpr std::uint32_t node_wait_ms = 60'000;     // of a file that no present node can hold
inline constexpr std::uint32_t node_look_ms = 250;        // between looks at its deadlines
inline constexpr std::uint32_t fault_told_ms = 60'000;    // a worker tells of its full disk again
inline constexpr std::uint32_t node_paused_ms = 5'000;    // when it has no room
inline constexpr std::uint32_t lease_silence_ms = 30'000; // without a step forward: it is over
inline constexpr std::uint32_t lease_ms_max = 6 * 3'600'000; // on one machine
inline constexpr std::uint32_t node_grace_ms = 60'000;       // a lost one answers what comes late
inline constexpr std::size_t lease_memory_of_node = 10'000;  // leases that a late result may be of
inline constexpr std::uint32_t node_files_waiting_percent = 50; // of its slots, at least one
inline constexpr std::uint64_t small_input_bytes = 256 * KiB;   // convert it here, if there is room

// Transfers.
inline constexpr std::uint32_t piece_bytes_least = 8 * KiB, piece_bytes_first = 64 * KiB,
                               piece_bytes_most = 512 * KiB; // of a transfer, at a time
inline constexpr std::uint64_t carried_bytes_max = 64 * KiB; // in the order or the result itself
inline constexpr std::uint32_t piece_fast_ms = 300, piece_slow_ms = 1'000;
inline constexpr std::size_t pieces_in_flight_max = 8;       // of one node, each way
inline constexpr std::size_t transfers_per_node = 2;         // threads
inline constexpr std::uint64_t fetched_bytes_max = 16 * MiB; // outputs on their way, of a thread
inline constexpr std::uint32_t progress_ms = 100;

static_assert(piece_bytes_most <= 1 * MiB); // heartbeats must pass between them
static_assert(piece_bytes_most + 64 * KiB <= link_message_bytes_max);
static_assert(2ull * slots_max * carried_bytes_max < link_unread_bytes_max); // orders ahead
static_assert(2 * heartbeat_ms < node_silence_ms);

} // namespace darkroom::limits
