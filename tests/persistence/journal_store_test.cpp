#include "persistence/journal_store.hpp"

#include "base/units.hpp"
#include "persistence/database.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/limits.hpp"
#include "persistence/read_view.hpp"
#include "samples.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <numeric>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/perf_context.h>
#include <rocksdb/perf_level.h>
#include <set>
#include <stdexcept>
#include <thread>

using namespace darkroom;
using namespace darkroom::persistence;
namespace fs = std::filesystem;

namespace {

const domain::batch_id ann{{1}}, bob{{2}};

// A store with its own idea of each batch's state: verbs for tests.
class writer {
public:
  explicit writer(const std::string& directory) : directory_(directory) { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = journal_store::open({directory_, nullptr});
    REQUIRE(opened);
    store_ = std::move(*opened);
  }
  void keep(access_record record) {
    append_request request;
    request.records_only = true;
    request.records.push_back(std::move(record));
    REQUIRE(store_->append(std::span(&request, 1), true));
  }
  // Decides, applies and journals.
  std::vector<journaled_event> tell(const domain::batch_id& batch, const domain::command& c,
                                    bool snapshot = false) {
    auto& state = states_[batch];
    auto events = domain::execute(state, c);
    REQUIRE(events);
    append_request request{batch, 1'000, *events, {}, nullptr};
    request.summary.phase = state.phase;
    request.summary.counts = state.counts;
    request.summary.bytes_in = state.bytes_in;
    request.summary.bytes_out = state.bytes_out;
    request.summary.spec = state.spec;
    if (snapshot) request.snapshot = std::make_shared<const domain::batch_state>(state);
    auto done = store_->append(std::span(&request, 1), true);
    REQUIRE(done);
    return *done;
  }
  void live(const domain::batch_id& batch, std::uint32_t files) {
    domain::create_batch create;
    create.spec = tests::sample_spec();
    tell(batch, create);
    domain::add_files add;
    for (std::uint32_t i = 0; i < files; ++i)
      add.entries.push_back({"f" + std::to_string(i), "/f", 5, 1, {"a", "b"}});
    tell(batch, add);
    tell(batch, domain::start_batch{});
  }
  void complete(const domain::batch_id& batch, domain::file_index i, domain::lease_id lease) {
    tell(batch, domain::start_file{i, lease, "n"});
    domain::complete_file c;
    c.lease = lease;
    c.result.index = i;
    c.result.outputs.resize(2);
    tell(batch, c);
  }
  const domain::batch_state& state(const domain::batch_id& batch) { return states_[batch]; }
  journal_store& store() { return *store_; }
  const read_view& view() { return *store_->view(); }
  void close() { store_.reset(); }

private:
  std::string directory_;
  std::unique_ptr<journal_store> store_;
  std::map<domain::batch_id, domain::batch_state> states_;
};

// In slices of a few.
void forget_all(journal_store& store, const journal_store::kept_since& since) {
  for (bool more = true; more;) {
    const auto slice = store.forget(since, 7);
    REQUIRE(slice);
    more = *slice;
  }
}

void check_same(writer& w, const domain::batch_id& batch) {
  const auto replayed = w.view().replay(batch);
  REQUIRE(replayed);
  CHECK(replayed->state.same_facts(w.state(batch)));
}

} // namespace

TEST_CASE("a journal that has vanished is not replaced by an empty one when it is opened again") {
  tests::scratch dir;
  REQUIRE(journal_store::open({dir / "j", nullptr}));
  CHECK(journal_store::open({dir / "j", nullptr, true}));
  std::filesystem::remove_all(dir / "j");
  const auto again = journal_store::open({dir / "j", nullptr, true});
  REQUIRE_FALSE(again);
  CHECK(again.error().fault == journal_fault::missing);
}

TEST_CASE("an exception while the journal is opened is an error with its cause") {
  // Where RocksDB begins: it has nothing to free yet.
  class throwing final : public rocksdb::FileSystemWrapper {
  public:
    throwing() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
    const char* Name() const override { return "throwing"; }
    rocksdb::IOStatus CreateDirIfMissing(const std::string&, const rocksdb::IOOptions&,
                                         rocksdb::IODebugContext*) override {
      throw std::runtime_error("out of luck");
    }
    rocksdb::IOStatus GetChildren(const std::string&, const rocksdb::IOOptions&,
                                  std::vector<std::string>*, rocksdb::IODebugContext*) override {
      throw std::runtime_error("out of luck");
    }
  };
  tests::scratch dir;
  const auto env = rocksdb::NewCompositeEnv(std::make_shared<throwing>());
  const auto opened = journal_store::open({dir / "j", env.get()});
  REQUIRE_FALSE(opened);
  CHECK(opened.error().fault == journal_fault::io);
  CHECK(opened.error().detail == "the journal cannot be opened: out of luck");
  CHECK(journal_store::open({dir / "j", nullptr})); // it holds nothing
}

TEST_CASE("what was appended is replayed, also after opening again") {
  tests::scratch dir;
  writer w(dir / "j");
  w.live(ann, 3);
  w.complete(ann, 0, 1);
  check_same(w, ann);
  w.reopen();
  check_same(w, ann);
  const auto live = w.view().live_batches();
  REQUIRE(live);
  CHECK(*live == std::vector{ann});
  CHECK(w.view().verify().value() == std::vector<std::string>{});
}

TEST_CASE("one sequence rises over all batches; each event names the one before it") {
  tests::scratch dir;
  writer w(dir / "j");
  w.live(ann, 1);
  w.live(bob, 1);
  const auto a = w.tell(ann, domain::pause_batch{});
  CHECK(a[0].seq == 7);
  CHECK(a[0].prev == 3);
  w.reopen();
  const auto b = w.tell(bob, domain::pause_batch{});
  CHECK(b[0].seq == 8);
  CHECK(b[0].prev == 6);
  std::vector<domain::seq> seqs;
  REQUIRE(w.view().each_event(ann, 2, [&](journaled_event&& e) {
    seqs.push_back(e.seq);
    return true;
  }));
  CHECK(seqs == std::vector<domain::seq>{3, 7});
}

TEST_CASE("replay begins at the snapshot") {
  tests::scratch dir;
  writer w(dir / "j");
  w.live(ann, 4);
  w.complete(ann, 0, 1);
  w.tell(ann, domain::pause_batch{}, true);
  w.tell(ann, domain::resume_batch{});
  w.complete(ann, 1, 2);
  check_same(w, ann);
  CHECK(w.view().verify().value() == std::vector<std::string>{});
}

TEST_CASE("a batch that has ended is no longer live, and is again after a retry") {
  tests::scratch dir;
  writer w(dir / "j");
  w.live(ann, 1);
  w.tell(ann, domain::fail_file{0, 0, domain::failure_reason::corrupt_input, "bad", 0});
  CHECK(w.view().live_batches()->empty());
  w.tell(ann, domain::retry_batch{});
  CHECK(w.view().live_batches()->size() == 1);
  CHECK(w.view().verify().value() == std::vector<std::string>{});
}

TEST_CASE("a file of a large batch is read without the whole index and filter of its table") {
  tests::scratch dir;
  writer w(dir / "j");
  constexpr domain::file_index files = 100'000;
  domain::create_batch create;
  create.spec = tests::sample_spec();
  w.tell(ann, create);
  for (domain::file_index at = 0; at < files;) {
    domain::add_files add;
    for (; add.entries.size() < limits::files_per_event_max; ++at)
      add.entries.push_back({"holidays/" + std::to_string(at) + ".jpg", "/f", 5, 1, {"a", "b"}});
    w.tell(ann, add);
  }
  w.close();
  {
    const auto db = database::open(dir / "j", nullptr, database::mode::must_exist);
    REQUIRE(db);
    rocksdb::CompactRangeOptions into_one_table;
    into_one_table.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    REQUIRE((**db)->CompactRange(into_one_table, nullptr, nullptr).ok());
  }
  w.reopen();
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kEnableCount);
  rocksdb::get_perf_context()->Reset();
  REQUIRE(w.view().file(ann, files / 2).value());
  const auto read_bytes = rocksdb::get_perf_context()->block_read_byte;
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
  CHECK(read_bytes > 0);
  CHECK(read_bytes < 64 * limits::KiB);
}

TEST_CASE("files are read with the latest of their results") {
  tests::scratch dir;
  writer w(dir / "j");
  w.live(ann, 3);
  w.complete(ann, 2, 1);
  w.tell(ann, domain::fail_file{0, 0, domain::failure_reason::limit_pixels, "big", 0});
  std::vector<file_record> files;
  REQUIRE(w.view().each_file(ann, 0, [&](file_record&& f) {
    files.push_back(std::move(f));
    return true;
  }));
  REQUIRE(files.size() == 3);
  CHECK(std::get<domain::file_failed>(files[0].result).detail == "big");
  CHECK(std::holds_alternative<std::monostate>(files[1].result));
  CHECK(std::get<domain::file_completed>(files[2].result).index == 2);
  const std::vector<domain::file_index> wanted{2, 0};
  const auto some = w.view().files(ann, wanted);
  REQUIRE(some);
  CHECK(some->at(0).entry.path == "f2");
  const std::vector<domain::file_index> missing{7};
  CHECK_FALSE(w.view().files(ann, missing));
}

TEST_CASE("two processes cannot have one journal") {
  tests::scratch dir;
  writer w(dir / "j");
  const auto second = journal_store::open({dir / "j", nullptr});
  REQUIRE_FALSE(second);
  CHECK(second.error().fault == journal_fault::locked);
}

TEST_CASE("a running journal can be read from outside; one that is not there says so") {
  tests::scratch dir;
  writer w(dir / "j");
  w.live(ann, 2);
  const auto outside = read_view::open(dir / "j");
  REQUIRE(outside);
  CHECK((*outside)->batches()->size() == 1);
  CHECK((*outside)->verify().value() == std::vector<std::string>{});
  const auto nothing = read_view::open(dir / "nothing");
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error().fault == journal_fault::missing);
}

namespace {

// Calls something when a reader that has read the manifest looks for logs, the first two times:
// RocksDB tries to open a journal in two ways.
class interrupting_disk final : public rocksdb::FileSystemWrapper {
public:
  explicit interrupting_disk(std::function<void()> call)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), call_(std::move(call)) {}
  const char* Name() const override { return "interrupting"; }
  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* context) override {
    manifest_read_ |= name.find("MANIFEST") != std::string::npos;
    return FileSystemWrapper::NewSequentialFile(name, options, file, context);
  }
  rocksdb::IOStatus GetChildren(const std::string& folder, const rocksdb::IOOptions& options,
                                std::vector<std::string>* names,
                                rocksdb::IODebugContext* context) override {
    if (std::exchange(manifest_read_, false) && times_ < 2) {
      times_ += 1;
      call_();
    }
    return FileSystemWrapper::GetChildren(folder, options, names, context);
  }
  int times() const { return times_; }

private:
  std::function<void()> call_;
  int times_ = 0;
  bool manifest_read_ = false;
};

std::set<std::filesystem::path> logs_in(const std::string& folder) {
  std::set<std::filesystem::path> logs;
  for (const auto& file : std::filesystem::directory_iterator(folder))
    if (file.path().extension() == ".log") logs.insert(file.path());
  return logs;
}

bool some_exist(const std::set<std::filesystem::path>& files) {
  return std::ranges::any_of(files, [](const auto& file) { return std::filesystem::exists(file); });
}

} // namespace

TEST_CASE("a reader outside misses nothing when the writer replaces a log by a table meanwhile") {
  tests::scratch dir;
  const auto folder = dir / "j";
  const auto writer = database::open(folder, nullptr, database::mode::create);
  REQUIRE(writer);
  auto& db = ***writer;
  std::vector<day_use> written;
  bool well = true;
  const auto write = [&](const std::string& owner) {
    written.push_back({owner, 3, 10, 1});
    const auto value = encode_day_use(written.back());
    well = well && db.Put(rocksdb::WriteOptions(), keys::day(owner), value).ok();
  };
  write("a");
  const auto disk = std::make_shared<interrupting_disk>([&] {
    const auto logs = logs_in(folder);
    well = well && db.Flush(rocksdb::FlushOptions()).ok();
    while (well && some_exist(logs)) // a thread of the writer's removes them
      std::this_thread::yield();
    write("b" + std::to_string(written.size()));
  });
  const auto env = rocksdb::NewCompositeEnv(disk);
  auto outside = database::open_beside_writer(folder, env.get());
  REQUIRE(outside);
  CHECK(well);
  CHECK(disk->times() == 2);
  CHECK(read_view(*outside).days_used().value() == written);
}

TEST_CASE("a journal of a newer format is refused with what to do") {
  tests::scratch dir;
  writer(dir / "j").close();
  {
    auto db = database::open(dir / "j", nullptr, database::mode::create);
    REQUIRE(db);
    REQUIRE((**db)->Put(rocksdb::WriteOptions(), keys::format(), "3").ok());
  }
  const auto opened = journal_store::open({dir / "j", nullptr});
  REQUIRE_FALSE(opened);
  CHECK(opened.error().fault == journal_fault::newer);
  CHECK(opened.error().detail.find("use a newer Darkroom") != std::string::npos);
}

TEST_CASE("a hole in the chain, and an event that cannot be, are corruption") {
  tests::scratch dir;
  {
    writer w(dir / "j");
    w.live(ann, 2);
    w.tell(ann, domain::pause_batch{});
    w.tell(ann, domain::resume_batch{});
  }
  {
    auto db = database::open(dir / "j", nullptr, database::mode::create);
    REQUIRE((**db)->Delete(rocksdb::WriteOptions(), keys::event(ann, 4)).ok());
  }
  writer w(dir / "j");
  const auto replayed = w.view().replay(ann);
  REQUIRE_FALSE(replayed);
  CHECK(replayed.error().fault == journal_fault::corrupt);
  CHECK_FALSE(w.view().verify()->empty());
}

TEST_CASE("verify sees projections that differ from the events") {
  tests::scratch dir;
  {
    writer w(dir / "j");
    w.live(ann, 2);
    w.complete(ann, 0, 1);
  }
  const auto damage = [&](const std::string& key, const std::string& value) {
    {
      auto db = database::open(dir / "j", nullptr, database::mode::create);
      REQUIRE(db);
      REQUIRE((**db)->Put(rocksdb::WriteOptions(), key, value).ok());
    }
    return writer(dir / "j").view().verify()->size();
  };
  CHECK(damage(keys::outcome(ann, 1), encode_outcome(domain::file_failed{1}, 9)) == 1);
  CHECK(damage(keys::file(ann, 2), encode_entry({"x", "/x", 1, 1, {}})) == 3);
  CHECK(damage(keys::batch(ann), encode_summary({})) >= 3);
}

TEST_CASE("a journal cut at any byte of its last record opens without it") {
  tests::scratch dir;
  std::uint64_t before = 0, after = 0;
  std::string log;
  {
    writer w(dir / "j");
    w.live(ann, 2);
    for (const auto& entry : fs::directory_iterator(dir / "j"))
      if (entry.path().extension() == ".log" && fs::file_size(entry) > 0) log = entry.path();
    REQUIRE(!log.empty());
    before = fs::file_size(log);
    w.tell(ann, domain::pause_batch{});
    after = fs::file_size(log);
    REQUIRE(after > before);
    fs::copy(dir / "j", dir / "whole", fs::copy_options::recursive); // while it is open: no flush
  }
  const auto name = fs::path(log).filename();
  for (std::uint64_t size = before; size <= after; ++size) {
    INFO("cut at " << size << " of " << after);
    const auto copy = dir / "cut";
    fs::remove_all(copy);
    fs::copy(dir / "whole", copy, fs::copy_options::recursive);
    fs::resize_file(fs::path(copy) / name, size);
    auto opened = journal_store::open({copy, nullptr});
    REQUIRE(opened);
    const auto state = (*opened)->view()->replay(ann);
    REQUIRE(state);
    CHECK(state->state.phase ==
          (size == after ? domain::batch_phase::paused : domain::batch_phase::running));
    CHECK((*opened)->view()->verify().value() == std::vector<std::string>{});
  }
}

TEST_CASE("a byte changed inside what was synced is refused, not skipped") {
  tests::scratch dir;
  std::string log;
  {
    writer w(dir / "j");
    w.live(ann, 50);
    for (domain::file_index i = 0; i < 20; ++i)
      w.complete(ann, i, i + 1);
    for (const auto& entry : fs::directory_iterator(dir / "j"))
      if (entry.path().extension() == ".log" && fs::file_size(entry) > 0) log = entry.path();
    fs::copy(dir / "j", dir / "bad", fs::copy_options::recursive);
  }
  const auto file = dir / ("bad/" + fs::path(log).filename().string());
  auto bytes = tests::content_of(file);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(file, std::ios::binary) << bytes;
  const auto opened = journal_store::open({dir / "bad", nullptr});
  REQUIRE_FALSE(opened);
  CHECK(opened.error().fault == journal_fault::corrupt);
}

TEST_CASE("what was decided of machines is kept until it is taken back") {
  tests::scratch dir;
  writer w(dir / "j");
  const node_standing drained{"a", true, true, {}}, liar{"b", false, false, "told a lie"};
  w.keep(drained);
  w.keep(liar);
  w.reopen();
  CHECK(w.view().node_standings().value() == std::vector{drained, liar});
  w.keep(node_standing{"a", false, false, {}});
  w.reopen();
  CHECK(w.view().node_standings().value() == std::vector{liar});
  CHECK(w.view().verify().value() == std::vector<std::string>{});
}

TEST_CASE("tokens and the audit are kept; a use brings no revoked token back") {
  tests::scratch dir;
  writer w(dir / "j");
  token_record token{.id = "t1", .user = "ann", .created_us = 1};
  w.keep(token);
  token.revoked_us = 5;
  w.keep(token);
  w.keep(token_use{"t1", 9}); // that began before
  w.keep(audit_entry{.user = "ann", .action = "batch.create", .batch = ann, .outcome = "ok"});
  w.live(ann, 1);
  w.keep(audit_entry{.user = "ben", .action = "read", .outcome = "not_found"});
  w.reopen();
  const auto tokens = w.view().tokens();
  REQUIRE(tokens);
  REQUIRE(tokens->size() == 1);
  CHECK(tokens->front().revoked_us == 5);
  CHECK(tokens->front().last_used_us == 9);
  std::vector<domain::seq> seqs;
  REQUIRE(w.view().each_audit(0, [&](audit_entry&& entry) {
    seqs.push_back(entry.seq);
    return true;
  }));
  CHECK(seqs == std::vector<domain::seq>{1, 5}); // one sequence with the events
  CHECK(w.view().verify().value() == std::vector<std::string>{});
}

TEST_CASE("entries of the audit are forgotten when they are old, from the first on") {
  tests::scratch dir;
  writer w(dir / "j");
  for (const auto time : {10, 20, 30, 25, 40})
    w.keep(audit_entry{.time_us = time, .user = "ann", .action = "a", .outcome = "ok"});
  w.live(ann, 1);
  const auto times = [&] {
    std::vector<std::int64_t> all;
    REQUIRE(w.view().each_audit(0, [&](audit_entry&& entry) {
      all.push_back(entry.time_us);
      return true;
    }));
    return all;
  };
  forget_all(w.store(), {0, 0, 0});
  CHECK(times() == std::vector<std::int64_t>{10, 20, 30, 25, 40});
  forget_all(w.store(), {0, 0, 30});
  w.reopen();
  CHECK(times() == std::vector<std::int64_t>{30, 25, 40});
  const auto last = w.store().last_seq();
  forget_all(w.store(), {0, 0, 41});
  CHECK(times().empty());
  w.reopen();
  CHECK(w.store().last_seq() == last); // seqs are never given twice
  check_same(w, ann);
  CHECK(w.view().verify().value() == std::vector<std::string>{});
}

namespace {

// Requests with a key, each of a batch of its own, with these times.
void ask_with_keys(journal_store& store, std::span<const std::int64_t> times) {
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto hundreds = static_cast<std::uint8_t>(i / 100);
    const domain::batch_id batch{{7, hundreds, static_cast<std::uint8_t>(i % 100)}};
    domain::batch_created created;
    created.owner = i % 2 == 0 ? "ann" : "bob";
    created.idempotency_key = "key " + std::to_string(i % 1'000);
    append_request request{batch, times[i], {created}, {}, nullptr};
    request.summary.owner = created.owner;
    request.summary.phase = domain::batch_phase::draft;
    REQUIRE(store.append({&request, 1}, false));
  }
}

std::size_t keys_kept(const journal_store& store, std::size_t requests) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(requests, 1'000); ++i) {
    const auto found =
        store.view()->idempotent_request(i % 2 == 0 ? "ann" : "bob", "key " + std::to_string(i));
    REQUIRE(found);
    kept += found->has_value() ? 1 : 0;
  }
  return kept;
}

std::size_t count_keys(const std::string& directory, const std::string& prefix) {
  auto db = database::open(directory, nullptr, database::mode::must_exist);
  REQUIRE(db);
  std::size_t keys = 0;
  REQUIRE((*db)->scan(prefix, prefix, [&](std::string_view, std::string_view) { return ++keys; }));
  return keys;
}

} // namespace

TEST_CASE("requests with a key are forgotten by their time, at the cost of those that are old") {
  tests::scratch dir;
  writer w(dir / "j");
  std::vector<std::int64_t> times(1'000);
  std::iota(times.begin(), times.end(), 1);
  ask_with_keys(w.store(), times);
  forget_all(w.store(), {1, 0, 0}); // the first walks all
  CHECK(keys_kept(w.store(), 1'000) == 1'000);
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kEnableCount);
  rocksdb::get_perf_context()->Reset();
  forget_all(w.store(), {4, 0, 0});
  const auto looked_at = rocksdb::get_perf_context()->internal_key_skipped_count;
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
  CHECK(looked_at < 20);
  CHECK(keys_kept(w.store(), 1'000) == 997);
  forget_all(w.store(), {501, 0, 0});
  CHECK(keys_kept(w.store(), 1'000) == 500);
  CHECK(w.view().verify().value() == std::vector<std::string>{});
  w.close();
  CHECK(count_keys(dir / "j", keys::prefix(keys::kind::age)) == 500);
}

TEST_CASE("forgetting looks at no more records at a time than it is told") {
  tests::scratch dir;
  writer w(dir / "j");
  std::vector<std::int64_t> times(20);
  std::iota(times.begin(), times.end(), 1);
  ask_with_keys(w.store(), times);
  const auto has_more = [&] { return w.store().forget({100, 0, 0}, 3).value(); };
  // Seven slices put the requests in order, and one the deletions, of which there are none.
  for (int slice = 0; slice < 4; ++slice)
    CHECK(has_more());
  w.reopen(); // begins again
  for (int slice = 0; slice < 8; ++slice)
    CHECK(has_more());
  CHECK(keys_kept(w.store(), 20) == 20);
  for (std::uint8_t gone = 3; gone <= 18; gone += 3) {
    CHECK(has_more());
    CHECK(keys_kept(w.store(), 20) == std::size_t{20} - gone);
    w.live(domain::batch_id{{9, gone}}, 1); // others are written
  }
  CHECK_FALSE(has_more());
  CHECK(keys_kept(w.store(), 20) == 0);
  CHECK(w.view().verify().value() == std::vector<std::string>{});
}

TEST_CASE("a request of the moment in which the last slice ended is forgotten in its turn") {
  tests::scratch dir;
  writer w(dir / "j");
  const auto ask = [&](const char* owner, std::uint8_t batch) {
    domain::batch_created created;
    created.owner = owner;
    created.idempotency_key = "key";
    append_request request{domain::batch_id{{8, batch}}, 500, {created}, {}, nullptr};
    request.summary.owner = owner;
    REQUIRE(w.store().append({&request, 1}, false));
  };
  ask("bob", 1);
  forget_all(w.store(), {500, 0, 0}); // stops before that of bob
  ask("ann", 2);                      // before it in the order
  forget_all(w.store(), {501, 0, 0});
  CHECK_FALSE(w.view().idempotent_request("ann", "key")->has_value());
  CHECK_FALSE(w.view().idempotent_request("bob", "key")->has_value());
}

TEST_CASE("a key that was used again is kept as long as its newer request") {
  tests::scratch dir;
  writer w(dir / "j");
  std::vector<std::int64_t> times(1'001);
  std::iota(times.begin(), times.end(), 1);
  ask_with_keys(w.store(), times); // the last one has the key of the first
  forget_all(w.store(), {1'001, 0, 0});
  CHECK(keys_kept(w.store(), 1'000) == 1);
  forget_all(w.store(), {1'002, 0, 0});
  CHECK(keys_kept(w.store(), 1'000) == 0);
  w.close();
  CHECK(count_keys(dir / "j", keys::prefix(keys::kind::age)) == 0);
}

TEST_CASE("what a version without the order by time has written is forgotten too") {
  tests::scratch dir;
  writer w(dir / "j");
  const std::vector<std::int64_t> times{10, 20, 30};
  ask_with_keys(w.store(), times);
  w.live(ann, 1);
  w.tell(ann, domain::delete_batch{true}); // at 1,000
  w.close();
  {
    auto db = database::open(dir / "j", nullptr, database::mode::must_exist);
    REQUIRE(db);
    const auto first = keys::prefix(keys::kind::age);
    REQUIRE((**db)->DeleteRange({}, (**db)->DefaultColumnFamily(), first, first + '\xff').ok());
  }
  w.reopen();
  forget_all(w.store(), {25, 1'000, 0});
  CHECK(keys_kept(w.store(), 3) == 1);
  forget_all(w.store(), {31, 1'001, 0});
  CHECK(keys_kept(w.store(), 3) == 0);
  w.close();
  CHECK(count_keys(dir / "j", keys::prefix(keys::kind::deletion)) == 0);
  CHECK(count_keys(dir / "j", keys::prefix(keys::kind::age)) == 0);
}

TEST_CASE("a batch goes on where it was, however many others were written to meanwhile") {
  tests::scratch dir;
  writer w(dir / "j");
  w.live(ann, 2);
  const auto before = w.view().summary(ann).value().value();
  std::vector<append_request> others;
  for (std::size_t i = 0; i <= limits::last_seqs_max; ++i) {
    const domain::batch_id batch{
        {6, static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i % 256)}};
    others.push_back({batch, 1'000, {domain::batch_created{}}, {}, nullptr});
    others.back().summary.phase = domain::batch_phase::draft;
  }
  for (int round = 0; round < 2; ++round) {
    REQUIRE(w.store().append(others, false));
    for (auto& other : others)
      other.events = {domain::details_changed{}};
  }
  const auto done = w.tell(ann, domain::start_file{0, 1, "n"}, true);
  REQUIRE(done.size() == 1);
  CHECK(done[0].prev == before.seq);
  // No command: also what is stored says so, and so does the snapshot.
  CHECK(w.view().summary(ann).value()->command_seq == before.command_seq);
  CHECK(w.view().summary(ann).value()->seq == done[0].seq);
  CHECK(w.view().replay(ann)->command_seq == before.command_seq);
  check_same(w, ann);
  CHECK(w.view().verify().value() == std::vector<std::string>{});
}

TEST_CASE("of each user the last day is kept") {
  tests::scratch dir;
  writer w(dir / "j");
  w.keep(day_use{"ann", 3, 10, 1});
  w.keep(day_use{"ben", 3, 20, 2});
  w.keep(day_use{"ann", 4, 30, 3});
  w.reopen();
  CHECK(w.view().days_used().value() == std::vector<day_use>{{"ann", 4, 30, 3}, {"ben", 3, 20, 2}});
  CHECK(w.view().verify().value() == std::vector<std::string>{});
}

TEST_CASE("what conversions cost is kept by their kind, until it is forgotten") {
  tests::scratch dir;
  writer w(dir / "j");
  w.keep(cost_ratio{"jpeg>png:80/4/4", 1, 2, 3});
  w.keep(cost_ratio{"jpeg>webp:80/4/4", 1, 2, 3});
  w.keep(cost_ratio{"jpeg>webp:80/4/4", 2, 4, 5});
  w.keep(cost_ratio{"jpeg>png:80/4/4"});
  w.reopen();
  CHECK(w.view().cost_ratios().value() == std::vector<cost_ratio>{{"jpeg>webp:80/4/4", 2, 4, 5}});
  CHECK(w.view().verify().value() == std::vector<std::string>{});
}

TEST_CASE("a deleted batch is cleared away in slices, also after opening again") {
  tests::scratch dir;
  writer w(dir / "j");
  w.live(ann, 7);
  w.live(bob, 2);
  w.complete(ann, 3, 1);
  w.tell(ann, domain::delete_batch{true}, true); // a snapshot is due just then
  CHECK(w.view().tombstones().value() == std::vector{ann});
  CHECK_FALSE(w.view().summary(ann)->has_value());
  CHECK(w.view().verify().value() == std::vector<std::string>{});
  std::vector<domain::file_index> seen;
  std::size_t results = 0;
  const auto visit = [&](const file_record& file) {
    seen.push_back(file.index);
    results += std::holds_alternative<domain::file_completed>(file.result);
  };
  const auto next = w.store().purge(ann, 0, 3, visit);
  REQUIRE(next);
  CHECK(*next == 3);
  w.reopen();
  CHECK(w.view().tombstones().value() == std::vector{ann});
  CHECK_FALSE(w.store().purge(ann, 0, 100, visit)->has_value());
  CHECK(seen == std::vector<domain::file_index>{0, 1, 2, 3, 4, 5, 6});
  CHECK(results == 1);
  CHECK(w.view().tombstones()->empty());
  std::size_t left = 0;
  REQUIRE(w.view().each_event(ann, 0, [&](journaled_event&&) { return ++left != 0; }));
  CHECK(left == 0);
  CHECK(w.view().replay(ann)->state.phase == domain::batch_phase::absent);
  check_same(w, bob);
  CHECK(w.view().verify().value() == std::vector<std::string>{});
}

TEST_CASE("times of events never go back, across batches and restarts") {
  const tests::scratch dir;
  const auto append = [](journal_store& store, const domain::batch_id& batch,
                         std::int64_t time_us) {
    append_request request;
    request.batch = batch;
    request.time_us = time_us;
    request.events.emplace_back(domain::batch_created{});
    request.summary.phase = domain::batch_phase::draft;
    request.summary.changed_us = time_us;
    const auto done = store.append(std::span(&request, 1), true);
    REQUIRE(done);
    return done->front().time_us;
  };
  {
    const auto store = journal_store::open({dir.path(), nullptr});
    REQUIRE(store);
    CHECK((*store)->last_time_us() == 0);
    CHECK(append(**store, ann, 5'000) == 5'000);
    CHECK(append(**store, bob, 4'999) == 5'000);
  }
  const auto store = journal_store::open({dir.path(), nullptr});
  REQUIRE(store);
  CHECK((*store)->last_time_us() == 5'000);
  CHECK(append(**store, {{3}}, 10) == 5'000);
  CHECK(append(**store, {{4}}, 6'000) == 6'000);
}

TEST_CASE("ids go on from the newest in the journal, also if that batch was deleted") {
  const tests::scratch dir;
  auto newest = domain::new_batch_id();
  newest.bytes[3] += 1; // the clock was an hour ahead
  std::int64_t ms = 0;
  for (int i = 0; i < 6; ++i)
    ms = ms << 8 | newest.bytes[static_cast<std::size_t>(i)];
  {
    const auto store = journal_store::open({dir.path(), nullptr});
    REQUIRE(store);
    append_request request;
    request.batch = newest;
    request.time_us = ms * 1'000;
    request.events.emplace_back(domain::batch_created{});
    request.events.emplace_back(domain::batch_deleted{});
    request.summary.phase = domain::batch_phase::deleted;
    REQUIRE((*store)->append(std::span(&request, 1), true));
  }
  REQUIRE(journal_store::open({dir.path(), nullptr}));
  CHECK(domain::new_batch_id() > newest);
}
