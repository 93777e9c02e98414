#include "actors/cluster/node.hpp"

#include "actors/cluster/ignore_unexpected.hpp"
#include "actors/cluster/limits.hpp"
#include "actors/count_outcome.hpp"
#include "actors/limits.hpp"
#include "actors/spawn_blocking.hpp"
#include "codecs/limits.hpp"
#include "domain/text.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/spec_codec.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <tuple>

namespace darkroom::actors {

namespace {

using node_pointer = node_actor::stateful_pointer<node_state>;
using node_leases = std::map<domain::lease_id, node_state::lease>;
using domain::failure_reason;
using domain::interruption;
using std::chrono::milliseconds;

constexpr std::uint8_t unheard = UINT8_MAX; // phase of a file of which the worker has said nothing

void remember(node_state& s, domain::lease_id id) {
  s.ended.push_back(id);
  if (s.ended.size() > limits::lease_memory_of_node) s.ended.pop_front();
}

void show(node_state& s, node_state::lease& l) {
  const bool runs = l.at.phase == static_cast<std::uint8_t>(work_phase::converting) ||
                    l.at.phase == static_cast<std::uint8_t>(work_phase::kept);
  if (!runs) return;
  if (!l.row) {
    if (s.rows.empty()) return;
    l.row = s.rows.back();
    s.rows.pop_back();
    s.options.slots->busy(*l.row, {l.job.file->path, l.job.batch, l.job.index, s.machine, {}, {}});
  }
  s.options.slots->at(*l.row, {static_cast<domain::conversion_stage>(l.at.stage), l.at.percent});
}

// Takes a lease off the list: nothing of it counts any more.
node_state::lease take(node_state& s, node_leases::iterator at) {
  auto taken = std::move(at->second);
  remember(s, at->first);
  s.leases.erase(at);
  if (taken.row) {
    s.options.slots->idle(*taken.row);
    s.rows.push_back(*taken.row);
  }
  return taken;
}

void report(node_pointer self, const node_state::lease& l, conversion_outcome outcome) {
  count_outcome(*self->state.options.nodes, self->state.machine, outcome);
  self->send(l.asker, conversion_ended{l.job.lease,
                                       std::make_shared<conversion_outcome>(std::move(outcome))});
}

void report_interruption(node_pointer self, const node_state::lease& l, interruption cause) {
  report(self, l, conversion_interrupted{cause});
}

lease_ended end_of(domain::lease_id id, const node_state::lease& l) {
  return {id, l.cpu_us, l.begun || l.cpu_us};
}

void end_lease(node_pointer self, const lease_ended& end) {
  self->send(self->state.options.dispatcher, end);
}

// Gives a file back while the worker may still be at it: its slot counts as taken until it says
// that nothing is left.
void withdraw(node_pointer self, node_leases::iterator at, interruption cause) {
  auto& s = self->state;
  const auto id = at->first;
  const auto l = take(s, at);
  self->send(s.transfers[l.transfer], end_transfer{id});
  report_interruption(self, l, cause);
  auto end = end_of(id, l);
  // That a machine was lost, or did not answer, is not its users' fault.
  if (cause == interruption::node_lost && !end.cpu_us) end.ran = false;
  if (!l.sent) return end_lease(self, end);
  self->send(s.worker, drop_file{id});
  s.dropping.emplace(id, node_state::dropped_lease{self->clock().now(), end});
}

void tell_bytes(node_state& s) {
  const std::uint64_t in = s.options.link->bytes_in, out = s.options.link->bytes_out;
  s.options.nodes->change(s.machine, [&](node_row& row) {
    row.bytes_in += in - std::exchange(s.bytes_in, in);
    row.bytes_out += out - std::exchange(s.bytes_out, out);
  });
}

// --- Loss ---------------------------------------------------------------------------------------

void lose(node_pointer self, const std::string& why) {
  auto& s = self->state;
  if (s.lost) return;
  s.lost = true;
  s.lost_at = self->clock().now();
  self->send(s.options.dispatcher, node_left{codec_pool_actor{node_actor{self}}});
  while (!s.leases.empty()) {
    const auto l = take(s, s.leases.begin());
    report_interruption(self, l, l.begun ? interruption::node_lost : interruption::not_begun);
  }
  s.dropping.clear();
  for (const auto& t : s.transfers)
    self->send_exit(t, caf::exit_reason::user_shutdown);
  s.transfers.clear();
  s.options.slots->give_back(std::exchange(s.rows, {}));
  s.options.links->remove(s.options.link);
  s.options.link->cut();
  tell_bytes(s);
  s.options.nodes->lose(s.machine, s.options.now_us(), why);
  self->delayed_send(self, milliseconds(limits::node_grace_ms), work_tick{});
}

// What it said cannot be: nothing else that it says counts either.
void distrust(node_pointer self, const std::string& why) {
  auto& s = self->state;
  if (s.lost) return;
  s.options.nodes->isolate(s.machine, why);
  s.options.links->isolate(s.machine, why);
  lose(self, why);
}

// --- What the worker says -----------------------------------------------------------------------

// A fault of the worker's disk, not of the file: what cannot be read here, TRANSFER tells.
bool is_of_machine(failure_reason reason) {
  return reason == failure_reason::disk_full || reason == failure_reason::io_error;
}

// Others go first for a while.
void rest(node_pointer self, const std::string& why) {
  auto& s = self->state;
  self->send(s.options.dispatcher,
             pause_node{codec_pool_actor{node_actor{self}}, limits::node_paused_ms});
  const auto now_us = s.options.now_us();
  s.options.nodes->pause(s.machine, why, now_us,
                         now_us + std::int64_t{limits::node_paused_ms} * 1'000);
}

// The worker has ended with a file and need not keep it.
node_state::lease take_ended(node_pointer self, node_leases::iterator at) {
  auto& s = self->state;
  const auto id = at->first;
  auto l = take(s, at);
  self->send(s.transfers[l.transfer], end_transfer{id});
  self->send(s.worker, drop_file{.lease = id, .quiet = true});
  return l;
}

std::string detail_of(const file_ended& message) {
  return domain::printable(message.detail.substr(0, limits::wire_detail_bytes_max));
}

void on_failed(node_pointer self, node_leases::iterator at, const file_ended& message) {
  if (message.reason >= base::enum_count<domain::failure_reason>)
    return distrust(self, "gave a reason that there is not");
  const auto reason = static_cast<failure_reason>(message.reason);
  const auto l = take_ended(self, at);
  if (is_of_machine(reason)) {
    rest(self, detail_of(message));
    report_interruption(self, l, interruption::disk_full);
  } else {
    report(self, l, conversion_failed{{reason, detail_of(message)}});
  }
  end_lease(self, {message.lease, l.cpu_us});
}

// From outside, on a machine that goes on.
void on_host_killed(node_pointer self, node_leases::iterator at, const file_ended& message) {
  const auto l = take_ended(self, at);
  report(self, l, conversion_interrupted{interruption::host_killed, detail_of(message)});
  end_lease(self, {message.lease, l.cpu_us});
}

// A small file, of which nothing was known.
void on_needs_more(node_pointer self, node_leases::iterator at, const file_ended& message) {
  if (at->second.job.header_read)
    return distrust(self, "reported too little memory for a planned file");
  const auto l = take_ended(self, at);
  // How much it is, its header will say, which is read here.
  report(self, l, conversion_interrupted{interruption::memory_raised, {}, l.job.memory_bytes});
  end_lease(self, {message.lease, l.cpu_us});
}

// Contents that came with a result: none, or all as it says, and small.
bool fits(const std::vector<std::string>& contents, const domain::file_completed& result) {
  std::uint64_t sum = 0;
  for (const auto& content : contents)
    sum += content.size();
  return contents.empty() || (sum <= limits::carried_bytes_max &&
                              std::ranges::equal(contents, result.outputs, {}, &std::string::size,
                                                 &domain::output_record::bytes));
}

void on_converted(node_pointer self, node_leases::iterator at, const file_ended& message) {
  auto& l = at->second;
  auto decoded = persistence::decode_outcome(message.result);
  auto* result = decoded ? std::get_if<domain::file_completed>(&decoded->result) : nullptr;
  const auto possible = [](const domain::output_record& o) {
    return o.bytes != 0 && o.bytes <= limits::output_bytes_max;
  };
  if (result == nullptr || result->outputs.size() != l.job.file->outputs.size() ||
      !std::ranges::all_of(result->outputs, possible))
    return distrust(self, "told a result that cannot be");
  if (!fits(message.contents, *result))
    return distrust(self, "an output has other bytes than it said");
  l.fetching = l.begun = true;
  l.at.phase = static_cast<std::uint8_t>(work_phase::kept);
  l.deadline = self->clock().now() + milliseconds(limits::lease_silence_ms);
  result->bytes_in = l.job.file->bytes;
  self->send(self->state.transfers[l.transfer],
             fetch_outputs{at->first, l.job, std::move(*result), message.contents});
}

void on_file_ended(node_pointer self, const file_ended& message) {
  auto& s = self->state;
  if (s.lost) return;
  const auto at = s.leases.find(message.lease);
  if (at == s.leases.end()) {
    if (std::ranges::find(s.ended, message.lease) == s.ended.end())
      return distrust(self, "told the result of a file that it was not given");
    s.options.nodes->change(s.machine, [](node_row& row) { row.late_results += 1; });
    return;
  }
  if (at->second.fetching) return distrust(self, "told the result of a file twice");
  if (message.cpu_us != 0) // never more than it may take: nobody pays for a worker's error
    at->second.cpu_us = std::min(message.cpu_us, std::uint64_t{at->second.job.cpu_ms} * 1'000);
  const auto how = base::enum_from_number<file_end>(message.how);
  if (!how) return distrust(self, "told an end that there is not");
  if (*how == file_end::converted) return on_converted(self, at, message);
  if (*how == file_end::failed) return on_failed(self, at, message);
  if (message.reason == static_cast<std::uint8_t>(interruption::host_killed))
    return on_host_killed(self, at, message);
  if (message.reason == static_cast<std::uint8_t>(interruption::memory_raised))
    return on_needs_more(self, at, message);
  if (!s.leaves) rest(self, "a conversion was interrupted there"); // it does not say why
  withdraw(self, at, interruption::shutdown);
}

void on_file_dropped(node_pointer self, domain::lease_id id) {
  auto& s = self->state;
  if (const auto dropped = s.dropping.extract(id)) return end_lease(self, dropped.mapped().end);
  const auto at = s.leases.find(id);
  if (at == s.leases.end() || !at->second.recalled || at->second.fetching) return;
  const auto l = take(s, at);
  self->send(s.transfers[l.transfer], end_transfer{id});
  report_interruption(self, l, interruption::not_begun);
  end_lease(self, {id, l.cpu_us, false});
}

void on_fetched(node_pointer self, const outputs_fetched& message) {
  auto& s = self->state;
  const auto at = s.leases.find(message.lease);
  const auto* kept = std::get_if<outputs_kept>(&message.outcome);
  if (s.lost || at == s.leases.end()) { // it came too late
    if (kept != nullptr)
      for (const auto& staged : kept->staged)
        s.options.transfers.outputs->discard(staged);
    return;
  }
  if (const auto* lie = std::get_if<worker_lied>(&message.outcome))
    return distrust(self, lie->what);
  const auto id = at->first;
  const auto l = take(s, at);
  self->send(s.worker, drop_file{.lease = id, .quiet = true}); // it need not keep it
  if (kept != nullptr)
    report(self, l, file_converted{kept->result, kept->staged});
  else
    report(self, l, conversion_failed{std::get<outputs_lost>(message.outcome).error});
  end_lease(self, {id, l.cpu_us});
}

bool is_further(const file_position& a, const file_position& b) {
  return std::tie(a.phase, a.stage, a.percent, a.received) >
         std::tie(b.phase, b.stage, b.percent, b.received);
}

void on_progress(node_pointer self, const work_progress& message) {
  auto& s = self->state;
  const auto now = self->clock().now();
  bool receives = false; // the link is busy with one of its inputs: the others have to wait
  for (const auto& file : message.files) {
    const auto at = s.leases.find(file.lease);
    if (at == s.leases.end() || at->second.fetching) continue;
    if (file.phase >= base::enum_count<work_phase> ||
        file.stage >= base::enum_count<domain::conversion_stage> || file.percent > 100)
      return distrust(self, "told a progress that cannot be");
    auto& l = at->second;
    const bool moved = l.at.phase == unheard || is_further(file, l.at) ||
                       file.phase == static_cast<std::uint8_t>(work_phase::waiting);
    receives |= file.received > l.at.received;
    l.at = file;
    if (file.phase >= static_cast<std::uint8_t>(work_phase::converting)) l.begun = true;
    if (moved)
      l.deadline = now + milliseconds(limits::lease_silence_ms) +
                   milliseconds(l.begun ? l.job.cpu_ms * limits::wall_per_cpu : 0);
    show(s, l);
  }
  if (!receives) return;
  for (auto& [id, l] : s.leases)
    if (l.at.phase == unheard || l.at.phase == static_cast<std::uint8_t>(work_phase::fetching))
      l.deadline = std::max(l.deadline, now + milliseconds(limits::lease_silence_ms));
}

// --- What the server wants ----------------------------------------------------------------------

// `content`: of a small input; empty: the worker pulls it.
void assign(node_pointer self, domain::lease_id id, std::string content) {
  auto& s = self->state;
  const auto at = s.leases.find(id);
  if (s.lost || at == s.leases.end()) return; // meanwhile
  auto& l = at->second;
  l.sent = true;
  assign_file order;
  order.lease = id;
  order.source = s.transfers[l.transfer];
  order.batch.assign(l.job.batch.bytes.begin(), l.job.batch.bytes.end());
  order.index = l.job.index;
  order.owner = l.job.owner;
  order.entry = persistence::encode_entry(*l.job.file);
  order.spec = persistence::encode_spec(*l.job.spec);
  order.content = std::move(content);
  order.memory_bytes = l.job.memory_bytes;
  order.cpu_ms = l.job.cpu_ms;
  order.header_read = l.job.header_read;
  self->send(s.worker, std::move(order));
}

void on_convert(node_pointer self, const convert_file& message) {
  auto& s = self->state;
  const auto asker = caf::actor_cast<converter_actor>(self->current_sender());
  const auto id = message.job.lease;
  if (s.lost) { // meanwhile
    self->send(asker, conversion_ended{id, std::make_shared<conversion_outcome>(
                                               conversion_interrupted{interruption::not_begun})});
    return;
  }
  auto& l = s.leases[id];
  l.job = message.job;
  l.asker = asker;
  l.transfer = id % s.transfers.size();
  l.at.phase = unheard;
  l.since = self->clock().now();
  l.deadline = l.since + milliseconds(limits::lease_silence_ms);
  const bool small = l.job.file->bytes <= limits::carried_bytes_max;
  self->send(s.transfers[l.transfer], open_input{id, l.job.file, small});
  if (!small) assign(self, id, {});
}

void on_input_read(node_pointer self, const input_read& message) {
  auto& s = self->state;
  if (!message.error) return assign(self, message.lease, message.content);
  const auto at = s.leases.find(message.lease);
  if (s.lost || at == s.leases.end()) return;
  const auto l = take(s, at);
  self->send(s.transfers[l.transfer], end_transfer{message.lease});
  if (l.sent) self->send(s.worker, drop_file{.lease = message.lease, .quiet = true});
  report(self, l, conversion_failed{*message.error});
  end_lease(self, end_of(message.lease, l));
}

void on_interrupt(node_pointer self, domain::lease_id id) {
  auto& s = self->state;
  if (s.lost) return;
  const auto at = s.leases.find(id);
  if (at != s.leases.end())
    withdraw(self, at, interruption::shutdown);
  else if (!s.dropping.contains(id))
    end_lease(self, {id, {}, false}); // it was never given away
}

void on_recall(node_pointer self, domain::lease_id id) {
  auto& s = self->state;
  const auto at = s.leases.find(id);
  if (s.lost || at == s.leases.end() || at->second.begun) return;
  if (at->second.job.batch == domain::batch_id{}) return; // somebody waits for this picture
  if (!at->second.sent) return withdraw(self, at, interruption::not_begun);
  at->second.recalled = true;
  self->send(s.worker, drop_file{.lease = id, .only_if_waiting = true});
}

void look(node_pointer self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  const milliseconds silence(limits::lease_silence_ms);
  std::vector<domain::lease_id> stalled;
  for (auto& [id, l] : s.leases) {
    if (now >= l.since + milliseconds(limits::lease_ms_max)) {
      stalled.push_back(id);
    } else if (now >= l.deadline && l.fetching) { // by our fault, or by the worker's?
      self->send(s.transfers[l.transfer], doubt_outputs{id});
      l.deadline = now + silence;
    } else if (now >= l.deadline) {
      stalled.push_back(id);
    }
  }
  for (const auto id : stalled) {
    const auto at = s.leases.find(id);
    withdraw(self, at, at->second.begun ? interruption::node_lost : interruption::not_begun);
  }
  const auto is_old = [&](const auto& dropped) { return now >= dropped.second.since + silence; };
  if ((!s.echo_back && now >= s.echo_sent + silence) || std::ranges::any_of(s.dropping, is_old))
    return lose(self, "its link is up, and yet it does not answer");
  if (s.echo_back) {
    s.echo_back = false;
    s.echo_sent = now;
    self->send(s.worker, echo{});
  }
  tell_bytes(s);
  self->delayed_send(self, milliseconds(limits::node_look_ms), work_tick{});
}

bool is_from_worker(node_pointer self) {
  return self->current_sender() != nullptr &&
         caf::actor_cast<caf::actor_addr>(self->current_sender()) == self->state.worker.address();
}

} // namespace

node_actor::behavior_type node(node_pointer self, node_options options, worker_actor worker) {
  auto& s = self->state;
  s.options = std::move(options);
  s.worker = std::move(worker);
  s.machine = s.options.link->name;
  const auto& hello = s.options.link->hello;
  for (std::size_t i = 0; i < limits::transfers_per_node; ++i)
    if (auto made = try_spawn_blocking(*self, s.options.detached, "transfer", transfer,
                                       s.options.transfers, s.worker))
      s.transfers.push_back(std::move(made)); // fewer serve as well
  const auto ahead = std::max(1u, hello.slots * limits::node_files_waiting_percent / 100);
  s.rows = s.options.slots->take(hello.slots + ahead);
  node_row row;
  row.name = s.machine;
  row.address = s.options.link->address;
  row.version = hello.version;
  row.slots = hello.slots;
  row.memory_bytes = hello.memory_bytes;
  row.joined_us = s.options.now_us();
  s.options.nodes->join(row);
  ignore_unexpected(self);
  self->monitor(s.worker);
  self->set_down_handler([self](const caf::down_msg&) {
    lose(self, self->state.leaves ? "it was stopped" : "the link was lost");
  });
  self->set_exit_handler([self](const caf::exit_msg& message) {
    lose(self, "the server ends");
    self->quit(message.reason);
  });
  if (s.transfers.empty())
    lose(self, "the server has no thread for its files"); // the worker may join again
  else
    self->send(s.options.dispatcher, register_node{s.machine, codec_pool_actor{node_actor{self}},
                                                   hello.slots, hello.memory_bytes, ahead, false});
  self->send(self, work_tick{});
  return {
      [](const probe_files&) {}, // headers are read on the server
      [self](const convert_file& message) { on_convert(self, message); },
      [self](const interrupt_conversion& message) { on_interrupt(self, message.lease); },
      [](probe_done) {},
      [](const slot_idle&) {},
      [self](const recall_lease& message) { on_recall(self, message.lease); },
      [self](const file_ended& message) {
        if (is_from_worker(self)) on_file_ended(self, message);
      },
      [self](const file_dropped& message) {
        if (is_from_worker(self)) on_file_dropped(self, message.lease);
      },
      [self](const work_progress& message) {
        if (is_from_worker(self)) on_progress(self, message);
      },
      [self](const input_read& message) { on_input_read(self, message); },
      [self](const outputs_fetched& message) { on_fetched(self, message); },
      [self](const echo&) {
        auto& st = self->state;
        if (!is_from_worker(self) || st.lost || st.echo_back) return;
        st.echo_back = true;
        const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
            self->clock().now() - st.echo_sent);
        st.options.nodes->change(st.machine, [&](node_row& r) {
          r.round_trip_us = static_cast<std::uint64_t>(took.count());
        });
      },
      [self](leaving) {
        auto& st = self->state;
        if (!is_from_worker(self) || st.lost) return;
        st.leaves = true;
        self->send(st.options.dispatcher,
                   pause_node{codec_pool_actor{node_actor{self}}, UINT32_MAX});
        std::vector<domain::lease_id> all;
        all.reserve(st.leases.size());
        for (const auto& [id, l] : st.leases)
          all.push_back(id);
        for (const auto id : all)
          on_recall(self, id);
      },
      [self](work_tick) {
        if (!self->state.lost) return look(self);
        const auto gone = self->clock().now() - self->state.lost_at;
        if (gone >= milliseconds(limits::node_grace_ms)) self->quit();
      },
  };
}

} // namespace darkroom::actors
