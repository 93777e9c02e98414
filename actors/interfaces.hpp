// The whole message protocol on one page. Each message says in one line what it does; ASK is
// answered to its sender, TELL is not, INTERNAL is sent by an actor to itself. Per-file messages
// are TELL with (index, lease) to tell them apart. No handler blocks, except in actors that
// `spawn_blocking` has given a thread of their own.
#pragma once

#include "actors/cost_calibration.hpp"
#include "actors/lease_messages.hpp"
#include "actors/outcomes.hpp"
#include "actors/preview.hpp"
#include "actors/run_window.hpp"
#include "actors/slot_runner.hpp"
#include "actors/usage_board.hpp"
#include "domain/batch_state.hpp"
#include "persistence/journal_store.hpp"
#include "persistence/records.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

#include <functional>
#include <memory>

namespace darkroom::actors {

// --- Messages, declared -------------------------------------------------------------------------
struct append_events;
struct events_appended;
struct append_failed;
struct fetch_files;
struct files_fetched;
struct load_batches;
struct replay_batch;
struct batch_replayed;
struct write_records;
struct records_written;
struct purge_batch;
struct purge_slice;
struct release_files;
struct release_next;
struct files_released;
struct forget_old;
struct index_feed;
struct take_back_outputs;
struct probe_done;
struct load_names;
struct plan_names;
struct plan_more;
struct stop_planning;
struct names_planned;
struct add_files_request;
struct batch_idle;
struct rest_tick;
struct batches_loaded;
struct open_journal;
struct journal_opened;
struct journal_failed;
struct write_group;
struct sync_tail;
struct sync_witness;
struct close_journal;
struct publish_events;
struct subscribe;
struct subscribed;
struct events_published;
struct events_acknowledged;
struct subscription_ended;
struct cut_subscribers;
struct batch_request;
struct describe_batch;
struct give_back;
struct gave_back;
struct quota_tick;
struct planning_tick;
struct naming_tick;
struct retry_tick;
struct file_probed;
struct request_lease;
struct withdraw_request;
struct batch_needs;
struct window_share;
struct reprioritise_request;
struct request_withdrawn;
struct lease_granted;
struct lease_impossible;
struct lease_ended;
struct hold_leases;
struct resize_local_node;
struct server_used;
struct lease_tick;
struct store_verdict;
struct describe_queue;
struct queue_view;
struct describe_waits;
struct batch_waits;
struct register_node;
struct node_left;
struct pause_node;
struct steer_node;
struct node_steered;
struct recall_lease;
struct cost_predicted;
struct attempt_starting;
struct attempt_started;
struct attempt_refused;
struct convert_file;
struct conversion_ended;
struct interrupt_conversion;
struct result_offered;
struct result_accepted;
struct result_refused;
struct place_outputs;
struct outputs_placed;
struct discard_outputs;
struct sweep_outputs;
struct place_group;
struct file_placed;
struct attempt_failed;
struct attempt_interrupted;
struct withdraw_file;
struct reprioritise_file;
struct file_withdrawn;
struct interrupt_file;
struct probe_files;
struct run_probe;
struct run_conversion;
struct preview_file;
struct run_preview;
struct preview_ended;
struct slot_idle;
struct shut_down;
struct shut_down_done;
struct reopen_tick;
struct gateway_task;

// --- Actors -------------------------------------------------------------------------------------

// SUBSCRIBER: follows the feed.
using subscriber_actor = caf::typed_actor<
    // TELL events, in order of seq; to be acknowledged.
    caf::reacts_to<events_published>,
    // TELL that no more will come: too slow, or the feed ends.
    caf::reacts_to<subscription_ended>>;

// EVENT HUB: numbered events to subscribers; a slow one is cut off, never waited for.
using event_hub_actor = caf::typed_actor<
    // TELL durable events, in order of seq. Only from JOURNAL.
    caf::reacts_to<publish_events>,
    // TELL that the journal was opened, and where it stands: who follows reads the gap there.
    caf::reacts_to<cut_subscribers>,
    // ASK to follow one batch or all; answered with the last seq published before, and all later
    // events come after the answer.
    caf::replies_to<subscribe>::with<subscribed>,
    // TELL that so many events were handled: makes room in the subscriber's outbox.
    caf::reacts_to<events_acknowledged>>;

// JOURNAL: the only owner of journal writes; one synced write for many requests. Blocks on disk.
using journal_actor = caf::typed_actor<
    // TELL to journal events; `events_appended` or `append_failed` comes back.
    caf::reacts_to<append_events>,
    // TELL to read files of a batch; `files_fetched` comes back.
    caf::reacts_to<fetch_files>,
    // ASK for all batches; those that are not at rest, replayed.
    caf::replies_to<load_batches>::with<batches_loaded>,
    // ASK to close and open again after a failed write.
    caf::replies_to<open_journal>::with<journal_opened>,
    // ASK for one batch, replayed by a BATCH READER with all that was appended before. Nothing more
    // may be appended to it until the answer has come.
    caf::replies_to<replay_batch>::with<batch_replayed>,
    // ASK to keep tokens and entries of the audit; answered when they are durable.
    caf::replies_to<write_records>::with<records_written>,
    // TELL to clear away what is left of a deleted batch.
    caf::reacts_to<purge_batch>,
    // INTERNAL: clears away the next slice of deleted batches.
    caf::reacts_to<purge_slice>,
    // TELL from REMOVER that the files of the last slice were let go of.
    caf::reacts_to<files_released>,
    // INTERNAL: forgets old requests with a key, and old deletions.
    caf::reacts_to<forget_old>,
    // INTERNAL: adds events of an older version to the index that feeds read.
    caf::reacts_to<index_feed>,
    // INTERNAL: writes what has gathered.
    caf::reacts_to<write_group>,
    // INTERNAL: syncs what was written without sync.
    caf::reacts_to<sync_tail>,
    // INTERNAL: syncs the journal's witness.
    caf::reacts_to<sync_witness>,
    // TELL that nothing more may be written: it is closed as after a failed write.
    caf::reacts_to<close_journal>>;

// BATCH SUPERVISOR: owns the state of one batch; decides, applies, journals, then acts and answers.
using batch_supervisor_actor = caf::typed_actor<
    // ASK for a state change; answered when it is durable.
    caf::replies_to<batch_request>::with<command_outcome>,
    // ASK to add files, their outputs yet to be planned; answered when they are durable.
    caf::replies_to<add_files_request>::with<files_outcome>,
    // TELL what NAME READER has read.
    caf::reacts_to<names_loaded>,
    // TELL the next names that NAME PLANNER has planned.
    caf::reacts_to<names_planned>,
    // ASK for the state; answered when what it reflects is durable.
    caf::replies_to<describe_batch>::with<batch_view>,
    // ASK to interrupt everything in flight and end; answered when that is durable.
    caf::replies_to<give_back>::with<gave_back>,
    // TELL the answers of JOURNAL.
    caf::reacts_to<events_appended>, caf::reacts_to<append_failed>, caf::reacts_to<files_fetched>,
    // TELL what a file will cost, as its header says.
    caf::reacts_to<cost_predicted>,
    // TELL from DISPATCHER how many files may be in flight.
    caf::reacts_to<window_share>,
    // TELL that a file has a lease and wants to run; `attempt_started` or `attempt_refused`.
    caf::reacts_to<attempt_starting>,
    // TELL that a file is converted; `result_accepted` or `result_refused`.
    caf::reacts_to<result_offered>,
    // TELL that its outputs have their names: the file is completed.
    caf::reacts_to<file_placed>,
    // TELL that the attempt failed.
    caf::reacts_to<attempt_failed>,
    // TELL that the attempt ended without a fault of the file.
    caf::reacts_to<attempt_interrupted>,
    // TELL that a file that waited for a lease no longer does.
    caf::reacts_to<file_withdrawn>,
    // INTERNAL: waits that are over.
    caf::reacts_to<retry_tick>,
    // INTERNAL: looks again whether the owner may convert today.
    caf::reacts_to<quota_tick>,
    // INTERNAL: begins again to plan names.
    caf::reacts_to<planning_tick>,
    // INTERNAL: looks again for a thread to read names in.
    caf::reacts_to<naming_tick>>;

// BATCH READER: replays one batch for JOURNAL, which delegates to it, and ends. Blocks on disk.
using batch_reader_actor = caf::typed_actor<caf::replies_to<replay_batch>::with<batch_replayed>>;

// NAME READER: reads the names in a batch from the journal, once, and ends. Blocks on disk.
using name_reader_actor = caf::typed_actor<caf::reacts_to<load_names>>;

// NAME PLANNER: plans the names of a batch's files after its spec has changed, when these are too
// many for one event. Blocks on disk.
using name_planner_actor =
    caf::typed_actor<caf::reacts_to<plan_names>, // TELL first; `names_planned` comes back
                     caf::reacts_to<plan_more>,  // TELL; the next `names_planned` comes back
                     caf::reacts_to<stop_planning>>;

// What asks for headers: a CONVERTER, or HEADER READER.
using header_asker_actor = caf::typed_actor<caf::reacts_to<file_probed>>;

// CONVERTER: one file in flight: probe, lease, conversion, names; reports once, then ends.
using converter_actor =
    caf::typed_actor<caf::reacts_to<file_probed>, caf::reacts_to<lease_granted>,
                     caf::reacts_to<lease_impossible>, caf::reacts_to<request_withdrawn>,
                     caf::reacts_to<attempt_started>, caf::reacts_to<attempt_refused>,
                     caf::reacts_to<conversion_ended>, caf::reacts_to<result_accepted>,
                     caf::reacts_to<result_refused>, caf::reacts_to<outputs_placed>,
                     // TELL to end if the file has not started (a pause).
                     caf::reacts_to<withdraw_file>,
                     // TELL that its batch has another priority.
                     caf::reacts_to<reprioritise_file>,
                     // TELL to end at once whatever it does, unless its result was accepted.
                     caf::reacts_to<interrupt_file>,
                     // INTERNAL: the store has been probed since a failure.
                     caf::reacts_to<store_verdict>>;

// DISPATCHER: leases against free slots and free memory, fair between users.
using dispatcher_actor = caf::typed_actor<
    // TELL from BATCH SUPERVISOR how many files it has to do; `window_share` comes back, now and
    // whenever its share has changed.
    caf::reacts_to<batch_needs>,
    // TELL to queue for a lease; `lease_granted` or `lease_impossible` comes back.
    caf::reacts_to<request_lease>,
    // TELL to queue no more; `request_withdrawn`, unless the lease was granted before.
    caf::reacts_to<withdraw_request>,
    // TELL of another priority for a file that queues.
    caf::reacts_to<reprioritise_request>,
    // TELL that a lease's slot and memory are free again.
    caf::reacts_to<lease_ended>,
    // TELL to grant nothing for a while: there is no room for outputs.
    caf::reacts_to<hold_leases>,
    // ASK for the place of each batch that waits.
    caf::replies_to<describe_queue>::with<queue_view>,
    // ASK what some batches wait for.
    caf::replies_to<describe_waits>::with<batch_waits>,
    // TELL of a pool with slots and memory.
    caf::reacts_to<register_node>,
    // TELL that a pool is gone, and its leases with it.
    caf::reacts_to<node_left>,
    // TELL what the server leaves of its memory to its own slots.
    caf::reacts_to<resize_local_node>,
    // TELL what the server itself has used of the processors.
    caf::reacts_to<server_used>,
    // TELL to grant nothing on a pool for a while.
    caf::reacts_to<pause_node>,
    // ASK to grant no more on a node, or to go on.
    caf::replies_to<steer_node>::with<node_steered>,
    // INTERNAL: waits that are over.
    caf::reacts_to<lease_tick>>;

// CODEC POOL: the slots of one node.
using codec_pool_actor = caf::typed_actor<
    // TELL to read headers, in a host kept for that; a `file_probed` comes back for each, in order.
    caf::reacts_to<probe_files>,
    // TELL to convert under a lease; `conversion_ended` comes back, DISPATCHER learns the end.
    caf::reacts_to<convert_file>,
    // TELL to end the conversion of this lease, or the lease if there is no conversion.
    caf::reacts_to<interrupt_conversion>,
    // TELL from the SLOT for headers that it is free.
    caf::reacts_to<probe_done>,
    // TELL from a SLOT that it is free.
    caf::reacts_to<slot_idle>,
    // TELL to give a lease back if its file has not begun: another node is idle.
    caf::reacts_to<recall_lease>>;

// SLOT: runs one thing at a time in its codec host. Blocks.
using slot_actor = caf::typed_actor<caf::reacts_to<run_probe>, caf::reacts_to<run_conversion>>;

// PREVIEW HOST: pictures for people who look at a screen, beside all slots.
using preview_host_actor = caf::typed_actor<
    // TELL to make a picture; its `done` is called from another thread.
    caf::reacts_to<preview_file>,
    // TELL from PREVIEW SLOT that it is free.
    caf::reacts_to<preview_ended>>;

// PREVIEW SLOT: makes one picture at a time in its codec host. Blocks.
using preview_slot_actor = caf::typed_actor<caf::reacts_to<run_preview>>;

// PLACER: gives outputs their final names; one directory sync for many. Blocks on disk.
using placer_actor = caf::typed_actor<
    // TELL to name the outputs of a file; `outputs_placed` comes back.
    caf::reacts_to<place_outputs>,
    // TELL to remove staged outputs that are not wanted.
    caf::reacts_to<discard_outputs>,
    // TELL that named outputs belong to nobody after all.
    caf::reacts_to<take_back_outputs>,
    // TELL to remove what an attempt before a crash may have left.
    caf::reacts_to<sweep_outputs>,
    // INTERNAL: names what has gathered.
    caf::reacts_to<place_group>>;

// REMOVER: lets go of what the files of deleted batches had. Blocks on disk.
using remover_actor = caf::typed_actor<
    // TELL to let go of what files had; `files_released` comes back when it is done.
    caf::reacts_to<release_files>,
    // INTERNAL: lets go of what the next file had.
    caf::reacts_to<release_next>>;

// GATEWAY: asks in the name of threads that are no actors; what it is told to do must not block.
using gateway_actor = caf::typed_actor<caf::reacts_to<gateway_task>>;

// COORDINATOR: replays the journal, creates and finds batches, ends everything in order.
using coordinator_actor = caf::typed_actor<
    // ASK for a state change of a batch; `create_batch` makes a new one.
    caf::replies_to<batch_request>::with<command_outcome>,
    // ASK to add files to a batch.
    caf::replies_to<add_files_request>::with<files_outcome>,
    // TELL from BATCH SUPERVISOR that nothing is left to do until somebody asks.
    caf::reacts_to<batch_idle>,
    // INTERNAL: batches that have been at rest for a while leave the memory.
    caf::reacts_to<rest_tick>,
    // ASK for a batch's state.
    caf::replies_to<describe_batch>::with<batch_view>,
    // ASK to give back what runs, sync and end all actors, within a deadline.
    caf::replies_to<shut_down>::with<shut_down_done>,
    // TELL from JOURNAL that a write failed: supervisors are rebuilt from what is on disk.
    caf::reacts_to<journal_failed>,
    // INTERNAL: tries to open the journal again.
    caf::reacts_to<reopen_tick>>;

// --- Messages, defined --------------------------------------------------------------------------

struct append_events {
  std::uint64_t ticket = 0;
  persistence::append_request request;
  bool durable = true; // answer when synced; else when written
};
struct events_appended {
  std::uint64_t ticket = 0;
  domain::seq last = 0;         // of these events; 0: there were none
  domain::seq last_command = 0; // of those that are commands; 0: none were
};
struct append_failed {
  std::uint64_t ticket = 0;
};
struct fetch_files {
  domain::batch_id batch;
  std::vector<domain::file_index> indexes;
  std::uint32_t spec_number = 0; // comes back as it is
  bool to_sweep = false;         // not to be run, but to be cleaned up after a crash
};
struct files_fetched {
  std::vector<persistence::file_record> files;
  std::uint32_t spec_number = 0; // as asked
  bool to_sweep = false;         // as asked
};
struct load_batches {};
struct batches_loaded {
  struct working_batch {
    persistence::batch_summary summary;
    std::shared_ptr<persistence::positioned_state> state;
  };
  std::vector<working_batch> working;                           // those that are not at rest
  std::vector<std::pair<domain::batch_id, batch_share>> shares; // of all
  std::vector<domain::batch_id> deleted;                        // and not yet cleared away
  std::string error;                                            // empty: all is well
};
struct replay_batch {
  domain::batch_id batch;
};
struct batch_replayed {
  std::shared_ptr<persistence::positioned_state> state; // null: there is no such batch
  persistence::batch_summary summary;
  std::string error; // empty: all is well
};
struct write_records {
  std::vector<persistence::access_record> records;
};
struct records_written {
  bool durable = false;
};
struct purge_batch {
  domain::batch_id batch;
  bool release = false; // its blobs have been counted
};
struct purge_slice {};
struct release_files {
  std::vector<persistence::file_record> files; // whose records are gone from the journal
};
struct release_next {};
struct files_released {};
struct forget_old {};
struct index_feed {};
struct load_names {
  domain::batch_id batch;
  domain::conversion_spec spec;                    // as it is
  std::optional<domain::conversion_spec> new_spec; // files that have not completed get new names
  bool only_check = false;                         // whether they can have them
};
// Plans the names of files that have none after their spec has changed, a part at a time.
struct plan_names {
  domain::batch_id batch;
  domain::conversion_spec spec;          // as it is now
  domain::file_index from = 0, upto = 0; // files that need names; all others keep what they have
};
struct plan_more {};     // the part before is written
struct stop_planning {}; // nobody wants more
struct names_planned {
  domain::replan_files part;
  bool last = false;
  std::string error; // nonempty: the journal cannot be read
};
struct open_journal {};
struct journal_opened {
  std::string error; // empty: it is open
};
struct journal_failed {
  persistence::journal_error error;
};
struct write_group {};
struct sync_tail {};
struct sync_witness {};
struct close_journal {
  persistence::journal_error error;
};

struct publish_events {
  std::shared_ptr<const std::vector<persistence::journaled_event>> events;
};
struct subscribe {
  subscriber_actor subscriber;
  std::optional<domain::batch_id> batch; // none: all
};
struct subscribed {
  domain::seq seq = 0;
};
struct events_published {
  std::shared_ptr<const std::vector<persistence::journaled_event>> events;
};
struct events_acknowledged {
  subscriber_actor subscriber;
  std::size_t events = 0;
};
struct subscription_ended {};

struct cut_subscribers {
  domain::seq last = 0; // of the journal
};

struct batch_request {
  domain::batch_id batch;
  domain::command command;
  std::vector<domain::command> more;             // all of them or none
  std::optional<domain::seq> if_match;           // refused if a command came after this one
  std::optional<domain::seq> if_unchanged;       // refused if anything came after this event
  std::optional<persistence::audit_entry> audit; // journaled with what is decided
  // The id was made for this request: no earlier one can have created the batch.
  bool new_id = false;
};
struct file_range {
  domain::file_index first = 0, count = 0;
  static file_range all() { return {0, UINT32_MAX}; }
};
struct describe_batch {
  domain::batch_id batch;
  file_range files; // whose states are wanted
};
struct add_files_request {
  domain::batch_id batch;
  std::vector<domain::file_entry> entries;     // at most `files_per_event_max`
  std::vector<persistence::audit_entry> audit; // one for each entry, or none
  bool only_look = false;                      // whether the paths are taken
};
struct batch_idle {
  domain::batch_id batch;
  bool ended = false; // else it may be started, or get files
  bool deleted = false;
};
struct rest_tick {};
struct give_back {
  bool if_idle = false; // else it ends whatever it does
};
struct gave_back {
  bool live = false;  // there is work left in the batch
  bool stays = false; // it was not idle, and goes on
};
struct retry_tick {};
struct quota_tick {};
struct planning_tick {};
struct naming_tick {};

struct file_probed {
  codecs::result<codecs::image_info> info;
};
struct request_lease {
  std::string user;
  domain::batch_id batch;
  domain::file_index index = 0;
  std::uint8_t priority = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t cost = 0;
  std::uint64_t input_bytes = 0;
  bool suspect = false; // was running when the process died: runs after the others
  bool alone = false;   // was so twice: nothing else runs beside it
};
struct batch_needs {
  batch_need need;
};
// How many files of the batch may be in flight.
struct window_share {
  std::uint32_t files = 0;
  bool take_back = false; // files that wait beyond that leave the queue
};
struct withdraw_request {
  domain::batch_id batch;
  domain::file_index index = 0;
};
struct reprioritise_request {
  domain::batch_id batch;
  domain::file_index index = 0;
  std::uint8_t priority = 0;
};
struct request_withdrawn {};
struct lease_granted {
  domain::lease_id lease = 0;
  std::string node;
  codec_pool_actor pool;
  std::uint64_t memory_max_bytes = 0; // what the node could ever grant
};
struct lease_impossible {
  std::uint64_t memory_max_bytes = 0;
};
struct register_node {
  std::string name;
  codec_pool_actor pool;
  std::uint32_t slots = 0;
  std::uint64_t memory_bytes = 0;
  std::uint32_t ahead = 0; // files that it may have waiting, when no slot is free anywhere
  bool local = true;
};
struct node_left {
  codec_pool_actor pool;
};
struct pause_node {
  codec_pool_actor pool;
  std::uint32_t ms = 0;
};

struct cost_predicted {
  domain::file_index index = 0;
  cost_prediction predicted;
};
struct attempt_starting {
  domain::file_index index = 0;
  domain::lease_id lease = 0;
  std::string node;
};
struct attempt_started {};
struct attempt_refused {};
struct convert_file {
  conversion_job job;
};
struct conversion_ended {
  domain::lease_id lease = 0;
  std::shared_ptr<conversion_outcome> outcome;
  std::optional<std::uint64_t> cpu_us = {}; // that it took; nothing: not measured
};
struct interrupt_conversion {
  domain::lease_id lease = 0;
};
struct result_offered {
  domain::file_index index = 0;
  domain::lease_id lease = 0;
};
struct result_accepted {};
struct result_refused {};
struct place_outputs {
  std::vector<persistence::staged_output> staged;
};
struct outputs_placed {
  std::vector<persistence::placed_output> placed;
};
struct discard_outputs {
  std::vector<persistence::staged_output> staged;
};
struct take_back_outputs {
  std::vector<persistence::staged_output> staged;
};
struct sweep_outputs {
  domain::batch_id batch;
  domain::file_index index = 0;
  std::vector<std::string> targets;
};
struct place_group {};
struct file_placed {
  domain::lease_id lease = 0;
  domain::file_completed result;
  std::vector<persistence::staged_output> staged; // what the outputs were
};
struct attempt_failed {
  domain::file_index index = 0;
  domain::lease_id lease = 0; // 0: before it had one
  codecs::codec_error error;
};
struct attempt_interrupted {
  domain::file_index index = 0;
  domain::lease_id lease = 0;
  domain::interruption cause = domain::interruption::paused;
  std::uint64_t memory_bytes = 0; // with memory_raised: what to ask for next
};
struct withdraw_file {};
struct reprioritise_file {
  std::uint8_t priority = 0;
};
struct file_withdrawn {
  domain::file_index index = 0;
};
struct interrupt_file {};

struct probe_done {};
struct probe_files {
  std::string owner;
  std::vector<std::shared_ptr<const domain::file_entry>> files;
  bool urgent = false; // somebody waits for the answers
};
struct run_probe {
  probe_job job;
  header_asker_actor asker;
};
struct run_conversion {
  conversion_job job;
  converter_actor asker;
};
struct slot_idle {
  std::size_t slot = 0;
  domain::lease_id lease = 0;
  std::optional<std::uint64_t> cpu_us = {}; // of host and slot; nothing: not measured
};

struct preview_file {
  preview_job job; // its number is given by PREVIEW HOST
  on_preview done;
};
struct run_preview {
  preview_file file;
  preview_host_actor asker;
};
struct preview_ended {};

struct shut_down {};
struct shut_down_done {};
struct reopen_tick {};
struct gateway_task {
  std::function<void(gateway_actor::pointer)> run;
};

} // namespace darkroom::actors

// Every message, for CAF: its type id, and that it stays within the process.
// clang-format off
#define DARKROOM_FOR_EACH_MESSAGE(X) \
  X(append_events) X(events_appended) X(append_failed) X(fetch_files) X(files_fetched) \
  X(load_batches) X(batches_loaded) X(replay_batch) X(batch_replayed) X(write_records) \
  X(records_written) X(purge_batch) X(purge_slice) X(release_files) X(release_next) X(files_released) X(forget_old) X(index_feed) X(take_back_outputs) X(probe_done) X(load_names) X(names_loaded) X(plan_names) X(plan_more) X(stop_planning) X(names_planned) X(add_files_request) \
  X(files_outcome) X(batch_idle) X(rest_tick) X(open_journal) X(journal_opened) X(journal_failed) X(write_group) X(sync_tail) X(sync_witness) X(close_journal) X(publish_events) X(subscribe) X(subscribed) \
  X(events_published) X(events_acknowledged) X(subscription_ended) X(cut_subscribers) \
  X(batch_request) X(command_outcome) X(describe_batch) X(batch_view) X(give_back) X(gave_back) \
  X(retry_tick) X(quota_tick) X(planning_tick) X(naming_tick) X(file_probed) X(request_lease) X(withdraw_request) X(batch_needs) X(window_share) X(reprioritise_request) X(request_withdrawn) \
  X(lease_granted) X(lease_impossible) X(lease_ended) X(hold_leases) X(resize_local_node) X(server_used) X(lease_tick) X(store_verdict) X(describe_queue) X(queue_view) X(describe_waits) X(batch_waits) \
  X(register_node) X(node_left) X(pause_node) X(steer_node) X(node_steered) X(recall_lease) X(cost_predicted) X(attempt_starting) X(attempt_started) X(attempt_refused) X(convert_file) \
  X(conversion_ended) X(interrupt_conversion) X(result_offered) X(result_accepted) \
  X(result_refused) X(place_outputs) X(outputs_placed) X(discard_outputs) X(sweep_outputs) \
  X(place_group) X(file_placed) X(attempt_failed) X(attempt_interrupted) X(withdraw_file) X(reprioritise_file) \
  X(file_withdrawn) X(interrupt_file) X(probe_files) X(run_probe) X(run_conversion) X(slot_idle) X(preview_file) X(run_preview) X(preview_ended) \
  X(shut_down) X(shut_down_done) X(reopen_tick) X(gateway_task)
// clang-format on

#define DARKROOM_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(darkroom::actors::name)
DARKROOM_FOR_EACH_MESSAGE(DARKROOM_LOCAL_MESSAGE)
#undef DARKROOM_LOCAL_MESSAGE

CAF_BEGIN_TYPE_ID_BLOCK(darkroom, caf::first_custom_type_id)
#define DARKROOM_TYPE_ID(name) CAF_ADD_TYPE_ID(darkroom, (darkroom::actors::name))
DARKROOM_FOR_EACH_MESSAGE(DARKROOM_TYPE_ID)
#undef DARKROOM_TYPE_ID
CAF_END_TYPE_ID_BLOCK(darkroom)
