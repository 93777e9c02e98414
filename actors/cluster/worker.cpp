#include "actors/cluster/worker.hpp"

#include "actors/cluster/ignore_unexpected.hpp"
#include "actors/cluster/limits.hpp"
#include "actors/codec_pool.hpp"
#include "actors/store_error.hpp"
#include "base/overloaded.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/spec_codec.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>

namespace darkroom::actors {

namespace {

using worker_pointer = worker_actor::stateful_pointer<worker_state>;
using worker_leases = std::map<domain::lease_id, worker_state::lease>;
using std::chrono::milliseconds;

template<class Message>
void tell_node(worker_pointer self, Message message) {
  const auto node = caf::actor_cast<caf::strong_actor_ptr>(self->state.node);
  if (node) self->send(caf::actor_cast<node_actor>(node), std::move(message));
}

void fetch_more(worker_pointer self) {
  auto& s = self->state;
  for (auto& [id, l] : s.leases) {
    if (l.phase != work_phase::fetching || l.dropped) continue;
    while (l.asked < l.entry->bytes && s.pulls.size() < limits::pieces_in_flight_max) {
      const auto bytes = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(l.entry->bytes - l.asked, s.pacer.bytes()));
      self->send(l.order.source, pull_input{id, l.asked, bytes});
      s.pulls.push_back({id, std::chrono::steady_clock::now()});
      l.asked += bytes;
    }
    if (s.pulls.size() >= limits::pieces_in_flight_max) return;
  }
}

void finish_if_leaving(worker_pointer self) {
  auto& s = self->state;
  if (s.leaves && s.leases.empty() && s.options.left) std::exchange(s.options.left, nullptr)();
}

void forget(worker_pointer self, worker_leases::iterator at) {
  auto& s = self->state;
  s.options.files->drop(at->first);
  s.leases.erase(at);
  finish_if_leaving(self);
}

void run_next(worker_pointer self) {
  auto& s = self->state;
  for (auto& [id, l] : s.leases) {
    if (s.in_slots.size() >= s.options.slots) return;
    if (l.phase != work_phase::waiting || l.dropped) continue;
    l.phase = work_phase::converting;
    s.in_slots.insert(id);
    conversion_job job;
    std::ranges::copy_n(l.order.batch.begin(), static_cast<std::ptrdiff_t>(job.batch.bytes.size()),
                        job.batch.bytes.begin());
    job.index = static_cast<domain::file_index>(id); // how the slot board tells them apart
    job.lease = id;
    job.owner = l.order.owner;
    auto entry = std::make_shared<domain::file_entry>(*l.entry);
    entry->source = spool_target(id);
    entry->modified_ns = 0;
    for (auto& output : entry->outputs)
      output = spool_target(id);
    job.file = std::move(entry);
    job.spec = l.spec;
    job.memory_bytes = l.order.memory_bytes;
    job.cpu_ms = l.order.cpu_ms;
    job.header_read = l.order.header_read;
    self->send(s.pool, convert_file{std::move(job)});
  }
}

// The file ends here, without outputs.
void fail(worker_pointer self, worker_leases::iterator at, codecs::codec_error error) {
  at->second.phase = work_phase::kept;
  file_ended ended;
  ended.lease = at->first;
  ended.how = static_cast<std::uint8_t>(file_end::failed);
  ended.reason = static_cast<std::uint8_t>(error.reason);
  ended.detail = std::move(error.detail);
  tell_node(self, std::move(ended));
}

// Inputs cannot be kept here: the server gives this machine nothing for a while.
void fail_by_disk(worker_pointer self, worker_leases::iterator at,
                  const persistence::file_error& error) {
  auto& s = self->state;
  const auto now = std::chrono::steady_clock::now();
  const bool told = s.fault_told_at && now - *s.fault_told_at < milliseconds(limits::fault_told_ms);
  if (s.options.announce && !told) {
    s.fault_told_at = now;
    s.options.announce(error.text() + ": no files are taken until there is room");
  }
  fail(self, at, store_error(error));
}

// Bytes of an input, in order. When it is whole, the file is ready for a slot.
void receive(worker_pointer self, worker_leases::iterator at, std::uint64_t offset,
             std::string_view content) {
  auto& s = self->state;
  auto& l = at->second;
  const auto bytes =
      std::span(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
  if (offset != l.received || bytes.size() > l.entry->bytes - l.received)
    return fail(self, at, {domain::failure_reason::io_error, "the input did not arrive"});
  if (const auto ok = persistence::write_all(l.file.get(), bytes, "an input"); !ok)
    return fail_by_disk(self, at, ok.error());
  l.sum->add(bytes);
  l.received += bytes.size();
  if (l.received != l.entry->bytes) return;
  const auto name = persistence::parse_hex(l.entry->source);
  if (name && l.sum->finish() != *name)
    return fail(self, at, {domain::failure_reason::io_error, "the input arrived damaged"});
  s.options.files->put_input(at->first, std::move(l.file));
  l.phase = work_phase::waiting;
  run_next(self);
}

void on_assign(worker_pointer self, const assign_file& message) {
  auto& s = self->state;
  s.node = caf::actor_cast<caf::actor_addr>(self->current_sender());
  const auto [at, is_new] = s.leases.try_emplace(message.lease);
  if (!is_new) return;
  auto& l = at->second;
  l.order = message;
  l.order.content.clear();
  auto entry = persistence::decode_entry(message.entry);
  auto spec = persistence::decode_spec(message.spec);
  if (!entry || !spec || message.batch.size() != sizeof(domain::batch_id::bytes))
    return fail(self, at, {domain::failure_reason::internal, "the order cannot be read"});
  l.entry = std::make_shared<domain::file_entry>(std::move(*entry));
  l.spec = std::make_shared<domain::conversion_spec>(std::move(*spec));
  if (l.entry->bytes == 0)
    return fail(self, at, {domain::failure_reason::truncated_input, "the file is empty"});
  auto file = s.options.files->make_file(l.entry->bytes);
  if (!file) return fail_by_disk(self, at, file.error());
  l.file = std::move(*file);
  l.sum = std::make_unique<persistence::sha256>();
  if (message.content.empty()) return fetch_more(self);
  if (message.content.size() != l.entry->bytes)
    return fail(self, at, {domain::failure_reason::io_error, "the input did not arrive"});
  l.asked = l.entry->bytes;
  receive(self, at, 0, message.content);
}

void on_input_piece(worker_pointer self, const input_piece& piece) {
  auto& s = self->state;
  const auto pull = std::ranges::find(s.pulls, piece.lease, &worker_state::pull::lease);
  if (pull == s.pulls.end()) return; // nobody asked
  const auto took = std::chrono::steady_clock::now() - pull->since;
  s.pulls.erase(pull);
  s.pacer.took(static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(took).count()));
  const auto at = s.leases.find(piece.lease);
  if (at == s.leases.end() || at->second.dropped || at->second.phase != work_phase::fetching)
    return fetch_more(self);
  if (piece.failed)
    fail(self, at, {domain::failure_reason::io_error, "the input did not arrive"});
  else
    receive(self, at, piece.offset, piece.content);
  fetch_more(self);
}

// All outputs, if they are small enough to go with the result.
std::vector<std::string> small_outputs(const spool& files, domain::lease_id lease,
                                       const domain::file_completed& result) {
  std::uint64_t sum = 0;
  for (const auto& output : result.outputs)
    sum += output.bytes;
  std::vector<std::string> contents;
  if (sum > limits::carried_bytes_max) return contents;
  contents.reserve(result.outputs.size());
  for (std::uint32_t i = 0; i < result.outputs.size(); ++i)
    contents.push_back(
        files.read_output(lease, i, 0, static_cast<std::uint32_t>(result.outputs[i].bytes)));
  return contents;
}

void on_conversion_ended(worker_pointer self, const conversion_ended& message) {
  auto& s = self->state;
  const auto at = s.leases.find(message.lease);
  if (at == s.leases.end()) return;
  auto& l = at->second;
  if (l.dropped) {
    forget(self, at);
    return tell_node(self, file_dropped{message.lease});
  }
  s.options.files->drop_input(message.lease);
  l.phase = work_phase::kept;
  file_ended ended;
  ended.lease = message.lease;
  ended.cpu_us = message.cpu_us.value_or(0);
  const auto ends = [&](file_end how) { ended.how = static_cast<std::uint8_t>(how); };
  const auto fails = [&](domain::failure_reason reason, const std::string& detail) {
    ends(file_end::failed);
    ended.reason = static_cast<std::uint8_t>(reason);
    ended.detail = detail.substr(0, limits::wire_detail_bytes_max);
  };
  std::visit(base::overloaded{[&](const file_converted& done) {
                                ends(file_end::converted);
                                auto result = done.result;
                                result.index = l.order.index;
                                ended.result = persistence::encode_outcome(result, 0);
                                ended.contents =
                                    small_outputs(*s.options.files, message.lease, result);
                              },
                              [&](const conversion_interrupted& end) {
                                // Of the others the server knows why, or is told by `leaving`.
                                ends(file_end::interrupted);
                                ended.reason = static_cast<std::uint8_t>(end.cause);
                                ended.detail = end.detail.substr(0, limits::wire_detail_bytes_max);
                              },
                              [&](const conversion_failed& failure) {
                                fails(failure.error.reason, failure.error.detail);
                              }},
             *message.outcome);
  tell_node(self, std::move(ended));
}

void on_drop(worker_pointer self, const drop_file& message) {
  auto& s = self->state;
  const auto at = s.leases.find(message.lease);
  if (at == s.leases.end()) {
    if (!message.only_if_waiting && !message.quiet) tell_node(self, file_dropped{message.lease});
    return;
  }
  auto& l = at->second;
  const bool runs = l.phase == work_phase::converting;
  if (message.only_if_waiting && (runs || l.phase == work_phase::kept)) return;
  if (runs) {
    l.dropped = true;
    self->send(s.pool, interrupt_conversion{message.lease}); // and then it is told
    return;
  }
  forget(self, at);
  if (!message.quiet) tell_node(self, file_dropped{message.lease});
  fetch_more(self);
}

// Where everything is, when it has changed, and now and then anyway.
void tell_progress(worker_pointer self) {
  auto& s = self->state;
  std::map<domain::file_index, domain::conversion_progress> in_slots;
  for (const auto& slot : s.options.board->read())
    if (!slot.path.empty()) in_slots[slot.file] = slot.progress;
  std::vector<file_position> files;
  for (const auto& [id, l] : s.leases) {
    file_position at{id, static_cast<std::uint8_t>(l.phase), 0, 0, l.received};
    if (l.phase == work_phase::fetching && l.entry && l.entry->bytes != 0)
      at.percent = static_cast<std::uint8_t>(l.received * 100 / l.entry->bytes);
    if (const auto in = in_slots.find(static_cast<domain::file_index>(id));
        l.phase == work_phase::converting && in != in_slots.end()) {
      at.stage = static_cast<std::uint8_t>(in->second.stage);
      at.percent = in->second.percent;
    }
    files.push_back(at);
  }
  const auto same = [](const file_position& a, const file_position& b) {
    return a.lease == b.lease && a.phase == b.phase && a.stage == b.stage &&
           a.percent == b.percent && a.received == b.received;
  };
  const auto now = std::chrono::steady_clock::now();
  if (!std::ranges::equal(files, s.told, same) ||
      (!files.empty() && now - s.told_at >= milliseconds(limits::heartbeat_ms))) {
    s.told = files;
    s.told_at = now;
    tell_node(self, work_progress{std::move(files)});
  }
  self->delayed_send(self, milliseconds(limits::progress_ms), work_tick{});
}

} // namespace

worker_actor::behavior_type worker(worker_pointer self, worker_options options) {
  auto& s = self->state;
  s.options = std::move(options);
  s.pool = self->spawn(codec_pool, pool_options{s.options.slots, s.options.detached},
                       s.options.make_runner, caf::actor_cast<dispatcher_actor>(worker_actor{self}),
                       s.options.board);
  self->link_to(s.pool); // neither is of use without the other
  ignore_unexpected(self);
  self->send(self, work_tick{});
  return {
      [self](const assign_file& message) { on_assign(self, message); },
      [self](const drop_file& message) { on_drop(self, message); },
      [self](const input_piece& message) { on_input_piece(self, message); },
      [self](const pull_output& message) {
        const auto asker = caf::actor_cast<transfer_actor>(self->current_sender());
        self->send(asker,
                   output_piece{message.lease, message.output, message.offset,
                                self->state.options.files->read_output(
                                    message.lease, message.output, message.offset, message.bytes)});
      },
      [self](echo) {
        const auto asker = caf::actor_cast<node_actor>(self->current_sender());
        self->send(asker, echo{});
      },
      [self](const conversion_ended& message) { on_conversion_ended(self, message); },
      [self](const lease_ended& message) {
        self->state.in_slots.erase(message.lease);
        run_next(self);
      },
      [self](leaving) {
        self->state.leaves = true;
        tell_node(self, leaving{});
        finish_if_leaving(self);
      },
      [self](work_tick) { tell_progress(self); },
  };
}

} // namespace darkroom::actors
