#include "actors/cluster/transfer.hpp"

#include "actors/cluster/ignore_unexpected.hpp"
#include "actors/cluster/limits.hpp"
#include "actors/cluster/read_piece.hpp"
#include "actors/store_error.hpp"
#include "codecs/host/codec_host.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace darkroom::actors {

namespace {

using transfer_pointer = transfer_actor::stateful_pointer<transfer_state>;
using fetch_map = std::map<domain::lease_id, transfer_state::fetch>;

std::uint64_t bytes_of(const domain::file_completed& result) {
  std::uint64_t sum = 0;
  for (const auto& output : result.outputs)
    sum += output.bytes;
  return sum;
}

template<class Message>
void tell_node(transfer_pointer self, Message message) {
  const auto node = caf::actor_cast<caf::strong_actor_ptr>(self->state.node);
  if (node) self->send(caf::actor_cast<node_actor>(node), std::move(message));
}

bool is_from_worker(transfer_pointer self) {
  return self->current_sender() != nullptr &&
         caf::actor_cast<caf::actor_addr>(self->current_sender()) == self->state.worker.address();
}

// --- Inputs -------------------------------------------------------------------------------------

// Empty when there is nothing there. The first failure is told to the node.
std::string piece_of(transfer_pointer self, domain::lease_id lease, std::uint32_t bytes) {
  auto& s = self->state;
  auto& in = s.inputs.at(lease);
  if (!in.file && !in.failed) {
    auto opened = s.options.open_source(*in.entry, true);
    in.failed = !opened;
    if (opened)
      in.file = std::move(*opened);
    else
      tell_node(self, input_read{lease, {}, opened.error()});
  }
  if (in.failed) return {};
  const auto wanted = std::min<std::uint64_t>(bytes, in.entry->bytes - in.sent);
  auto content = read_piece(in.file.get(), in.sent, static_cast<std::uint32_t>(wanted));
  in.sent += content.size();
  if (content.size() == wanted) return content;
  in.failed = true;
  tell_node(self, input_read{lease,
                             {},
                             codecs::codec_error{domain::failure_reason::io_error,
                                                 "the input ends too early"}});
  return {};
}

// A small one whole, for the order itself.
void on_open_input(transfer_pointer self, const open_input& message) {
  auto& s = self->state;
  s.node = caf::actor_cast<caf::actor_addr>(self->current_sender());
  s.inputs[message.lease] = {message.file, {}, false};
  if (!message.read_now) return;
  auto content = piece_of(self, message.lease, static_cast<std::uint32_t>(message.file->bytes));
  if (!s.inputs.at(message.lease).failed)
    tell_node(self, input_read{message.lease, std::move(content), {}});
}

// A worker gets every byte once, in order: it cannot make the server send without end.
void on_pull_input(transfer_pointer self, const pull_input& wanted) {
  auto& s = self->state;
  if (!is_from_worker(self)) return;
  input_piece piece{wanted.lease, wanted.offset, {}, false};
  const auto at = s.inputs.find(wanted.lease);
  if (at != s.inputs.end() && wanted.offset == at->second.sent &&
      wanted.bytes <= limits::piece_bytes_most)
    piece.content = piece_of(self, wanted.lease, wanted.bytes);
  piece.failed = piece.content.empty();
  self->send(s.worker, std::move(piece)); // also for a lease that is over: the worker counts on it
}

// --- Outputs ------------------------------------------------------------------------------------

void forget(transfer_state& s, fetch_map::iterator at) {
  if (at->second.begun) s.fetching_bytes -= bytes_of(at->second.order.result);
  s.fetches.erase(at);
}

// False while as much is being fetched as may be at a time.
bool begin(transfer_state& s, transfer_state::fetch& f) {
  const auto bytes = bytes_of(f.order.result);
  if (s.fetching_bytes != 0 && s.fetching_bytes + bytes > limits::fetched_bytes_max) return false;
  // One that cannot be made shows when it is written to.
  for (std::size_t i = 0; i < f.order.result.outputs.size(); ++i)
    f.files.push_back(codecs::host::make_output_file());
  f.begun = true;
  s.fetching_bytes += bytes;
  return true;
}

void ask_for_more(transfer_pointer self) {
  auto& s = self->state;
  constexpr auto most = limits::pieces_in_flight_max / limits::transfers_per_node;
  for (auto& [lease, f] : s.fetches) {
    if (!f.begun && !begin(s, f)) return;
    while (f.output < f.files.size() && s.pulls.size() < most) {
      const auto left = f.order.result.outputs[f.output].bytes - f.asked;
      const auto bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, s.pacer.bytes()));
      self->send(s.worker, pull_output{lease, f.output, f.asked, bytes});
      s.pulls.push_back({lease, bytes, std::chrono::steady_clock::now()});
      f.asked += bytes;
      if (f.asked != f.order.result.outputs[f.output].bytes) continue;
      f.output += 1;
      f.asked = 0;
    }
    if (s.pulls.size() >= most) return;
  }
}

// Everything has come: is it what was said, and does it reach the disk?
outputs_fetched keep(transfer_state& s, transfer_state::fetch& f) {
  const auto lease = f.order.lease;
  const auto& job = f.order.job;
  const auto existing =
      job.file->replaces ? domain::existing_policy::overwrite : job.spec->existing;
  outputs_kept done{f.order.result, {}};
  const auto give_up = [&] {
    for (const auto& earlier : done.staged)
      s.options.outputs->discard(earlier);
  };
  for (std::uint32_t i = 0; i < f.files.size(); ++i) {
    auto staged = s.options.outputs->stage(job.batch, job.index, i, job.file->outputs[i],
                                           f.files[i].get(), existing);
    if (!staged) {
      give_up();
      return {lease, outputs_lost{store_error(staged.error())}};
    }
    const auto& said = done.result.outputs[i];
    const bool same = staged->sha256 == said.sha256 && staged->crc32 == said.crc32;
    done.staged.push_back(std::move(*staged));
    if (same) continue;
    give_up();
    return {lease, worker_lied{"the bytes of an output are not those that it named"}};
  }
  return {lease, std::move(done)};
}

void on_fetch_outputs(transfer_pointer self, const fetch_outputs& message) {
  auto& s = self->state;
  s.node = caf::actor_cast<caf::actor_addr>(self->current_sender());
  s.inputs.erase(message.lease);
  if (message.contents.size() != message.result.outputs.size()) {
    s.fetches[message.lease].order = message;
    return ask_for_more(self);
  }
  // Everything has come with the result.
  transfer_state::fetch f;
  f.order = message;
  for (const auto& content : message.contents) {
    f.files.push_back(codecs::host::make_output_file());
    const auto bytes =
        std::span(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
    if (const auto ok = persistence::write_all(f.files.back().get(), bytes, "an output"); !ok)
      return tell_node(self, outputs_fetched{message.lease, outputs_lost{store_error(ok.error())}});
  }
  tell_node(self, keep(s, f));
}

// Takes one piece of an output. What is told to the node, if that ends the fetch.
std::optional<outputs_fetched> take_piece(transfer_state& s, transfer_state::fetch& f,
                                          const output_piece& piece, std::uint32_t asked_bytes) {
  const auto& outputs = f.order.result.outputs;
  if (f.receiving >= outputs.size() || piece.output != f.receiving || piece.offset != f.received ||
      piece.content.size() != asked_bytes)
    return outputs_fetched{piece.lease, worker_lied{"an output has other bytes than it said"}};
  const auto bytes =
      std::span(reinterpret_cast<const std::uint8_t*>(piece.content.data()), piece.content.size());
  if (const auto ok = persistence::write_all(f.files[f.receiving].get(), bytes, "an output"); !ok)
    return outputs_fetched{piece.lease, outputs_lost{store_error(ok.error())}};
  f.received += piece.content.size();
  if (f.received == outputs[f.receiving].bytes) {
    f.receiving += 1;
    f.received = 0;
  }
  if (f.receiving == outputs.size()) return keep(s, f);
  return std::nullopt;
}

void on_output_piece(transfer_pointer self, const output_piece& piece) {
  auto& s = self->state;
  if (!is_from_worker(self)) return;
  const auto pull = std::ranges::find(s.pulls, piece.lease, &transfer_state::pull::lease);
  if (pull == s.pulls.end()) return; // nobody asked
  const auto took = std::chrono::steady_clock::now() - pull->since;
  const auto asked_bytes = pull->bytes;
  s.pulls.erase(pull);
  s.heard_at = std::chrono::steady_clock::now();
  s.pacer.took(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  // Not there: its lease is over.
  if (const auto at = s.fetches.find(piece.lease); at != s.fetches.end())
    if (auto ended = take_piece(s, at->second, piece, asked_bytes)) {
      forget(s, at);
      tell_node(self, std::move(*ended));
    }
  ask_for_more(self);
}

// What had come before the doubt has been looked at: whatever kept this thread, the worker has not
// answered.
void on_doubt(transfer_pointer self, domain::lease_id lease) {
  auto& s = self->state;
  const auto pull = std::ranges::find(s.pulls, lease, &transfer_state::pull::lease);
  if (pull == s.pulls.end() || !s.fetches.contains(lease)) return; // it waits for its turn
  const auto silence = std::chrono::milliseconds(limits::lease_silence_ms);
  if (std::chrono::steady_clock::now() - std::max(pull->since, s.heard_at) < silence) return;
  forget(s, s.fetches.find(lease));
  tell_node(self,
            outputs_fetched{lease, worker_lied{"said that a file was done, and sent none of its "
                                               "bytes for long"}});
}

} // namespace

transfer_actor::behavior_type transfer(transfer_pointer self, transfer_options options,
                                       worker_actor worker) {
  self->state.options = std::move(options);
  ignore_unexpected(self);
  self->state.worker = std::move(worker);
  return {
      [self](const open_input& message) { on_open_input(self, message); },
      [self](const fetch_outputs& message) { on_fetch_outputs(self, message); },
      [self](const end_transfer& message) {
        auto& s = self->state;
        s.inputs.erase(message.lease);
        if (const auto at = s.fetches.find(message.lease); at != s.fetches.end()) forget(s, at);
        ask_for_more(self);
      },
      [self](const doubt_outputs& message) { on_doubt(self, message.lease); },
      [self](const pull_input& message) { on_pull_input(self, message); },
      [self](const output_piece& message) { on_output_piece(self, message); },
  };
}

} // namespace darkroom::actors
