// Bits that flip on the disk: found, named, never silently skipped; the rest stays readable.
#include "app/http_client.hpp"
#include "app/server_answers.hpp"
#include "persistence/data_check.hpp"
#include "persistence/database.hpp"
#include "persistence/journal_store.hpp"
#include "persistence/read_view.hpp"
#include "restartable_server.hpp"
#include "tests/app/process.hpp"
#include "tests/app/served.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/persistence/samples.hpp"
#include "trial.hpp"

#include <csignal>
#include <fstream>
#include <map>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>

using namespace darkroom;
using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

// The data of a server: a table of older batches, and a log of what came after.
struct stored_data : scratch {
  std::size_t batches = 0;
  explicit stored_data(bool large_table = false) {
    fs::create_directories(data() + "/blobs");
    add(large_table ? 8'000 : 400, 1);
    if (large_table) compact();
    add(60, 2); // opening it again has put the first into a table
  }
  std::string data() const { return path() + "/data"; }
  std::string journal() const { return data() + "/journal"; }
  void add(std::size_t lives, std::uint32_t seed) {
    fs::create_directories(journal());
    auto store = persistence::journal_store::open({journal(), nullptr});
    REQUIRE(store);
    for (std::uint32_t n = 0; n < lives; ++n) {
      domain::batch_state state;
      domain::batch_id id{{static_cast<std::uint8_t>(seed), static_cast<std::uint8_t>(n >> 8),
                           static_cast<std::uint8_t>(n)}};
      random_life life(seed * 1'000 + n);
      for (int step = 0; step < 12; ++step) {
        const auto events = domain::execute(state, life.step(state));
        if (!events || events->empty() || state.phase == domain::batch_phase::deleted) continue;
        persistence::append_request request{id, 1'000'000 + step, *events, {}, nullptr};
        request.summary.id = id;
        persistence::describe(request.summary, state);
        request.summary.created_us = 1'000'000;
        REQUIRE((*store)->append(std::span(&request, 1), true));
      }
      batches +=
          state.phase != domain::batch_phase::absent && state.phase != domain::batch_phase::deleted;
    }
  }
  // Into a table of the last level: those of the first are read as a whole when they are opened.
  void compact() const {
    const auto db =
        persistence::database::open(journal(), nullptr, persistence::database::mode::must_exist);
    REQUIRE(db);
    rocksdb::CompactRangeOptions into_last_level;
    into_last_level.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    REQUIRE((**db)->CompactRange(into_last_level, nullptr, nullptr).ok());
  }
  // The newest file of this kind.
  std::string file(const std::string& extension) const {
    std::string found;
    for (const auto& entry : fs::directory_iterator(journal()))
      if (entry.path().string().ends_with(extension) ||
          entry.path().filename().string().starts_with(extension))
        if (entry.file_size() > fs::file_size(found.empty() ? entry.path() : fs::path(found)) ||
            found.empty())
          found = entry.path().string();
    REQUIRE_FALSE(found.empty());
    return found;
  }
};

using damage = void (*)(const std::string& file);

void overwrite(const std::string& file, std::size_t at, const std::string& bytes) {
  std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
  f.seekp(static_cast<std::streamoff>(at));
  f << bytes;
}
void flip(const std::string& file, std::size_t at) {
  std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
  f.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(f.get() ^ 0x10);
  f.seekp(static_cast<std::streamoff>(at));
  f << byte;
}
void flip_in_the_middle(const std::string& file) {
  flip(file, fs::file_size(file) / 2);
}
void flip_at_the_end(const std::string& file) {
  flip(file, fs::file_size(file) - 3);
}
void zero_a_page(const std::string& file) {
  overwrite(file, fs::file_size(file) / 2 & ~std::size_t{4095}, std::string(4096, '\0'));
}
void garbage_in_the_middle(const std::string& file) {
  std::mt19937 dice(1);
  std::string bytes(512, '\0');
  for (auto& b : bytes)
    b = static_cast<char>(dice());
  overwrite(file, fs::file_size(file) / 3, bytes);
}
rocksdb::TableProperties properties_of(const std::string& table) {
  rocksdb::SstFileReader reader{rocksdb::Options{}};
  REQUIRE(reader.Open(table).ok());
  return *reader.GetTableProperties();
}
// Behind the data lie the filter, the parts of the index, and the index of these.
void flip_in_the_filter(const std::string& table) {
  const auto p = properties_of(table);
  REQUIRE(p.filter_size > 0);
  flip(table, p.data_size + p.filter_size / 2);
}
void flip_in_the_first_part_of_the_index(const std::string& table) {
  const auto p = properties_of(table);
  REQUIRE(p.index_partitions > 1);
  flip(table, p.data_size + p.filter_size + 100);
}
void flip_in_the_last_part_of_the_index(const std::string& table) {
  const auto p = properties_of(table);
  REQUIRE(p.index_partitions > 1);
  flip(table, p.data_size + p.filter_size + p.index_size - p.top_level_index_size - 100);
}
void cut_in_half(const std::string& file) {
  fs::resize_file(file, fs::file_size(file) / 2);
}

// Of all files of a journal but those that each opening writes.
std::map<std::string, std::string> contents(const std::string& journal) {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::directory_iterator(journal)) {
    const auto name = entry.path().filename().string();
    if (entry.is_regular_file() && !name.starts_with("LOG") && name != "LOCK")
      found[name] = content_of(entry.path().string());
  }
  return found;
}

struct damaged_kind {
  const char* file; // how its name ends or begins
  const char* what;
  damage act;
  bool always_refused = true; // a log that is cut is like one whose end was never written
  bool table_lost = false;    // a table without its end has nothing that can be found
  bool nothing_lost = false;
  bool large_table = false; // its index has parts
};

constexpr damaged_kind kinds[] = {
    {".log", "a flipped bit in the middle", flip_in_the_middle},
    {".log", "a flipped bit at the end", flip_at_the_end},
    {".log", "a zeroed page", zero_a_page},
    {".log", "garbage", garbage_in_the_middle},
    {".log", "the end cut off", cut_in_half, false},
    {".sst", "a flipped bit in the middle", flip_in_the_middle},
    {".sst", "a flipped bit at the end", flip_at_the_end, true, true},
    {".sst", "a zeroed page", zero_a_page},
    {".sst", "garbage", garbage_in_the_middle},
    {".sst", "a flipped bit in the filter", flip_in_the_filter, true, false, true},
    {".sst", "a flipped bit in the first part of the index", flip_in_the_first_part_of_the_index,
     true, false, false, true},
    {".sst", "a flipped bit in the last part of the index", flip_in_the_last_part_of_the_index,
     true, false, false, true},
    {".sst", "the end cut off", cut_in_half, true, true},
    {"MANIFEST", "a flipped bit in the middle", flip_in_the_middle},
    {"MANIFEST", "garbage", garbage_in_the_middle},
    {"CURRENT", "garbage", garbage_in_the_middle},
};

} // namespace

TEST_CASE("a damaged journal is refused at start, says what is lost, and gives back the rest") {
  for (const auto& kind : kinds) {
    INFO(kind.file << ": " << kind.what);
    const stored_data d(kind.large_table);
    kind.act(d.file(kind.file));
    if (kind.always_refused) {
      const auto serve =
          run_darkroom({"serve", "--data", d.data(), "--listen", "127.0.0.1:0"}, d.path());
      INFO(serve.err);
      CHECK(serve.code == 1);
      CHECK(serve.err.find("journal salvage") != std::string::npos);
      CHECK(serve.err.find("what can be read:") != std::string::npos);
    }
    const auto before = contents(d.journal());
    const auto saved =
        run_darkroom({"journal", "salvage", d.data(), "--to", d / "saved"}, d.path());
    INFO(saved.out << saved.err);
    CHECK((saved.code == 0 || saved.code == 2));
    CHECK((contents(d.journal()) == before)); // what is left is all that there is
    if (kind.always_refused) CHECK(saved.code == (kind.nothing_lost ? 0 : 2));
    const auto verify = run_darkroom({"journal", "verify", d / "saved"}, d.path());
    INFO(verify.out);
    CHECK(verify.code == 0);
    const auto view = persistence::read_view::open(d / "saved");
    REQUIRE(view);
    const auto batches = (*view)->batches();
    REQUIRE(batches);
    CHECK(batches->size() >= (kind.nothing_lost ? d.batches : kind.table_lost ? 1 : d.batches / 3));
    CHECK((*view)->last_seq() > 1'000'000); // numbers that were lost are not given out again
  }
}

TEST_CASE("without room for a copy, what can be read of a damaged journal is salvaged") {
  skip_under_sanitizers();
  const stored_data d(true);
  flip_in_the_first_part_of_the_index(d.file(".sst"));
  const std::vector<std::string> salvage{"journal", "salvage", d.data(), "--to", d / "saved"};
  const auto no_room = faulty("open@*.repair.*=28"); // ENOSPC
  const auto saved = process(salvage, d.path(), no_room).wait();
  INFO(saved.out << saved.err);
  CHECK(saved.code == 2);
  CHECK((saved.out + saved.err).find("only a repaired copy opens") != std::string::npos);
  CHECK((saved.out + saved.err).find("No space left on device") != std::string::npos);
  const auto view = persistence::read_view::open(d / "saved");
  REQUIRE(view);
  const auto batches = (*view)->batches();
  REQUIRE(batches);
  CHECK(batches->size() > 0);

  // Without a list of its tables, nothing can be read but from a copy.
  garbage_in_the_middle(d.file("MANIFEST"));
  fs::remove_all(d / "saved");
  const auto refused = process(salvage, d.path(), no_room).wait();
  INFO(refused.out << refused.err);
  CHECK(refused.code == 1);
  CHECK(refused.err.find("No space left on device. Make room beside ") != std::string::npos);
  CHECK_FALSE(fs::exists(d / "saved"));
  CHECK(run_darkroom(salvage, d.path()).code == 2);
}

TEST_CASE("a server does not start without the journal of its data") {
  const stored_data d;
  const auto refused = [&] {
    const auto end =
        run_darkroom({"serve", "--data", d.data(), "--listen", "127.0.0.1:0"}, d.path());
    INFO(end.err);
    CHECK(end.code == 1);
    CHECK(end.err.find("has no journal") != std::string::npos);
  };
  fs::rename(d.journal() + "/CURRENT", d / "CURRENT");
  refused();
  fs::rename(d / "CURRENT", d.journal() + "/CURRENT");
  CHECK(run_darkroom({"journal", "verify", d.data()}, d.path()).code == 0);
  fs::rename(d.journal(), d / "elsewhere");
  d.write("data/blobs/ab/" + std::string(62, 'c'), "an upload");
  refused();
  CHECK(fs::exists(d.data() + "/blobs/ab/" + std::string(62, 'c')));
}

TEST_CASE("a whole journal is salvaged whole") {
  const stored_data d;
  const auto saved = run_darkroom({"journal", "salvage", d.data(), "--to", d / "saved"}, d.path());
  INFO(saved.out << saved.err);
  CHECK(saved.code == 0);
  CHECK(run_darkroom({"journal", "dump", d.data()}, d.path()).out ==
        run_darkroom({"journal", "dump", d / "saved"}, d.path()).out);
  CHECK(run_darkroom({"journal", "verify", d / "saved"}, d.path()).code == 0);
}

TEST_CASE("a damaged upload is no picture, a damaged output is found") {
  const scratch folder;
  const auto picture = encoded("png", noise(codecs::pixel_layout::rgb, 60, 60));
  std::string id;
  {
    served server(folder.path());
    app::http_client client({server.address(), server.token()});
    const auto made =
        client.send("POST", "/v1/batches", R"({"spec":{"outputs":[{"format":"webp"}]}})");
    id = app::text_of(app::parsed(made.body), "id");
    for (const auto* name : {"a.png", "b.png"}) {
      const auto content = picture + name; // behind its end: nobody minds
      const auto file = folder.write("upload", content);
      REQUIRE(
          client.put_file("/v1/batches/" + id + "/files/" + name, file, content.size()).status ==
          201);
    }
    std::vector<fs::path> blobs;
    for (const auto& entry : fs::recursive_directory_iterator(folder / "data/blobs"))
      if (entry.is_regular_file() && entry.file_size() > 1'000) blobs.push_back(entry.path());
    REQUIRE(blobs.size() == 2);
    flip(blobs.front().string(), fs::file_size(blobs.front()) - 2);
    REQUIRE(client.send("POST", "/v1/batches/" + id + "/start").status == 202);
    REQUIRE(comes_true([&] {
      const auto reply = client.send("GET", "/v1/batches/" + id, {}, {"Prefer: wait=5"});
      return app::has_ended(app::text_of(app::parsed(reply.body), "state"));
    }));
    const auto files = client.send("GET", "/v1/batches/" + id + "/files").body;
    CHECK(files.find("source_changed") != std::string::npos);
    CHECK(files.find("\"completed\"") != std::string::npos);
    server.running().signal(SIGTERM);
    CHECK(server.running().wait().code == 0);
  }
  // Set aside when it was read: it is missed, by name, until the same bytes come again.
  const auto found = run_darkroom({"fsck", "data"}, folder.path());
  INFO(found.out);
  CHECK(found.code == 2);
  CHECK(found.out.find("the bytes that were uploaded are missing") != std::string::npos);
  CHECK(fs::exists(folder / "data/set-aside"));
}

TEST_CASE("a damaged blob is healed by the next upload of the same bytes") {
  restartable_server s;
  const auto picture = encoded("png", gradient(codecs::pixel_layout::rgb, 60, 40));
  const auto first = s.draft({picture}, "webp");
  auto http = s.client();
  const auto sent = app::parsed(http.send("GET", "/v1/batches/" + first + "/files").body);
  const auto sha256 = app::text_of(app::member_of(sent, "files").as_array().at(0), "sha256");
  const auto blob = s.folder / ("data/blobs/" + sha256.substr(0, 2) + '/' + sha256.substr(2));
  REQUIRE(fs::exists(blob));
  flip(blob, picture.size() / 2);

  // Nobody is given it under its digest.
  const auto input = http.send("GET", "/v1/batches/" + first + "/files/0/input");
  CHECK(input.status == 404);
  CHECK(input.body.find("damaged") != std::string::npos);
  CHECK(http.send("GET", "/metrics").body.find("blobs_damaged_total 1\n") != std::string::npos);
  CHECK(comes_true([&] { // the log is written by a thread of its own
    return content_of(s.folder / "log").find("is damaged, and set aside") != std::string::npos;
  }));
  // Nobody is told that it is there.
  const auto asked = s.draft({}, "webp");
  const auto manifest = R"([{"path":"m.png","size":)" + std::to_string(picture.size()) +
                        R"(,"sha256":")" + sha256 + R"("}])";
  const auto told =
      app::parsed(http.send("POST", "/v1/batches/" + asked + "/manifest", manifest).body);
  CHECK(app::member_of(told, "missing").as_array().size() == 1);

  const auto again = s.draft({picture}, "webp");
  CHECK(content_of(blob) == picture);
  s.start(again);
  s.start(first);
  CHECK(s.ends(again));
  CHECK(s.ends(first));
  CHECK(s.outcomes(again) == std::vector<std::string>{"completed "});
  CHECK(s.outcomes(first) == std::vector<std::string>{"completed "});
  CHECK(http.send("GET", "/v1/batches/" + first + "/files/0/input").body == picture);

  // Damage that is there when the same bytes come.
  flip(blob, picture.size() / 2);
  const auto third = s.draft({picture}, "webp");
  s.start(third);
  CHECK(s.ends(third));
  CHECK(s.outcomes(third) == std::vector<std::string>{"completed "});
}
