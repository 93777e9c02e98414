// Actors that stand around those under test, and note what they are told.
#pragma once

#include "fixture.hpp"

#include "actors/cluster/wire.hpp"
#include "persistence/event_codec.hpp"

#include <caf/send.hpp>

namespace darkroom::tests {

// What those around were told.
struct heard {
  // WORKER
  std::vector<actors::assign_file> assigned;
  std::vector<actors::drop_file> dropped;
  std::vector<actors::pull_output> output_pulls;
  std::vector<actors::input_piece> input_pieces;
  actors::transfer_actor puller; // of the last piece of an output
  // NODE
  std::vector<actors::file_ended> ended;
  std::vector<domain::lease_id> file_dropped;
  std::vector<actors::file_position> positions; // as they were told last
  std::vector<actors::input_read> inputs_read;
  std::vector<actors::outputs_fetched> fetched;
  bool leaving = false;
  // TRANSFER
  std::vector<actors::pull_input> input_pulls;
  std::vector<actors::output_piece> output_pieces;
  // CONVERTER
  std::vector<actors::conversion_ended> outcomes;
  std::vector<domain::lease_id> granted;
  std::vector<codecs::result<codecs::image_info>> probed;
  std::size_t withdrawn = 0;
  // DISPATCHER
  std::vector<domain::lease_id> leases_ended;
  std::vector<std::optional<std::uint64_t>> lease_costs; // that they ended with
  std::vector<bool> leases_ran;                          // whether their files did
  std::vector<std::uint32_t> paused_ms;
  std::optional<actors::register_node> registered;
  bool left = false;
};

struct part_state {
  static inline const char* name = "part";
  part_state() = default;
};

actors::worker_actor::behavior_type
noting_worker(actors::worker_actor::stateful_pointer<part_state> self, std::shared_ptr<heard> to);
actors::node_actor::behavior_type noting_node(actors::node_actor::stateful_pointer<part_state>,
                                              std::shared_ptr<heard> to);
actors::transfer_actor::behavior_type
noting_transfer(actors::transfer_actor::stateful_pointer<part_state>, std::shared_ptr<heard> to);
actors::converter_actor::behavior_type
noting_converter(actors::converter_actor::stateful_pointer<part_state>, std::shared_ptr<heard> to);
actors::dispatcher_actor::behavior_type
noting_dispatcher(actors::dispatcher_actor::stateful_pointer<part_state>,
                  std::shared_ptr<heard> to);

// What a worker would say of outputs with this content.
domain::file_completed result_of(const std::vector<std::string>& contents);
std::string as_told(const domain::file_completed& result);
// A job that makes so many outputs.
actors::conversion_job job_of(domain::lease_id lease, std::size_t outputs = 1);

} // namespace darkroom::tests
