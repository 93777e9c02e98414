// A journal of which something is missing is refused, whatever RocksDB says; a whole one never is.
#include "persistence/witness.hpp"

#include "losing_file_system.hpp"
#include "persistence/journal_store.hpp"
#include "persistence/place_watch.hpp"
#include "persistence/read_view.hpp"
#include "persistence/replace_witness.hpp"
#include "persistence/witness_check.hpp"
#include "samples.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

using namespace darkroom;
using namespace darkroom::persistence;
namespace fs = std::filesystem;

namespace {

// The data of a server, with verbs.
class witnessed_data {
public:
  std::string journal() const { return dir_ / "data/journal"; }
  std::string blobs() const { return dir_ / "data/blobs"; }
  std::string witness_file() const { return witness_path(journal()); }

  witnessed_data() {
    fs::create_directories(journal());
    fs::create_directories(blobs());
  }
  journal_result<std::unique_ptr<journal_store>> try_open(rocksdb::Env* env = nullptr) const {
    return journal_store::open({.directory = journal(), .env = env, .blobs = blobs()});
  }
  void open(rocksdb::Env* env = nullptr) {
    auto opened = try_open(env);
    if (!opened) FAIL(opened.error().detail);
    store_ = std::move(*opened);
  }
  void open_without_witness() {
    auto opened = journal_store::open({.directory = journal()});
    REQUIRE(opened);
    store_ = std::move(*opened);
  }
  void close() { store_.reset(); }
  // What a batch of so many files does from its begin to its end; each step is synced.
  void live(std::uint32_t seed, std::uint32_t files) {
    const domain::batch_id batch{{7, static_cast<std::uint8_t>(seed)}};
    domain::batch_state state;
    const auto tell = [&](const domain::command& command) {
      const auto events = domain::execute(state, command);
      REQUIRE(events);
      append_request request{batch, 1'000, *events, {}, nullptr};
      describe(request.summary, state);
      request.summary.created_us = 1'000;
      const auto done = store_->append(std::span(&request, 1), true);
      REQUIRE(done);
      for (const auto& e : *done)
        acknowledged_.emplace_back(e.batch, e.seq);
    };
    domain::create_batch create;
    create.spec = tests::sample_spec();
    tell(create);
    domain::add_files add;
    for (std::uint32_t i = 0; i < files; ++i)
      add.entries.push_back({"f" + std::to_string(i), "/f", 5, 1, {"a", "b"}});
    if (files == 0) return; // a draft
    tell(add);
    tell(domain::start_batch{});
    for (std::uint32_t i = 0; i < files; ++i) {
      tell(domain::start_file{i, i + 1, "n"});
      domain::complete_file complete;
      complete.lease = i + 1;
      complete.result.index = i;
      complete.result.outputs.resize(2);
      tell(complete);
    }
  }
  bool has_all(const journal_store& store) const {
    for (const auto& [batch, seq] : acknowledged_) {
      bool there = false;
      const auto read = store.view()->each_event(batch, seq - 1, [&](journaled_event&& e) {
        there = e.seq == seq;
        return false;
      });
      if (!read || !there) return false;
    }
    return true;
  }
  journal_store& store() { return *store_; }
  std::size_t acknowledged() const { return acknowledged_.size(); }
  // As `kill -9` leaves it.
  void copy_to(const witnessed_data& other) const {
    fs::remove_all(other.dir_ / "data");
    fs::copy(dir_ / "data", other.dir_ / "data", fs::copy_options::recursive);
  }
  void knows(const witnessed_data& other) { acknowledged_ = other.acknowledged_; }
  void put_blob() const {
    fs::create_directories(blobs() + "/ab");
    std::ofstream(blobs() + "/ab/" + std::string(62, 'c')) << "bytes";
  }
  std::vector<std::string> files() const {
    std::vector<std::string> all{witness_file()};
    for (const auto& entry : fs::directory_iterator(journal()))
      all.push_back(entry.path().string());
    std::ranges::sort(all);
    return all;
  }
  std::string only(const std::string& ending) const {
    for (const auto& file : files())
      if (file.ends_with(ending)) return file;
    FAIL("no file " << ending);
    return "";
  }

private:
  tests::scratch dir_;
  std::unique_ptr<journal_store> store_;
  std::vector<std::pair<domain::batch_id, domain::seq>> acknowledged_;
};

void check_refused(const witnessed_data& data, journal_fault fault, const std::string& words) {
  const auto opened = data.try_open();
  REQUIRE_FALSE(opened);
  INFO(opened.error().detail);
  CHECK(opened.error().fault == fault);
  CHECK(opened.error().detail.find(words) != std::string::npos);
}

void overwrite(const std::string& file, std::uint64_t at, const std::string& bytes) {
  std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(static_cast<std::streamoff>(at));
  out << bytes;
}

} // namespace

TEST_CASE("the names of logs and manifests are told from those of other files") {
  CHECK(parse_tracked("000012.log") == tracked_file{tracked_kind::log, 12});
  CHECK(parse_tracked("1234567.log") == tracked_file{tracked_kind::log, 1'234'567});
  CHECK(parse_tracked("MANIFEST-000011") == tracked_file{tracked_kind::manifest, 11});
  for (const auto* other : {"000012.sst", "CURRENT", "LOG", ".log", "x.log", "MANIFEST-",
                            "MANIFEST-1x", "000012.log.trash", "-1.log", ""})
    CHECK_FALSE(parse_tracked(other));
  for (const auto file : {tracked_file{tracked_kind::log, 12}, {tracked_kind::manifest, 1'234'567}})
    CHECK(parse_tracked(name_of(file)) == file);
}

TEST_CASE("a witness is read back, also with either of its slots damaged") {
  tests::scratch dir;
  const auto journal = dir / "j";
  witness_record record;
  record.identity = {1, 2, 3};
  record.last_seq = 41;
  record.files[{tracked_kind::log, 12}] = {5, 6};
  REQUIRE(write_witness(journal, record));
  {
    const auto opened = witness::open(journal);
    REQUIRE(opened);
    REQUIRE((*opened)->add({tracked_kind::manifest, 13}, {7, 8}));
    (*opened)->note_synced({tracked_kind::log, 12}, {50, 60});
    (*opened)->note_synced({tracked_kind::log, 99}, {1, 1}); // of a file that has left it
    REQUIRE((*opened)->set_last_seq(42));
  }
  record.last_seq = 42;
  record.files[{tracked_kind::log, 12}] = {50, 60};
  record.files[{tracked_kind::manifest, 13}] = {7, 8};
  const auto whole = tests::content_of(witness_path(journal));
  for (const std::size_t damaged : {0, 4'096}) {
    INFO("slot at " << damaged);
    dir.write("j.witness", whole);
    overwrite(witness_path(journal), damaged + 40, "x");
    const auto read = read_witness(journal);
    REQUIRE(read);
    CHECK(**read == record);
  }
  overwrite(witness_path(journal), 40, "x");
  const auto unreadable = read_witness(journal);
  REQUIRE_FALSE(unreadable);
  CHECK(unreadable.error().fault == journal_fault::incomplete);
  REQUIRE(read_witness(dir / "none"));
  CHECK_FALSE(*read_witness(dir / "none"));
}

TEST_CASE("what was written to a witness without a sync never touches the slot that was synced") {
  tests::scratch dir;
  const auto journal = dir / "j";
  REQUIRE(write_witness(journal, {}));
  const auto opened = witness::open(journal);
  REQUIRE(opened);
  REQUIRE((*opened)->set_last_seq(1));
  REQUIRE((*opened)->sync());
  const auto synced = tests::content_of(witness_path(journal));
  for (domain::seq seq = 2; seq < 6; ++seq)
    REQUIRE((*opened)->set_last_seq(seq));
  const auto now = tests::content_of(witness_path(journal));
  const bool first_changed = now.substr(0, 4'096) != synced.substr(0, 4'096);
  const bool second_changed = now.substr(4'096) != synced.substr(4'096);
  CHECK(first_changed != second_changed);
  overwrite(witness_path(journal), first_changed ? 40 : 4'136, "torn");
  REQUIRE(read_witness(journal));
  CHECK((*read_witness(journal))->last_seq == 1);
}

TEST_CASE("a whole journal is opened again and again, after a kill at any time too") {
  witnessed_data data, killed;
  for (std::uint32_t life = 0; life < 4; ++life) {
    data.open();
    for (int n = 0; n < 5; ++n) {
      data.live(10 * life + static_cast<std::uint32_t>(n), 12);
      data.copy_to(killed);
      killed.knows(data);
      CHECK(check_witness(killed.journal()).value() == std::vector<std::string>{});
      killed.open();
      CHECK(killed.has_all(killed.store()));
      killed.close();
    }
    CHECK(check_witness(data.journal()).value() == std::vector<std::string>{});
    data.close();
  }
  CHECK(data.acknowledged() > 100);
}

TEST_CASE("after a loss of power the witness is never ahead of the journal") {
  for (std::uint32_t round = 0; round < 20; ++round) {
    INFO("round " << round);
    witnessed_data data;
    tests::losing_file_system files;
    const auto env = rocksdb::NewCompositeEnv(
        std::shared_ptr<rocksdb::FileSystem>(&files, [](rocksdb::FileSystem*) {}));
    data.open(env.get());
    data.live(round, 40);
    data.close();
    files.lose_power(); // of the witness nothing is lost here: the worst case
    data.open();
    CHECK(data.has_all(data.store()));
  }
}

TEST_CASE("a journal of which something is missing is refused, and says what") {
  witnessed_data data;
  data.open();
  data.live(1, 30);
  data.close();
  data.open(); // the first events are in a table now
  data.live(2, 30);
  data.close();
  const auto log = data.only(".log");
  SECTION("a log was removed") {
    fs::remove(log);
    check_refused(data, journal_fault::incomplete, log + " is missing");
  }
  SECTION("the end of a log was cut off") {
    fs::resize_file(log, fs::file_size(log) - 1);
    check_refused(data, journal_fault::incomplete, log + " was cut short");
  }
  SECTION("the witness was removed") {
    fs::remove(data.witness_file());
    check_refused(data, journal_fault::incomplete, "witness is missing");
  }
  SECTION("the witness was emptied") {
    fs::resize_file(data.witness_file(), 0);
    check_refused(data, journal_fault::incomplete, "is damaged");
  }
  SECTION("the journal was removed") {
    fs::remove_all(data.journal());
    fs::create_directories(data.journal());
    check_refused(data, journal_fault::incomplete, "there is no journal");
  }
  SECTION("it was replaced by another one") {
    witnessed_data other;
    other.open();
    other.close();
    fs::remove_all(data.journal());
    fs::copy(other.journal(), data.journal());
    check_refused(data, journal_fault::incomplete, "is not the journal that");
  }
  SECTION("it was replaced by one of an older version") {
    fs::remove_all(data.journal());
    fs::create_directories(data.journal());
    data.open_without_witness();
    data.close();
    check_refused(data, journal_fault::incomplete, "the journal is incomplete");
  }
  SECTION("it was replaced by an older copy of itself") {
    witnessed_data copy;
    data.copy_to(copy);
    data.open();
    data.live(3, 30);
    data.close();
    fs::remove_all(data.journal());
    fs::copy(copy.journal(), data.journal());
    check_refused(data, journal_fault::incomplete, "the journal is incomplete");
  }
  SECTION("a manifest lost its last page") {
    const auto manifest = [&] {
      std::string name;
      std::getline(std::ifstream(data.journal() + "/CURRENT") >> std::ws, name);
      return data.journal() + '/' + name;
    }();
    overwrite(manifest, fs::file_size(manifest) - 40, std::string(40, '\0'));
    const auto opened = data.try_open();
    REQUIRE_FALSE(opened);
  }
  // Nothing was changed: what was there is there, and refused again.
  const auto before = data.files();
  CHECK_FALSE(data.try_open());
  CHECK(data.files() == before);
  const auto said = check_witness(data.journal());
  CHECK((!said || !said->empty()));
}

TEST_CASE("after damage of any kind, a journal is refused or has all that was acknowledged") {
  witnessed_data data;
  for (std::uint32_t life = 0; life < 3; ++life) {
    data.open();
    data.live(2 * life, 40);
    data.live(2 * life + 1, 40);
    data.close();
  }
  std::mt19937 dice(20'261'128);
  std::size_t refused = 0;
  for (int round = 0; round < 200; ++round) {
    witnessed_data damaged;
    data.copy_to(damaged);
    damaged.knows(data);
    const auto files = damaged.files();
    const auto file = files[dice() % files.size()];
    const auto size = fs::file_size(file);
    const auto at = size == 0 ? 0 : dice() % size;
    std::string how;
    switch (dice() % 5) {
    case 0:
      how = "cut";
      fs::resize_file(file, at);
      break;
    case 1: {
      how = "flip";
      auto bytes = tests::content_of(file).substr(at, 1);
      if (bytes.empty()) break;
      bytes[0] = static_cast<char>(bytes[0] ^ (1 << dice() % 8));
      overwrite(file, at, bytes);
      break;
    }
    case 2:
      how = "zero";
      overwrite(file, at, std::string(std::min<std::size_t>(size - at, 1 + dice() % 4'096), '\0'));
      break;
    case 3: {
      const auto other = files[dice() % files.size()];
      how = "swap with " + other;
      fs::rename(file, file + ".swap");
      if (other != file) fs::rename(other, file);
      fs::rename(file + ".swap", other);
      break;
    }
    default:
      how = "remove";
      fs::remove(file);
    }
    INFO("round " << round << ": " << how << ' ' << file << " at " << at << " of " << size);
    const auto opened = damaged.try_open();
    refused += !opened;
    if (opened) CHECK(damaged.has_all(**opened));
  }
  CHECK(refused > 50);
  CHECK(refused < 200);
}

TEST_CASE("a journal of format 1 gets a witness, also when the upgrade was interrupted") {
  witnessed_data data;
  data.open_without_witness();
  data.live(1, 0);
  data.close();
  SECTION("at once") {}
  SECTION("after a kill between the witness and the identity") {
    witness_record record;
    record.is_new = true;
    REQUIRE(write_witness(data.journal(), record));
  }
  SECTION("after a kill between the identity and the end") {
    data.open();
    data.close();
    auto record = **read_witness(data.journal());
    record.is_new = true;
    REQUIRE(write_witness(data.journal(), record));
  }
  data.open();
  CHECK(data.has_all(data.store()));
  data.live(2, 10);
  data.close();
  const auto record = read_witness(data.journal());
  REQUIRE(record);
  CHECK_FALSE((*record)->is_new);
  CHECK((*record)->identity != journal_identity{});
  data.open();
  CHECK(data.has_all(data.store()));
  CHECK(check_witness(data.journal()).value() == std::vector<std::string>{});
  data.close();
  // What has a witness is not opened without it.
  const auto alone = journal_store::open({.directory = data.journal()});
  REQUIRE_FALSE(alone);
  CHECK(alone.error().fault == journal_fault::incomplete);
}

TEST_CASE("a journal of format 1 that does not agree with the blobs gets no witness") {
  witnessed_data data;
  data.open_without_witness();
  data.live(1, 3); // completed, without the bytes of their outputs
  data.close();
  check_refused(data, journal_fault::incomplete, "the bytes of output 0 are missing");
  CHECK_FALSE(fs::exists(data.witness_file()));
  REQUIRE(accept_journal(data.journal(), 1));
  data.open();
}

TEST_CASE("a first start that was killed is gone on with") {
  witnessed_data data;
  witness_record record;
  record.is_new = true;
  REQUIRE(write_witness(data.journal(), record));
  data.open();
  data.live(1, 10);
  data.close();
  data.open();
  CHECK(data.has_all(data.store()));
}

TEST_CASE("blobs without a batch are refused where nothing vouches for the journal") {
  witnessed_data data;
  SECTION("no journal at all") {
    data.put_blob();
    check_refused(data, journal_fault::missing, "no journal");
  }
  SECTION("an empty one without a witness") {
    data.open_without_witness();
    data.close();
    data.put_blob();
    check_refused(data, journal_fault::incomplete, "nothing vouches for it");
  }
  SECTION("one that never had a batch") {
    data.open();
    data.close();
    data.put_blob();
    check_refused(data, journal_fault::incomplete, "never had a batch");
    REQUIRE(accept_journal(data.journal(), 1));
    data.open();
  }
}

TEST_CASE("an operator accepts a journal that is incomplete, and the audit says so") {
  witnessed_data data;
  data.open();
  data.live(1, 30);
  data.close();
  data.open();
  const auto before = data.store().last_seq();
  data.live(2, 30);
  data.close();
  fs::remove(data.only(".log"));
  check_refused(data, journal_fault::incomplete, "is missing");
  REQUIRE(accept_journal(data.journal(), 5));
  data.open();
  CHECK(data.store().last_seq() == before + 1);
  std::vector<std::string> actions;
  REQUIRE(data.store().view()->each_audit(0, [&](audit_entry&& entry) {
    actions.push_back(entry.action);
    return true;
  }));
  CHECK(actions == std::vector<std::string>{"journal.accept"});
  CHECK_FALSE(accept_journal(data.journal(), 5)); // it is in use
}

TEST_CASE("a journal is adopted with its witness, also when that was interrupted in between") {
  witnessed_data data, other;
  data.open();
  data.live(1, 20);
  data.close();
  other.open();
  other.live(2, 20);
  other.close();
  SECTION("at once") {}
  SECTION("after the journals have changed places") {
    fs::rename(data.journal(), data.journal() + ".x");
    fs::rename(other.journal(), data.journal());
    fs::rename(data.journal() + ".x", other.journal());
  }
  SECTION("where the journal is gone") {
    fs::remove_all(data.journal());
  }
  SECTION("where the witness is gone") {
    fs::remove(data.witness_file());
  }
  SECTION("the other one is incomplete") {
    fs::resize_file(other.only(".log"), 10);
    const auto refused = adopt_journal(data.journal(), other.journal());
    REQUIRE_FALSE(refused);
    data.open();
    return;
  }
  SECTION("the other one has no witness") {
    fs::remove(other.witness_file());
    const auto refused = adopt_journal(data.journal(), other.journal());
    REQUIRE_FALSE(refused);
    data.open();
    return;
  }
  const auto done = adopt_journal(data.journal(), other.journal());
  if (!done) FAIL(done.error().detail);
  data.knows(other);
  data.open();
  CHECK(data.has_all(data.store()));
}

TEST_CASE("a place that was moved, removed or replaced is noticed, and that it is back") {
  witnessed_data data;
  data.open();
  const auto root = fs::path(data.journal()).parent_path().string();
  const auto watch = place_watch::begin(root, data.journal(), data.blobs());
  REQUIRE(watch);
  CHECK(watch->fault().empty());
  for (const auto& place :
       {root, data.journal(), data.blobs(), data.witness_file(), data.journal() + "/LOCK",
        data.journal() + "/CURRENT", data.only(".log")}) {
    INFO(place);
    fs::rename(place, place + ".away");
    CHECK(watch->fault().find(place) != std::string::npos);
    fs::rename(place + ".away", place);
    CHECK(watch->fault().empty());
  }
  for (const auto& folder : {data.journal(), data.blobs()}) {
    fs::rename(folder, folder + ".away");
    fs::copy(folder + ".away", folder, fs::copy_options::recursive);
    CHECK(watch->fault() == folder + " was replaced by another one");
    fs::remove_all(folder);
    fs::rename(folder + ".away", folder);
  }
  CHECK(watch->fault().empty());
}
