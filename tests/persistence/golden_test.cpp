// Journals of released versions stay readable: the golden file holds one event of every kind, a
// snapshot, a summary, an entry and an outcome, as hexadecimal digits, each as it was written then.
#include "domain/limits.hpp"
#include "persistence/access_records.hpp"
#include "persistence/data_check.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/journal_store.hpp"
#include "persistence/read_view.hpp"
#include "samples.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <limits>
#include <sstream>

using namespace darkroom;
using namespace darkroom::persistence;

namespace {

std::string hex(const std::string& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const unsigned char c : bytes) {
    text += digits[c >> 4];
    text += digits[c & 15];
  }
  return text;
}

domain::batch_state golden_state() {
  domain::batch_state state;
  const auto events = tests::every_event();
  for (const auto i : {0, 1, 3, 13, 16})
    REQUIRE(domain::apply(state, events[static_cast<std::size_t>(i)]));
  return state;
}

batch_summary golden_summary() {
  batch_summary s;
  s.seq = 5;
  s.created_us = 6;
  s.changed_us = 7;
  s.owner = "ann";
  s.name = "holidays";
  s.spec = tests::sample_spec();
  s.phase = domain::batch_phase::paused;
  s.priority = 4;
  s.counts = {1, 2, 3, 4, 5, 6, 7};
  s.bytes_in = 8;
  s.bytes_out = 9;
  s.command_seq = 4;
  s.sealed = s.keep_open = true;
  s.start = domain::start_rule::on_first_file;
  s.max_failed = 10;
  s.slots_max = 11;
  s.required = {{"raw", "*.cr2", 3}};
  s.tags = {"a"};
  s.bytes_added = 11;
  s.pixels = 12;
  s.started_us = 13;
  s.ended_us = 14;
  return s;
}

token_record golden_token() {
  return {"id", "ann", role::admin, {1, 2}, 3, 4, 5, 6, "for the studio"};
}

audit_entry golden_audit() {
  return {44,      5,     "ann", role::admin, "id", "127.0.0.1", "batch.create",
          {{{7}}}, "ann", 201,   "ok",        "r1", "a.png"};
}

day_use golden_day() {
  return {"ann", 20'000, 12'000'000, 345};
}

cost_ratio golden_ratio() {
  return {"jpeg>webp:80/4/4", 3, 1.5, 2.5, 0.5, 0.25, 100, 50, -2, 1.5, 77};
}

// Name and bytes of everything that the golden file holds.
std::vector<std::pair<std::string, std::string>> everything() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& fact : tests::every_event())
    all.emplace_back(domain::name_of(fact), encode_event(fact, 41, 1'700'000'000'000'000));
  domain::batch_retried many; // more than are listed one by one
  for (domain::file_index i = 7; i <= 7 + limits::files_per_event_max; ++i)
    many.files.push_back(i);
  all.emplace_back("batch_retried", encode_event(many, 41, 1'700'000'000'000'000));
  all.emplace_back("snapshot", encode_snapshot(golden_state(), 42, 40));
  all.emplace_back("summary", encode_summary(golden_summary()));
  const auto added = std::get<domain::files_added>(tests::every_event()[1]);
  all.emplace_back("entry", encode_entry(added.entries[0]));
  all.emplace_back("outcome", encode_outcome(tests::every_event()[14], 43));
  all.emplace_back("token", encode_token(golden_token()));
  all.emplace_back("audit", encode_audit(golden_audit()));
  all.emplace_back("idempotency", encode_idempotency({{{1, 2}}, {3, 4}, 5, 6, 7}));
  all.emplace_back("standing", encode_standing({"a", true, true, "told a lie"}));
  all.emplace_back("day", encode_day_use(golden_day()));
  all.emplace_back("cost", encode_cost_ratio(golden_ratio()));
  return all;
}

} // namespace

TEST_CASE("what version 1 wrote is what we write, and reads back") {
  const auto golden = tests::content_of(DARKROOM_SOURCE_DIR "/tests/data/journal-v1.txt");
  std::ostringstream now;
  for (const auto& [name, bytes] : everything())
    now << name << ' ' << hex(bytes) << '\n';
  INFO("if a field was added, the golden file of this version is:\n" << now.str());
  CHECK(golden == now.str());
}

// Whether the bytes of one line of a golden file can be read.
bool can_be_read(const std::string& name, const std::string& bytes) {
  if (name == "snapshot") return decode_snapshot(bytes).has_value();
  if (name == "summary") return decode_summary(bytes).has_value();
  if (name == "entry") return decode_entry(bytes).has_value();
  if (name == "outcome") return decode_outcome(bytes).has_value();
  if (name == "token") return decode_token("id", bytes).has_value();
  if (name == "audit") return decode_audit(1, bytes).has_value();
  if (name == "idempotency") return decode_idempotency(bytes).has_value();
  if (name == "standing") return decode_standing("a", bytes).has_value();
  if (name == "cost") return decode_cost_ratio("jpeg>webp:80/4/4", bytes).has_value();
  if (name == "day") return decode_day_use("ann", bytes).has_value();
  const auto event = decode_event(bytes);
  return event && domain::name_of(event->fact) == name;
}

std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string{text.substr(i, 2)}, nullptr, 16));
  return bytes;
}

// journal-v1.txt is what is written today; journal-v1-*.txt is what earlier versions wrote.
TEST_CASE("every line of every golden file is read") {
  std::size_t files = 0, lines = 0;
  for (const auto& file : std::filesystem::directory_iterator(DARKROOM_SOURCE_DIR "/tests/data")) {
    if (!file.path().filename().string().starts_with("journal-v1")) continue;
    ++files;
    std::istringstream text(tests::content_of(file.path()));
    for (std::string name, hex_bytes; text >> name >> hex_bytes; ++lines) {
      INFO(file.path().filename().string() << ": " << name);
      CHECK(can_be_read(name, from_hex(hex_bytes)));
      CHECK_FALSE(can_be_read(name, from_hex(hex_bytes) + '\x07')); // a field that is cut off
    }
  }
  CHECK(files >= 1);
  CHECK(lines >= everything().size());
}

TEST_CASE("a golden snapshot and summary mean what they meant") {
  const auto snapshot = decode_snapshot(encode_snapshot(golden_state(), 42, 40));
  REQUIRE(snapshot);
  CHECK(snapshot->seq == 42);
  CHECK(snapshot->state.same_facts(golden_state()));
  auto summary = decode_summary(encode_summary(golden_summary()));
  REQUIRE(summary);
  CHECK(*summary == golden_summary());
}

TEST_CASE("golden tokens, audit entries and requests mean what they meant") {
  CHECK(decode_token("id", encode_token(golden_token())) == golden_token());
  CHECK(decode_audit(44, encode_audit(golden_audit())) == golden_audit());
  const auto request = decode_idempotency(encode_idempotency({{{1, 2}}, {3, 4}, 5, 6, 7}));
  REQUIRE(request);
  CHECK(request->batch == domain::batch_id{{1, 2}});
  CHECK(request->time_us == 5);
  CHECK(request->seq == 6);
  CHECK(request->created_us == 7);
  CHECK(decode_day_use("ann", encode_day_use(golden_day())) == golden_day());
  const auto ratio = golden_ratio();
  CHECK(decode_cost_ratio(ratio.kind, encode_cost_ratio(ratio)) == ratio);
  for (const double bad :
       {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    auto damaged = ratio;
    damaged.real_us = bad;
    CHECK_FALSE(decode_cost_ratio(ratio.kind, encode_cost_ratio(damaged)));
  }
}

TEST_CASE("the data of released versions are opened, and have what they had") {
  for (const auto* name : {"data-format-1", "data-format-2"}) {
    INFO(name);
    const tests::scratch dir;
    const auto data = dir / "data";
    std::filesystem::copy(std::filesystem::path(DARKROOM_SOURCE_DIR) / "tests/data" / name, data,
                          std::filesystem::copy_options::recursive);
    const auto opened =
        journal_store::open({.directory = data + "/journal", .blobs = data + "/blobs"});
    if (!opened) FAIL(opened.error().detail);
    const auto report = check_data(*(*opened)->view(), data + "/blobs", true);
    REQUIRE(report);
    CHECK(report->whole());
    CHECK(report->batches == 2);
    CHECK(report->blobs == 5);
    CHECK((*opened)->last_seq() == 24);
  }
}
