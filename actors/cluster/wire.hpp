// The messages between machines: the only ones that are serialised. They name files by lease; what
// a worker says is checked before it is believed. What the journal's codec can write travels as
// its bytes: entry, spec and result.
#pragma once

#include "actors/interfaces.hpp"
#include "base/enum_names.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace darkroom::actors {

struct join_cluster;
struct cluster_joined;
struct assign_file;
struct drop_file;
struct pull_input;
struct input_piece;
struct pull_output;
struct output_piece;
struct file_ended;
struct file_dropped;
struct work_progress;
struct echo;
struct leaving;

// Within one process.
struct open_input;
struct fetch_outputs;
struct input_read;
struct outputs_fetched;
struct end_transfer;
struct doubt_outputs;
struct work_tick;

// CLUSTER: lets workers in whose link was let in.
using cluster_actor = caf::typed_actor<
    // ASK to join, with the token of the link.
    caf::replies_to<join_cluster>::with<cluster_joined>>;

// TRANSFER: reads inputs and fetches outputs for some of a node's leases. Blocks on disk.
using transfer_actor = caf::typed_actor<
    // TELL from NODE that a worker will read the input of a lease; `input_read` comes back if asked
    // for, and when it cannot be read.
    caf::reacts_to<open_input>,
    // TELL from NODE that a worker has the outputs of a lease; `outputs_fetched` comes back.
    caf::reacts_to<fetch_outputs>,
    // TELL from NODE that a lease is over.
    caf::reacts_to<end_transfer>,
    // TELL from NODE that nothing has come of a lease's outputs for long; if it is the worker's
    // fault, `outputs_fetched` says so.
    caf::reacts_to<doubt_outputs>,
    // TELL from WORKER to send a piece of an input; `input_piece` comes back.
    caf::reacts_to<pull_input>,
    // TELL from WORKER a piece of an output.
    caf::reacts_to<output_piece>>;

// NODE: one machine, seen from the server: a CODEC POOL whose slots are elsewhere.
using node_actor = caf::typed_actor<
    // As of CODEC POOL.
    caf::reacts_to<probe_files>, caf::reacts_to<convert_file>, caf::reacts_to<interrupt_conversion>,
    caf::reacts_to<probe_done>, caf::reacts_to<slot_idle>, caf::reacts_to<recall_lease>,
    // TELL from WORKER how a file ended.
    caf::reacts_to<file_ended>,
    // TELL from WORKER that nothing is left of a lease.
    caf::reacts_to<file_dropped>,
    // TELL from WORKER where its files are.
    caf::reacts_to<work_progress>,
    // TELL from TRANSFER.
    caf::reacts_to<input_read>, caf::reacts_to<outputs_fetched>,
    // TELL from WORKER, as it was sent.
    caf::reacts_to<echo>,
    // TELL from WORKER that it finishes what it has begun, and wants no more.
    caf::reacts_to<leaving>,
    // INTERNAL: deadlines and the round trip.
    caf::reacts_to<work_tick>>;

// WORKER: the machine itself: fetches inputs, lets its CODEC POOL convert, keeps outputs until they
// are fetched. Blocks on disk.
using worker_actor = caf::typed_actor<
    // TELL to convert a file under a lease.
    caf::reacts_to<assign_file>,
    // TELL to end whatever is left of a lease; `file_dropped` comes back if asked for.
    caf::reacts_to<drop_file>,
    // TELL a piece of an input.
    caf::reacts_to<input_piece>,
    // TELL to send a piece of an output; `output_piece` comes back.
    caf::reacts_to<pull_output>,
    // TELL to send it back.
    caf::reacts_to<echo>,
    // TELL from CODEC POOL.
    caf::reacts_to<conversion_ended>, caf::reacts_to<lease_ended>,
    // TELL to finish what has begun, and take no more; ends when nothing is left.
    caf::reacts_to<leaving>,
    // INTERNAL: progress.
    caf::reacts_to<work_tick>>;

struct join_cluster {
  std::string token;
  worker_actor worker;
};
struct cluster_joined {
  bool ok = false;
  std::string text; // why not
};

struct assign_file {
  domain::lease_id lease = 0;
  transfer_actor source; // has the input
  std::string batch;     // its id, 16 bytes
  domain::file_index index = 0;
  std::string owner;
  std::string entry, spec; // as the journal's codecs write them
  std::string content;     // the whole input, of a small file; empty: it is to be pulled
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpu_ms = 0;
  bool header_read = true; // false: memory and time are guesses
};
struct drop_file {
  domain::lease_id lease = 0;
  bool only_if_waiting = false; // and leave it alone if it has begun
  bool quiet = false;           // nobody waits for `file_dropped`
};
struct pull_input {
  domain::lease_id lease = 0;
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
};
struct input_piece {
  domain::lease_id lease = 0;
  std::uint64_t offset = 0;
  std::string content;
  bool failed = false; // the input cannot be read
};
struct pull_output {
  domain::lease_id lease = 0;
  std::uint32_t output = 0;
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
};
struct output_piece {
  domain::lease_id lease = 0;
  std::uint32_t output = 0;
  std::uint64_t offset = 0;
  std::string content;
};
// How a file ended on a worker.
enum class file_end : std::uint8_t { converted, failed, interrupted };

} // namespace darkroom::actors

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::actors::file_end> =
    names("converted", "failed", "interrupted");

namespace darkroom::actors {

struct file_ended {
  domain::lease_id lease = 0;
  std::uint8_t how = 0;              // file_end
  std::uint8_t reason = 0;           // failed: failure_reason; interrupted: interruption
  std::string detail;                // failed, interrupted
  std::string result;                // converted: as the journal's codec writes it
  std::vector<std::string> contents; // of all outputs, if they are small; empty: to be pulled
  std::uint64_t cpu_us = 0;          // that it took; 0: not measured
};
struct file_dropped {
  domain::lease_id lease = 0;
};
// Where a worker has a file: its input on the way, waiting for a slot, in a slot, or converted and
// its outputs not yet fetched.
enum class work_phase : std::uint8_t { fetching, waiting, converting, kept };

} // namespace darkroom::actors

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::actors::work_phase> =
    names("fetching", "waiting", "converting", "kept");

namespace darkroom::actors {

struct file_position {
  domain::lease_id lease = 0;
  std::uint8_t phase = 0; // work_phase
  std::uint8_t stage = 0; // domain::conversion_stage
  std::uint8_t percent = 0;
  std::uint64_t received = 0; // of the input, in bytes
};
struct work_progress {
  std::vector<file_position> files; // all that it has
};
struct echo {};
struct leaving {};

struct open_input {
  domain::lease_id lease = 0;
  std::shared_ptr<const domain::file_entry> file;
  bool read_now = false; // the whole of it
};
struct input_read {
  domain::lease_id lease = 0;
  std::string content;
  std::optional<codecs::codec_error> error; // it cannot be read
};
struct fetch_outputs {
  domain::lease_id lease = 0;
  conversion_job job;
  domain::file_completed result;
  std::vector<std::string> contents; // if they have come already
};
// They could not be kept here, which is no fault of the worker.
struct outputs_lost {
  codecs::codec_error error;
};
// Something was not as the worker had said.
struct worker_lied {
  std::string what;
};
// They are as the worker had said, and on disk.
struct outputs_kept {
  domain::file_completed result;
  std::vector<persistence::staged_output> staged;
};
struct outputs_fetched {
  domain::lease_id lease = 0;
  std::variant<outputs_lost, worker_lied, outputs_kept> outcome;
};
struct end_transfer {
  domain::lease_id lease = 0;
};
struct doubt_outputs {
  domain::lease_id lease = 0;
};
struct work_tick {};

// clang-format off
#define DARKROOM_WIRE(name, ...) \
  template<class Inspector> \
  typename Inspector::result_type inspect(Inspector& f, name& m) { \
    return f(caf::meta::type_name(#name), __VA_ARGS__); \
  }
// clang-format on
DARKROOM_WIRE(join_cluster, m.token, m.worker)
DARKROOM_WIRE(cluster_joined, m.ok, m.text)
DARKROOM_WIRE(assign_file, m.lease, m.source, m.batch, m.index, m.owner, m.entry, m.spec, m.content,
              m.memory_bytes, m.cpu_ms, m.header_read)
DARKROOM_WIRE(drop_file, m.lease, m.only_if_waiting, m.quiet)
DARKROOM_WIRE(pull_input, m.lease, m.offset, m.bytes)
DARKROOM_WIRE(input_piece, m.lease, m.offset, m.content, m.failed)
DARKROOM_WIRE(pull_output, m.lease, m.output, m.offset, m.bytes)
DARKROOM_WIRE(output_piece, m.lease, m.output, m.offset, m.content)
DARKROOM_WIRE(file_ended, m.lease, m.how, m.reason, m.detail, m.result, m.contents, m.cpu_us)
DARKROOM_WIRE(file_dropped, m.lease)
DARKROOM_WIRE(file_position, m.lease, m.phase, m.stage, m.percent, m.received)
DARKROOM_WIRE(work_progress, m.files)
template<class Inspector>
typename Inspector::result_type inspect(Inspector& f, echo&) {
  return f(caf::meta::type_name("echo"));
}
template<class Inspector>
typename Inspector::result_type inspect(Inspector& f, leaving&) {
  return f(caf::meta::type_name("leaving"));
}
#undef DARKROOM_WIRE

} // namespace darkroom::actors

#define DARKROOM_FOR_EACH_LOCAL_WIRE_MESSAGE(X)                                                    \
  X(open_input)                                                                                    \
  X(input_read) X(fetch_outputs) X(outputs_fetched) X(end_transfer) X(doubt_outputs) X(work_tick)
#define DARKROOM_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(darkroom::actors::name)
DARKROOM_FOR_EACH_LOCAL_WIRE_MESSAGE(DARKROOM_LOCAL_MESSAGE)
#undef DARKROOM_LOCAL_MESSAGE

// Only these are known by name to an actor system that others can reach: nothing else can be made
// of bytes that a worker sends.
CAF_BEGIN_TYPE_ID_BLOCK(darkroom_wire, caf::id_block::darkroom::end)
#define DARKROOM_TYPE_ID(name) CAF_ADD_TYPE_ID(darkroom_wire, (darkroom::actors::name))
DARKROOM_TYPE_ID(join_cluster)
DARKROOM_TYPE_ID(cluster_joined)
DARKROOM_TYPE_ID(assign_file)
DARKROOM_TYPE_ID(drop_file)
DARKROOM_TYPE_ID(pull_input)
DARKROOM_TYPE_ID(input_piece)
DARKROOM_TYPE_ID(pull_output)
DARKROOM_TYPE_ID(output_piece)
DARKROOM_TYPE_ID(file_ended)
DARKROOM_TYPE_ID(file_dropped)
DARKROOM_TYPE_ID(file_position)
DARKROOM_TYPE_ID(work_progress)
DARKROOM_TYPE_ID(echo)
DARKROOM_TYPE_ID(leaving)
DARKROOM_TYPE_ID(worker_actor)
DARKROOM_TYPE_ID(transfer_actor)
#undef DARKROOM_TYPE_ID
CAF_END_TYPE_ID_BLOCK(darkroom_wire)

CAF_BEGIN_TYPE_ID_BLOCK(darkroom_cluster, caf::id_block::darkroom_wire::end)
#define DARKROOM_TYPE_ID(name) CAF_ADD_TYPE_ID(darkroom_cluster, (darkroom::actors::name))
DARKROOM_FOR_EACH_LOCAL_WIRE_MESSAGE(DARKROOM_TYPE_ID)
#undef DARKROOM_TYPE_ID
CAF_END_TYPE_ID_BLOCK(darkroom_cluster)
