#include "noting_actors.hpp"
#include "base/units.hpp"

#include "persistence/digest.hpp"

#include <caf/actor_cast.hpp>

namespace darkroom::tests {

using namespace actors;

worker_actor::behavior_type noting_worker(worker_actor::stateful_pointer<part_state> self,
                                          std::shared_ptr<heard> to) {
  return {[to](const assign_file& m) { to->assigned.push_back(m); },
          [to](const drop_file& m) { to->dropped.push_back(m); },
          [to](const input_piece& m) { to->input_pieces.push_back(m); },
          [to, self](const pull_output& m) {
            to->output_pulls.push_back(m);
            to->puller = caf::actor_cast<transfer_actor>(self->current_sender());
          },
          [](const echo&) {},
          [](const conversion_ended&) {},
          [](const lease_ended&) {},
          [](leaving) {},
          [](work_tick) {}};
}

node_actor::behavior_type noting_node(node_actor::stateful_pointer<part_state>,
                                      std::shared_ptr<heard> to) {
  return {[](const probe_files&) {},
          [](const convert_file&) {},
          [](const interrupt_conversion&) {},
          [](probe_done) {},
          [](const slot_idle&) {},
          [](const recall_lease&) {},
          [to](const file_ended& m) { to->ended.push_back(m); },
          [to](const file_dropped& m) { to->file_dropped.push_back(m.lease); },
          [to](const work_progress& m) { to->positions = m.files; },
          [to](const input_read& m) { to->inputs_read.push_back(m); },
          [to](const outputs_fetched& m) { to->fetched.push_back(m); },
          [](const echo&) {},
          [to](leaving) { to->leaving = true; },
          [](work_tick) {}};
}

transfer_actor::behavior_type noting_transfer(transfer_actor::stateful_pointer<part_state>,
                                              std::shared_ptr<heard> to) {
  return {[](const open_input&) {},
          [](const fetch_outputs&) {},
          [](const end_transfer&) {},
          [](const doubt_outputs&) {},
          [to](const pull_input& m) { to->input_pulls.push_back(m); },
          [to](const output_piece& m) { to->output_pieces.push_back(m); }};
}

converter_actor::behavior_type noting_converter(converter_actor::stateful_pointer<part_state>,
                                                std::shared_ptr<heard> to) {
  return {[to](const file_probed& m) { to->probed.push_back(m.info); },
          [to](const lease_granted& m) { to->granted.push_back(m.lease); },
          [](const lease_impossible&) {},
          [to](request_withdrawn) { to->withdrawn += 1; },
          [](attempt_started) {},
          [](attempt_refused) {},
          [to](const conversion_ended& m) { to->outcomes.push_back(m); },
          [](result_accepted) {},
          [](result_refused) {},
          [](const outputs_placed&) {},
          [](withdraw_file) {},
          [](const reprioritise_file&) {},
          [](interrupt_file) {},
          [](store_verdict) {}};
}

dispatcher_actor::behavior_type noting_dispatcher(dispatcher_actor::stateful_pointer<part_state>,
                                                  std::shared_ptr<heard> to) {
  return {[](const request_lease&) {},
          [](const withdraw_request&) {},
          [](const reprioritise_request&) {},
          [](const batch_needs&) {},
          [to](const lease_ended& m) {
            to->leases_ended.push_back(m.lease);
            to->lease_costs.push_back(m.cpu_us);
            to->leases_ran.push_back(m.ran);
          },
          [](const hold_leases&) {},
          [](describe_queue) { return queue_view{}; },
          [](const describe_waits&) { return batch_waits{}; },
          [to](const register_node& m) { to->registered = m; },
          [to](const node_left&) { to->left = true; },
          [](const resize_local_node&) {},
          [](server_used) {},
          [to](const pause_node& m) { to->paused_ms.push_back(m.ms); },
          [](const steer_node&) { return node_steered{}; },
          [](const lease_tick&) {}};
}

domain::file_completed result_of(const std::vector<std::string>& contents) {
  domain::file_completed result;
  result.width = result.height = 1;
  for (const auto& content : contents) {
    const auto bytes =
        std::span(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
    persistence::sha256 sum;
    sum.add(bytes);
    result.outputs.push_back({.bytes = content.size(),
                              .sha256 = sum.finish(),
                              .width = 1,
                              .height = 1,
                              .crc32 = persistence::crc32_of(0, bytes)});
  }
  return result;
}

std::string as_told(const domain::file_completed& result) {
  return persistence::encode_outcome(result, 0);
}

conversion_job job_of(domain::lease_id lease, std::size_t outputs) {
  conversion_job job;
  job.batch = domain::batch_id{{7}};
  job.index = static_cast<domain::file_index>(lease);
  job.lease = lease;
  job.owner = "ann";
  auto entry = std::make_shared<domain::file_entry>();
  entry->path = "f" + std::to_string(lease);
  entry->bytes = 100;
  for (std::size_t i = 0; i < outputs; ++i)
    entry->outputs.push_back("o" + std::to_string(lease) + "." + std::to_string(i));
  job.file = std::move(entry);
  auto spec = std::make_shared<domain::conversion_spec>();
  spec->outputs.resize(outputs, {.format = "webp"});
  job.spec = std::move(spec);
  job.memory_bytes = limits::MiB;
  job.cpu_ms = 1'000;
  return job;
}

} // namespace darkroom::tests
