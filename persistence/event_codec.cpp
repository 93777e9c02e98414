#include "persistence/event_codec.hpp"

#include "domain/limits.hpp"
#include "journal.pb.h"
#include "persistence/field_codec.hpp"
#include "persistence/parse_message.hpp"
#include "persistence/spec_codec.hpp"

#include <algorithm>

namespace darkroom::persistence {

namespace {

namespace pb = darkroom::journal;
using namespace darkroom::domain;

template<class Int>
bool read_small(std::uint32_t value, std::uint32_t max, Int& out) {
  if (value > max) return false;
  out = static_cast<Int>(value);
  return true;
}

bool read_spec(const std::string& from, conversion_spec& to) {
  auto spec = decode_spec(from);
  if (!spec) return false;
  to = *std::move(spec);
  return true;
}

void write(const file_entry& from, pb::FileEntry& to) {
  to.set_path(from.path);
  to.set_source(from.source);
  to.set_bytes(from.bytes);
  to.set_modified_ns(from.modified_ns);
  to.set_replaces(from.replaces);
  for (const auto& output : from.outputs)
    to.add_outputs(output);
}

void read(const pb::FileEntry& from, file_entry& to) {
  to.path = from.path();
  to.source = from.source();
  to.bytes = from.bytes();
  to.modified_ns = from.modified_ns();
  to.replaces = from.replaces();
  to.outputs.assign(from.outputs().begin(), from.outputs().end());
}

template<class Repeated>
void write_indexes(const std::vector<file_index>& from, Repeated& to) {
  to.Add(from.begin(), from.end());
}

template<class Repeated>
std::vector<file_index> read_indexes(const Repeated& from) {
  return {from.begin(), from.end()};
}

// A sorted list as runs of neighbours: for each, how many lie between it and the run before, and
// how many it has. A million files take at most a million bytes.
template<class Repeated>
void write_runs(const std::vector<file_index>& from, Repeated& to) {
  file_index next = 0; // after the run before
  for (std::size_t i = 0; i < from.size();) {
    std::size_t end = i + 1;
    while (end < from.size() && from[end] == from[end - 1] + 1)
      ++end;
    to.Add(from[i] - next);
    to.Add(static_cast<std::uint32_t>(end - i));
    next = from[end - 1] + 1;
    i = end;
  }
}

// False when these are not the runs of files that one batch can have.
template<class Repeated>
bool read_runs(const Repeated& from, std::vector<file_index>& to) {
  std::uint64_t next = 0;
  if (from.size() % 2 != 0) return false;
  for (int i = 0; i < from.size(); i += 2) {
    next += from[i];
    const std::uint64_t end = next + from[i + 1];
    if (end > limits::files_per_batch_max) return false;
    for (; next < end; ++next)
      to.push_back(static_cast<file_index>(next));
  }
  return true;
}

template<class Repeated>
void write_replanned(const std::vector<domain::replanned_file>& from, Repeated& to) {
  for (const auto& file : from) {
    auto& replanned = *to.Add();
    replanned.set_index(file.index);
    for (const auto& output : file.outputs)
      replanned.add_outputs(output);
  }
}

template<class Repeated>
std::vector<domain::replanned_file> read_replanned(const Repeated& from) {
  std::vector<domain::replanned_file> files;
  for (const auto& file : from)
    files.push_back({file.index(), {file.outputs().begin(), file.outputs().end()}});
  return files;
}

void write(const file_completed& from, pb::FileCompleted& to) {
  to.set_index(from.index);
  to.set_attempt(from.attempt);
  for (const auto& output : from.outputs) {
    auto& record = *to.add_outputs();
    record.set_bytes(output.bytes);
    record.set_sha256(output.sha256.data(), output.sha256.size());
    record.set_width(output.width);
    record.set_height(output.height);
    record.set_crc32(output.crc32);
  }
  to.set_losses(from.losses.bits);
  to.set_arrived_percent(from.arrived_percent);
  to.set_extension_mismatch(from.extension_mismatch);
  to.set_width(from.width);
  to.set_height(from.height);
  to.set_bytes_in(from.bytes_in);
  to.set_wall_ms(from.wall_ms);
  to.set_probe_us(from.stages.probe_us);
  to.set_wait_us(from.stages.wait_us);
  to.set_convert_us(from.stages.convert_us);
  to.set_store_us(from.stages.store_us);
}

bool read(const pb::FileCompleted& from, file_completed& to) {
  to.index = from.index();
  to.attempt = from.attempt();
  for (const auto& output : from.outputs()) {
    auto& record = to.outputs.emplace_back();
    record.bytes = output.bytes();
    record.width = output.width();
    record.height = output.height();
    record.crc32 = output.crc32();
    if (output.sha256().size() != record.sha256.size()) return false;
    std::ranges::copy(output.sha256(), record.sha256.begin());
  }
  to.losses.bits = from.losses();
  if (from.arrived_percent() > 100) return false;
  to.arrived_percent = static_cast<std::uint8_t>(from.arrived_percent());
  to.extension_mismatch = from.extension_mismatch();
  to.width = from.width();
  to.height = from.height();
  to.bytes_in = from.bytes_in();
  to.wall_ms = from.wall_ms();
  to.stages = {from.probe_us(), from.wait_us(), from.convert_us(), from.store_us()};
  return true;
}

void write(const file_failed& from, pb::FileFailed& to) {
  to.set_index(from.index);
  to.set_attempt(from.attempt);
  to.set_reason(enum_number(from.reason));
  to.set_detail(from.detail);
}

bool read(const pb::FileFailed& from, file_failed& to) {
  to.index = from.index();
  to.attempt = from.attempt();
  to.detail = from.detail();
  return read_enum(from.reason(), to.reason);
}

void write(const file_retry_scheduled& from, pb::FileRetryScheduled& to) {
  to.set_index(from.index);
  to.set_attempt(from.attempt);
  to.set_reason(enum_number(from.reason));
  to.set_detail(from.detail);
  to.set_delay_ms(from.delay_ms);
}

bool read(const pb::FileRetryScheduled& from, file_retry_scheduled& to) {
  to.index = from.index();
  to.attempt = from.attempt();
  to.detail = from.detail();
  to.delay_ms = from.delay_ms();
  return read_enum(from.reason(), to.reason);
}

std::string encode_created(const batch_created& e) {
  pb::BatchCreated m;
  m.set_owner(e.owner);
  m.set_spec(encode_spec(e.spec));
  if (!e.idempotency_key.empty()) {
    m.set_idempotency_key(e.idempotency_key);
    m.set_request_sha256(e.request_sha256.data(), e.request_sha256.size());
  }
  return in_tag_order(m.SerializeAsString() + encode_fields(attributes_of(e), own_tag));
}

struct event_writer {
  pb::Event& to;

  void operator()(const batch_created& e) const { to.set_batch_created(encode_created(e)); }
  void operator()(const files_added& e) const {
    auto& m = *to.mutable_files_added();
    m.set_first(e.first);
    for (const auto& entry : e.entries)
      write(entry, *m.add_entries());
  }
  void operator()(const file_removed& e) const {
    to.mutable_file_removed()->set_index(e.index);
    to.mutable_file_removed()->set_bytes(e.bytes);
    to.mutable_file_removed()->set_path(e.path);
  }
  void operator()(const details_changed& e) const {
    auto& m = *to.mutable_details_changed();
    m.set_name(e.name);
    for (const auto& tag : e.tags)
      m.add_tags(tag);
  }
  void operator()(const batch_deleted&) const { to.mutable_batch_deleted(); }
  void operator()(const batch_started& e) const {
    to.mutable_batch_started()->set_sealed(e.sealed);
  }
  void operator()(const batch_sealed&) const { to.mutable_batch_sealed(); }
  void operator()(const batch_paused& e) const {
    to.mutable_batch_paused()->set_mode(enum_number(e.mode));
  }
  void operator()(const batch_resumed&) const { to.mutable_batch_resumed(); }
  void operator()(const batch_cancelled& e) const {
    auto& m = *to.mutable_batch_cancelled();
    m.set_reason(e.reason);
    write_indexes(e.spared, *m.mutable_spared());
  }
  void operator()(const batch_finished& e) const {
    auto& m = *to.mutable_batch_finished();
    m.set_phase(enum_number(e.phase));
    write_indexes(e.spared, *m.mutable_spared());
  }
  void operator()(const batch_retried& e) const {
    if (e.files.size() <= limits::files_per_event_max)
      write_indexes(e.files, *to.mutable_batch_retried()->mutable_files());
    else
      write_runs(e.files, *to.mutable_many_retried()->mutable_runs());
  }
  void operator()(const priority_changed& e) const {
    to.mutable_priority_changed()->set_priority(e.priority);
  }
  void operator()(const spec_changed& e) const {
    auto& m = *to.mutable_spec_changed();
    m.set_spec(encode_spec(e.spec));
    write_replanned(e.files, *m.mutable_files());
    m.set_names_follow(e.names_follow);
  }
  void operator()(const files_replanned& e) const {
    auto& m = *to.mutable_files_replanned();
    m.set_first(e.first);
    m.set_next(e.next);
    write_replanned(e.files, *m.mutable_files());
  }
  void operator()(const batch_recovered& e) const {
    auto& m = *to.mutable_batch_recovered();
    write_indexes(e.interrupted, *m.mutable_interrupted());
    m.set_process_survived(e.process_survived);
  }
  void operator()(const file_started& e) const {
    auto& m = *to.mutable_file_started();
    m.set_index(e.index);
    m.set_attempt(e.attempt);
    m.set_lease(e.lease);
    m.set_node(e.node);
  }
  void operator()(const file_completed& e) const { write(e, *to.mutable_file_completed()); }
  void operator()(const file_failed& e) const { write(e, *to.mutable_file_failed()); }
  void operator()(const file_retry_scheduled& e) const {
    write(e, *to.mutable_file_retry_scheduled());
  }
  void operator()(const file_requeued& e) const { to.mutable_file_requeued()->set_index(e.index); }
  void operator()(const file_interrupted& e) const {
    auto& m = *to.mutable_file_interrupted();
    m.set_index(e.index);
    m.set_cause(enum_number(e.cause));
  }
};

bool read_digest(const std::string& from, std::array<std::uint8_t, 32>& to) {
  if (from.size() != to.size()) return false;
  std::ranges::copy(from, to.begin());
  return true;
}

bool read_created(const std::string& bytes, batch_created& e) {
  pb::BatchCreated m;
  if (!parse(m, bytes)) return false;
  e.owner = m.owner();
  e.idempotency_key = m.idempotency_key();
  if (!e.idempotency_key.empty() && !read_digest(m.request_sha256(), e.request_sha256))
    return false;
  return decode_fields(bytes, own_tag, attributes_of(e)) && read_spec(m.spec(), e.spec);
}

bool read_spec_changed(const pb::SpecChanged& m, spec_changed& e) {
  e.files = read_replanned(m.files());
  e.names_follow = m.names_follow();
  return read_spec(m.spec(), e.spec);
}

// Reads the fact; false when it is none that we know, or holds what cannot be.
bool read_fact(const pb::Event& from, event& to) {
  switch (from.fact_case()) {
  case pb::Event::kBatchCreated:
    return read_created(from.batch_created(), to.emplace<batch_created>());
  case pb::Event::kFilesAdded: {
    auto& e = to.emplace<files_added>();
    e.first = from.files_added().first();
    for (const auto& entry : from.files_added().entries())
      read(entry, e.entries.emplace_back());
    return true;
  }
  case pb::Event::kFileRemoved:
    to = file_removed{from.file_removed().index(), from.file_removed().bytes(),
                      from.file_removed().path()};
    return true;
  case pb::Event::kBatchStarted:
    to = batch_started{from.batch_started().sealed()};
    return true;
  case pb::Event::kBatchSealed:
    to = batch_sealed{};
    return true;
  case pb::Event::kBatchPaused:
    return read_enum(from.batch_paused().mode(), to.emplace<batch_paused>().mode);
  case pb::Event::kBatchResumed:
    to = batch_resumed{};
    return true;
  case pb::Event::kBatchCancelled:
    to = batch_cancelled{from.batch_cancelled().reason(),
                         read_indexes(from.batch_cancelled().spared())};
    return true;
  case pb::Event::kBatchFinished: {
    auto& e = to.emplace<batch_finished>();
    e.spared = read_indexes(from.batch_finished().spared());
    return read_enum(from.batch_finished().phase(), e.phase);
  }
  case pb::Event::kBatchRetried:
    to = batch_retried{read_indexes(from.batch_retried().files())};
    return true;
  case pb::Event::kManyRetried:
    return read_runs(from.many_retried().runs(), to.emplace<batch_retried>().files);
  case pb::Event::kPriorityChanged:
    return read_small(from.priority_changed().priority(), 255,
                      to.emplace<priority_changed>().priority);
  case pb::Event::kSpecChanged:
    return read_spec_changed(from.spec_changed(), to.emplace<spec_changed>());
  case pb::Event::kFilesReplanned: {
    const auto& m = from.files_replanned();
    to = files_replanned{m.first(), m.next(), read_replanned(m.files())};
    return true;
  }
  case pb::Event::kBatchRecovered:
    to = batch_recovered{read_indexes(from.batch_recovered().interrupted()),
                         from.batch_recovered().process_survived()};
    return true;
  case pb::Event::kDetailsChanged: {
    const auto& m = from.details_changed();
    to = details_changed{m.name(), {m.tags().begin(), m.tags().end()}};
    return true;
  }
  case pb::Event::kBatchDeleted:
    to = batch_deleted{};
    return true;
  case pb::Event::kFileStarted: {
    const auto& m = from.file_started();
    to = file_started{m.index(), m.attempt(), m.lease(), m.node()};
    return true;
  }
  case pb::Event::kFileCompleted:
    return read(from.file_completed(), to.emplace<file_completed>());
  case pb::Event::kFileFailed:
    return read(from.file_failed(), to.emplace<file_failed>());
  case pb::Event::kFileRetryScheduled:
    return read(from.file_retry_scheduled(), to.emplace<file_retry_scheduled>());
  case pb::Event::kFileRequeued:
    to = file_requeued{from.file_requeued().index()};
    return true;
  case pb::Event::kFileInterrupted: {
    auto& e = to.emplace<file_interrupted>();
    e.index = from.file_interrupted().index();
    return read_enum(from.file_interrupted().cause(), e.cause);
  }
  case pb::Event::FACT_NOT_SET:
    break;
  }
  return false;
}

} // namespace

std::string encode_event(const event& fact, seq prev, std::int64_t time_us) {
  pb::Event message;
  message.set_prev(prev);
  message.set_time_us(time_us);
  std::visit(event_writer{message}, fact);
  return message.SerializeAsString();
}

std::optional<journaled_event> decode_event(std::string_view bytes) {
  pb::Event message;
  journaled_event e;
  if (!parse(message, bytes) || !read_fact(message, e.fact)) return std::nullopt;
  e.prev = message.prev();
  e.time_us = message.time_us();
  return e;
}

std::optional<journaled_event> decode_deletion(std::string_view bytes) {
  domain::batch_id batch;
  if (bytes.size() < batch.bytes.size()) return std::nullopt;
  auto e = decode_event(bytes.substr(batch.bytes.size()));
  if (!e) return std::nullopt;
  std::copy_n(bytes.begin(), batch.bytes.size(), batch.bytes.begin());
  e->batch = batch;
  return e;
}

std::string encode_entry(const file_entry& entry) {
  pb::FileEntry message;
  write(entry, message);
  return message.SerializeAsString();
}

std::optional<file_entry> decode_entry(std::string_view bytes) {
  pb::FileEntry message;
  file_entry entry;
  if (!parse(message, bytes)) return std::nullopt;
  read(message, entry);
  return entry;
}

std::string encode_outcome(const event& fact, seq seq) {
  pb::Outcome message;
  message.set_seq(seq);
  if (const auto* completed = std::get_if<file_completed>(&fact))
    write(*completed, *message.mutable_completed());
  else if (const auto* failed = std::get_if<file_failed>(&fact))
    write(*failed, *message.mutable_failed());
  else if (const auto* waiting = std::get_if<file_retry_scheduled>(&fact))
    write(*waiting, *message.mutable_waiting());
  else
    return {};
  return message.SerializeAsString();
}

std::optional<positioned_outcome> decode_outcome(std::string_view bytes) {
  pb::Outcome message;
  if (!parse(message, bytes)) return std::nullopt;
  positioned_outcome at{message.seq(), {}};
  auto& result = at.result;
  bool ok = false;
  if (message.has_completed()) ok = read(message.completed(), result.emplace<file_completed>());
  if (message.has_failed()) ok = read(message.failed(), result.emplace<file_failed>());
  if (message.has_waiting()) ok = read(message.waiting(), result.emplace<file_retry_scheduled>());
  return ok ? std::optional{std::move(at)} : std::nullopt;
}

std::string encode_snapshot(const batch_state& state, seq seq, domain::seq command_seq) {
  pb::Snapshot m;
  m.set_seq(seq);
  m.set_phase(enum_number(state.phase));
  m.set_sealed(state.sealed);
  m.set_owner(state.owner);
  m.set_spec(encode_spec(state.spec));
  for (const auto status : state.files)
    (void)enum_number(status); // refuses what could not be read
  m.set_files(state.files.data(), state.files.size());
  for (const auto& [index, history] : state.histories) {
    auto& h = *m.add_histories();
    h.set_index(index);
    h.set_attempts(history.attempts);
    h.set_crashes(history.crashes);
    h.set_nodes_lost(history.nodes_lost);
    h.set_lease(history.lease);
    h.set_elsewhere(history.elsewhere);
  }
  state.failures.each([&](file_index index, failure_reason reason) {
    auto& f = *m.add_failures();
    f.set_index(index);
    f.set_reason(enum_number(reason));
  });
  m.set_bytes_in(state.bytes_in);
  m.set_bytes_out(state.bytes_out);
  m.set_bytes_added(state.bytes_added);
  m.set_pixels(state.pixels);
  m.set_command_seq(command_seq);
  for (const auto files : state.present)
    m.add_present(files);
  m.set_unplanned_from(state.unplanned_from);
  m.set_unplanned_upto(state.unplanned_upto);
  return in_tag_order(m.SerializeAsString() + encode_fields(attributes_of(state), snapshot_tag));
}

std::optional<positioned_state> decode_snapshot(std::string_view bytes) {
  pb::Snapshot m;
  if (!parse(m, bytes)) return std::nullopt;
  positioned_state out;
  out.seq = m.seq();
  out.command_seq = m.command_seq();
  auto& state = out.state;
  state.sealed = m.sealed();
  state.owner = m.owner();
  state.bytes_in = m.bytes_in();
  state.bytes_out = m.bytes_out();
  state.bytes_added = m.bytes_added();
  state.pixels = m.pixels();
  bool ok = read_enum(m.phase(), state.phase) &&
            decode_fields(bytes, snapshot_tag, attributes_of(state)) &&
            read_spec(m.spec(), state.spec);
  state.present.assign(m.present().begin(), m.present().end());
  state.unplanned_from = m.unplanned_from();
  state.unplanned_upto = m.unplanned_upto();
  ok = ok && state.present.size() == state.required.size() &&
       state.unplanned_from <= state.unplanned_upto && state.unplanned_upto <= m.files().size();
  state.files.resize(m.files().size());
  for (std::size_t i = 0; ok && i < state.files.size(); ++i) {
    ok = read_enum(static_cast<unsigned char>(m.files()[i]), state.files[i]);
    if (ok) state.counts[static_cast<std::size_t>(state.files[i])] += 1;
  }
  for (const auto& h : m.histories()) {
    ok = ok && h.index() < state.files.size();
    state.histories[h.index()] = {h.attempts(), h.crashes(), h.nodes_lost(), h.lease(),
                                  h.elsewhere()};
  }
  for (const auto& f : m.failures()) {
    failure_reason reason{};
    ok = ok && f.index() < state.files.size() && read_enum(f.reason(), reason);
    if (ok) state.failures.set(f.index(), reason);
  }
  return ok ? std::optional{std::move(out)} : std::nullopt;
}

std::string encode_summary(const batch_summary& s) {
  pb::BatchSummary m;
  m.set_seq(s.seq);
  m.set_created_us(s.created_us);
  m.set_changed_us(s.changed_us);
  m.set_owner(s.owner);
  m.set_spec(encode_spec(s.spec));
  m.set_phase(enum_number(s.phase));
  for (const auto count : s.counts)
    m.add_counts(count);
  m.set_bytes_in(s.bytes_in);
  m.set_bytes_out(s.bytes_out);
  m.set_command_seq(s.command_seq);
  m.set_sealed(s.sealed);
  m.set_bytes_added(s.bytes_added);
  m.set_pixels(s.pixels);
  m.set_started_us(s.started_us);
  m.set_ended_us(s.ended_us);
  m.set_unplanned_from(s.unplanned_from);
  m.set_unplanned_upto(s.unplanned_upto);
  return in_tag_order(m.SerializeAsString() + encode_fields(attributes_of(s), summary_tag));
}

std::optional<batch_summary> decode_summary(std::string_view bytes) {
  pb::BatchSummary m;
  batch_summary s;
  if (!parse(m, bytes) || m.counts_size() != static_cast<int>(base::enum_count<file_status>))
    return std::nullopt;
  s.seq = m.seq();
  s.created_us = m.created_us();
  s.changed_us = m.changed_us();
  s.owner = m.owner();
  s.bytes_in = m.bytes_in();
  s.bytes_out = m.bytes_out();
  s.command_seq = m.command_seq();
  s.sealed = m.sealed();
  s.bytes_added = m.bytes_added();
  s.pixels = m.pixels();
  s.started_us = m.started_us();
  s.ended_us = m.ended_us();
  s.unplanned_from = m.unplanned_from();
  s.unplanned_upto = m.unplanned_upto();
  std::ranges::copy(m.counts(), s.counts.begin());
  const bool ok = read_spec(m.spec(), s.spec) && read_enum(m.phase(), s.phase) &&
                  decode_fields(bytes, summary_tag, attributes_of(s));
  return ok ? std::optional{std::move(s)} : std::nullopt;
}

} // namespace darkroom::persistence
