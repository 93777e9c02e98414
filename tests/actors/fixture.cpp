#include "fixture.hpp"
#include "domain/limits.hpp"

#include "actors/journal.hpp"
#include "actors/orchestra.hpp"

#include <caf/scoped_actor.hpp>

#include <stdexcept>
#include <utility>

namespace darkroom::tests {

using namespace actors;

stage::config::config() {
  set("scheduler.policy", caf::atom("testing"));
  set("logger.verbosity", caf::atom("quiet"));
}

stage::stage()
    : system_(config_),
      scheduler_(dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())) {}

void stage::run() {
  while (scheduler_.try_run_once()) {
  }
}

void stage::run(std::size_t messages) {
  while (messages-- > 0 && scheduler_.try_run_once()) {
  }
}

void stage::advance(std::uint32_t ms) {
  scheduler_.advance_time(std::chrono::milliseconds(ms));
  run();
}

namespace {

class failing_file final : public rocksdb::FSWritableFileOwnerWrapper {
public:
  failing_file(std::unique_ptr<rocksdb::FSWritableFile> file, failing_disk& disk)
      : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* context) override {
    if (disk_.broken) return rocksdb::IOStatus::NoSpace("full");
    return FSWritableFileOwnerWrapper::Append(data, options, context);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& info,
                           rocksdb::IODebugContext* context) override {
    if (disk_.broken) return rocksdb::IOStatus::NoSpace("full");
    return FSWritableFileOwnerWrapper::Append(data, options, info, context);
  }

private:
  failing_disk& disk_;
};

class watched_table final : public rocksdb::FSRandomAccessFileOwnerWrapper {
public:
  watched_table(std::unique_ptr<rocksdb::FSRandomAccessFile> file, failing_disk& disk)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), disk_(disk) {}
  rocksdb::IOStatus Read(std::uint64_t offset, std::size_t bytes, const rocksdb::IOOptions& options,
                         rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext* context) const override {
    if (disk_.on_read) disk_.on_read();
    return FSRandomAccessFileOwnerWrapper::Read(offset, bytes, options, result, scratch, context);
  }

private:
  failing_disk& disk_;
};

class outputs_in_memory final : public persistence::output_store {
public:
  explicit outputs_in_memory(std::shared_ptr<record> seen) : seen_(std::move(seen)) {}

  persistence::file_result<persistence::staged_output> stage(const domain::batch_id&,
                                                             domain::file_index, std::uint32_t,
                                                             const std::string& target, int,
                                                             domain::existing_policy) override {
    seen_->staged.insert(target);
    return persistence::staged_output{.target = target};
  }
  std::vector<persistence::placed_output>
  place(std::span<const persistence::staged_output> staged) override {
    std::vector<persistence::placed_output> placed;
    for (const auto& s : staged) {
      auto& result = placed.emplace_back();
      if (seen_->disk_full) {
        result.error = {ENOSPC, "naming"};
      } else if (seen_->taken.contains(s.target)) {
        result.how = persistence::placement::exists;
      } else {
        result.how = persistence::placement::placed;
        result.bytes = 5;
        seen_->placed.insert(s.target);
      }
      seen_->staged.erase(s.target);
    }
    return placed;
  }
  void discard(const persistence::staged_output& staged) override {
    seen_->staged.erase(staged.target);
  }
  void take_back(const persistence::staged_output& staged) override {
    seen_->placed.erase(staged.target);
  }
  std::optional<persistence::written_file> existing(const std::string&) override { return {}; }
  bool exists(const std::string& target) override { return seen_->taken.contains(target); }
  persistence::file_result<darkroom::base::unique_fd>
  open_staged(const persistence::staged_output&) override {
    return darkroom::base::unique_fd{};
  }
  void release(const persistence::file_record& file) override {
    seen_->released.insert(file.entry.path);
  }
  void sweep(const domain::batch_id&, domain::file_index,
             std::span<const std::string> targets) override {
    seen_->swept.insert(targets.begin(), targets.end());
  }

private:
  std::shared_ptr<record> seen_;
};

struct holding_pool_state {
  static inline const char* name = "holding_pool";
  holding_pool_state() = default;
};

codec_pool_actor::behavior_type
holding_pool(codec_pool_actor::stateful_pointer<holding_pool_state> self,
             std::shared_ptr<record> seen, dispatcher_actor dispatcher) {
  return {
      [self, seen](const probe_files& message) {
        const auto& path = message.files.at(0)->path;
        seen->probed.push_back(static_cast<domain::file_index>(std::stoul(path.substr(1))));
        const auto asker = caf::actor_cast<converter_actor>(self->current_sender());
        if (const auto bad = seen->bad_headers.find(path); bad != seen->bad_headers.end()) {
          self->send(asker, file_probed{std::unexpected(bad->second)});
          return;
        }
        self->send(asker, file_probed{codecs::image_info{.format = "jpeg",
                                                         .width = seen->image_side,
                                                         .height = seen->image_side,
                                                         .channels = 3}});
      },
      [self, seen](const convert_file& message) {
        seen->converting[message.job.index] = {
            message.job, caf::actor_cast<converter_actor>(self->current_sender())};
      },
      [self, seen, dispatcher](const interrupt_conversion& message) {
        seen->interrupted.push_back(message.lease);
        const auto held = std::ranges::find_if(
            seen->converting, [&](const auto& c) { return c.second.job.lease == message.lease; });
        if (held != seen->converting.end()) {
          self->send(held->second.asker,
                     conversion_ended{message.lease, std::make_shared<conversion_outcome>(
                                                         conversion_interrupted{})});
          seen->converting.erase(held);
        }
        self->send(dispatcher, lease_ended{message.lease});
      },
      [](probe_done) {},
      [](const slot_idle&) {},
      [](recall_lease) {},
  };
}

} // namespace

rocksdb::IOStatus failing_disk::NewWritableFile(const std::string& name,
                                                const rocksdb::FileOptions& options,
                                                std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                rocksdb::IODebugContext* context) {
  if (broken) return rocksdb::IOStatus::NoSpace("full");
  const auto status = FileSystemWrapper::NewWritableFile(name, options, file, context);
  if (status.ok()) *file = std::make_unique<failing_file>(std::move(*file), *this);
  return status;
}

rocksdb::IOStatus
failing_disk::NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions& options,
                                  std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                  rocksdb::IODebugContext* context) {
  const auto status = FileSystemWrapper::NewRandomAccessFile(name, options, file, context);
  if (status.ok()) *file = std::make_unique<watched_table>(std::move(*file), *this);
  return status;
}

world::world(std::uint32_t slots, std::uint64_t memory_bytes)
    : slots_(slots), memory_bytes_(memory_bytes), disk_(std::make_unique<failing_disk>()) {
  build();
}

world::~world() {
  tear_down();
}

void world::build() {
  stage_ = std::make_unique<stage>();
  auto& sys = stage_->system();
  const store_opener open = [this] {
    return persistence::journal_store::open({directory_ / "journal", disk_->env.get()});
  };
  auto store = open();
  REQUIRE(store);
  const auto views = std::make_shared<view_slot>();
  parts_.attempts = std::make_shared<attempt_counts>();
  parts_.hub = sys.spawn(event_hub);
  const auto outputs = std::make_shared<outputs_in_memory>(seen);
  parts_.remover = sys.spawn(remover, outputs);
  parts_.journal = sys.spawn(
      journal, std::make_shared<std::unique_ptr<persistence::journal_store>>(std::move(*store)),
      open,
      journal_peers{.hub = parts_.hub,
                    .views = views,
                    .remover = parts_.remover,
                    .detached_readers = detached_readers_});
  parts_.dispatcher =
      sys.spawn(dispatcher, dispatcher_options{nullptr, [this] { return has_room_; }, nullptr,
                                               parts_.attempts, false});
  parts_.views = views;
  parts_.usage = usage = std::make_shared<usage_board>();
  parts_.calibration = std::make_shared<calibration_board>();
  parts_.detached_readers = detached_readers_;
  if (store_works_)
    parts_.store_failed_since = [this](std::chrono::steady_clock::time_point) {
      return !*store_works_;
    };
  parts_.placer = sys.spawn(placer, outputs);
  parts_.pool = sys.spawn(holding_pool, seen, parts_.dispatcher);
  const auto now_us = [this] {
    if (std::exchange(clock_broken_, false)) throw std::runtime_error("no clock");
    return now_us_;
  };
  parts_.seams = {now_us, [] { return 32'768u; }};
  caf::anon_send(parts_.dispatcher, register_node{std::string{domain::local_node}, parts_.pool,
                                                  slots_, memory_bytes_});
  coordinator_ = sys.spawn(
      coordinator, parts_, [this](const std::string& line) { announced.push_back(line); },
      [this] { gave_up = true; });
  run();
}

void world::tear_down() {
  if (!stage_) return;
  for (const auto& handle :
       {caf::actor_cast<caf::actor>(coordinator_), caf::actor_cast<caf::actor>(parts_.pool),
        caf::actor_cast<caf::actor>(parts_.dispatcher), caf::actor_cast<caf::actor>(parts_.placer),
        caf::actor_cast<caf::actor>(parts_.journal), caf::actor_cast<caf::actor>(parts_.remover),
        caf::actor_cast<caf::actor>(parts_.hub)})
    if (handle) caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
  run();
  seen->converting.clear();
  coordinator_ = nullptr;
  parts_ = {};
  stage_.reset();
}

template<class Answer, class Question>
Answer world::ask(Question question) {
  caf::scoped_actor self{stage_->system()};
  auto pending = self->request(coordinator_, caf::infinite, std::move(question));
  run();
  Answer answer;
  pending.receive([&](Answer& a) { answer = std::move(a); },
                  [&](const caf::error& e) { FAIL(stage_->system().render(e)); });
  return answer;
}

command_outcome world::tell(domain::command command, domain::batch_id batch) {
  return ask<command_outcome>(batch_request{batch, std::move(command)});
}

void world::tell_both(domain::command first, domain::command second) {
  caf::scoped_actor self{stage_->system()};
  auto one = self->request(coordinator_, caf::infinite, batch_request{id, std::move(first)});
  auto two = self->request(coordinator_, caf::infinite, batch_request{id, std::move(second)});
  run();
  for (auto* answer : {&one, &two})
    answer->receive([](command_outcome& o) { CHECK(resulting_view(o) != nullptr); },
                    [](const caf::error&) { FAIL(); });
}

command_outcome world::tell_again(const domain::command& command, std::size_t messages) {
  caf::anon_send(coordinator_, batch_request{id, command});
  stage_->run(messages);
  return tell(command);
}

void world::ask_only(const domain::command& command, std::size_t messages) {
  caf::anon_send(coordinator_, batch_request{id, command});
  stage_->run(messages);
}

std::vector<file_addition> world::add(const std::vector<std::string>& paths) {
  add_files_request request;
  request.batch = id;
  for (const auto& path : paths)
    request.entries.push_back({path, "/" + path, seen->file_bytes, 1, {}});
  auto outcome = ask<files_outcome>(std::move(request));
  REQUIRE(std::holds_alternative<files_answered>(outcome));
  return std::get<files_answered>(std::move(outcome)).files;
}

world::two_answers world::add_and_tell(const std::string& path, const domain::command& command,
                                       const std::function<void()>& meanwhile) {
  caf::scoped_actor self{stage_->system()};
  add_files_request request;
  request.batch = id;
  request.entries.push_back({path, "/" + path, seen->file_bytes, 1, {}});
  self->send(coordinator_, request);
  self->send(coordinator_, batch_request{id, command});
  run();
  two_answers answers;
  bool more = true;
  const auto take = [&] {
    for (more = true; more;)
      self->receive([&](files_outcome& outcome) { answers.added = std::move(outcome); },
                    [&](command_outcome& outcome) { answers.told = std::move(outcome); },
                    caf::after(std::chrono::seconds(0)) >> [&] { more = false; });
  };
  take();
  if (!meanwhile) return answers;
  CHECK_FALSE(answers.added);
  CHECK_FALSE(answers.told);
  meanwhile();
  take();
  return answers;
}

batch_view world::look(domain::batch_id batch) {
  return ask<batch_view>(describe_batch{batch});
}

std::optional<batch_view> world::answer(domain::batch_id batch) {
  caf::scoped_actor self{stage_->system()};
  self->send(coordinator_, describe_batch{batch, {}});
  run();
  std::optional<batch_view> view;
  self->receive([&](const batch_view& found) { view = found; },
                caf::after(std::chrono::seconds(0)) >> [] {});
  return view;
}

void world::start_draft(std::uint32_t max_failed) {
  domain::create_batch create;
  create.owner = "ann";
  create.spec.outputs.push_back({.format = "webp"});
  create.max_failed = max_failed;
  REQUIRE(resulting_view(tell(create)) != nullptr);
}

void world::start(std::uint32_t files, std::uint32_t max_failed) {
  start_draft(max_failed);
  for (std::uint32_t at = 0; at < files;) {
    domain::add_files add;
    for (; at < files && add.entries.size() < limits::files_per_event_max; ++at)
      add.entries.push_back({"f" + std::to_string(at),
                             "/f" + std::to_string(at),
                             seen->file_bytes,
                             1,
                             {"o" + std::to_string(at)}});
    const auto added = tell(std::move(add));
    REQUIRE(resulting_view(added) != nullptr);
  }
  REQUIRE(resulting_view(tell(domain::start_batch{})) != nullptr);
}

std::vector<domain::file_index> world::running() const {
  std::vector<domain::file_index> files;
  for (const auto& [index, held] : seen->converting)
    files.push_back(index);
  return files;
}

void world::finish(domain::file_index file) {
  REQUIRE(seen->converting.contains(file));
  const auto held = seen->converting.extract(file).mapped();
  file_converted done;
  done.result.bytes_in = seen->file_bytes;
  done.result.width = done.result.height = seen->image_side;
  done.result.outputs.resize(1);
  done.staged.push_back({.target = held.job.file->outputs.at(0)});
  seen->staged.insert(held.job.file->outputs.at(0));
  caf::anon_send(held.asker, conversion_ended{held.job.lease, std::make_shared<conversion_outcome>(
                                                                  std::move(done))});
  caf::anon_send(parts_.dispatcher, lease_ended{held.job.lease});
  run();
}

void world::fail(domain::file_index file, domain::failure_reason why) {
  REQUIRE(seen->converting.contains(file));
  const auto held = seen->converting.extract(file).mapped();
  caf::anon_send(held.asker,
                 conversion_ended{held.job.lease, std::make_shared<conversion_outcome>(
                                                      conversion_failed{{why, "told to"}})});
  caf::anon_send(parts_.dispatcher, lease_ended{held.job.lease});
  run();
}

void world::need(domain::file_index file, std::uint64_t memory_bytes) {
  REQUIRE(seen->converting.contains(file));
  const auto held = seen->converting.extract(file).mapped();
  caf::anon_send(held.asker,
                 conversion_ended{held.job.lease,
                                  std::make_shared<conversion_outcome>(conversion_interrupted{
                                      domain::interruption::memory_raised, {}, memory_bytes})});
  caf::anon_send(parts_.dispatcher, lease_ended{held.job.lease});
  run();
}

void world::finish_all() {
  while (!seen->converting.empty())
    finish(seen->converting.begin()->first);
}

void world::crash() {
  tear_down();
  build();
}

bool world::shut_down() {
  caf::scoped_actor self{stage_->system()};
  auto pending = self->request(coordinator_, caf::infinite, actors::shut_down{});
  run();
  bool done = false;
  pending.receive([&](shut_down_done) { done = true; }, [](const caf::error&) {});
  return done;
}

void world::kill_journal() {
  caf::anon_send_exit(parts_.journal, caf::exit_reason::unhandled_exception);
  run();
}

void world::on_table_read(std::function<void()> call) {
  disk_->on_read = std::move(call);
}

void world::send(const domain::command& command, const domain::batch_id& batch) {
  caf::anon_send(coordinator_, batch_request{batch, command});
}

void world::resize(std::uint64_t memory_bytes) {
  caf::anon_send(parts_.dispatcher, resize_local_node{memory_bytes});
  run();
}

void world::break_disk(bool broken) {
  disk_->broken = broken;
}

std::vector<persistence::journaled_event> world::events(domain::batch_id batch) {
  const auto view = persistence::read_view::open(directory_ / "journal");
  REQUIRE(view);
  std::vector<persistence::journaled_event> all;
  REQUIRE((*view)->each_event(batch, 0, [&](persistence::journaled_event&& e) {
    all.push_back(std::move(e));
    return true;
  }));
  CHECK((*view)->verify().value() == std::vector<std::string>{});
  return all;
}

std::vector<persistence::file_record> world::files(domain::batch_id batch) {
  const auto view = persistence::read_view::open(directory_ / "journal");
  REQUIRE(view);
  std::vector<persistence::file_record> all;
  REQUIRE((*view)->each_file(batch, 0, [&](persistence::file_record&& file) {
    all.push_back(std::move(file));
    return true;
  }));
  return all;
}

std::string world::names(domain::batch_id batch) {
  std::string text;
  for (const auto& e : events(batch)) {
    if (!text.empty()) text += ' ';
    text += domain::name_of(e.fact);
    if (const auto file = domain::file_of(e.fact)) text += ':' + std::to_string(*file);
  }
  return text;
}

persistence::positioned_state world::replay(domain::batch_id batch) {
  const auto view = persistence::read_view::open(directory_ / "journal");
  REQUIRE(view);
  auto at = (*view)->replay(batch);
  REQUIRE(at);
  return std::move(*at);
}

domain::batch_state world::replayed(domain::batch_id batch) {
  return replay(batch).state;
}

} // namespace darkroom::tests
