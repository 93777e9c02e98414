// The parts of the edge that are pure, as tables.
#include "http/file_path.hpp"
#include "http/health_board.hpp"
#include "http/identity.hpp"
#include "http/limits.hpp"
#include "http/multipart.hpp"
#include "http/problem.hpp"
#include "http/quota.hpp"
#include "http/ranges.hpp"
#include "http/rate_limiter.hpp"
#include "http/server.hpp"
#include "http/services.hpp"
#include "http/views.hpp"
#include "http/zip.hpp"

#include <catch2/catch_test_macros.hpp>

#include <map>
#include <random>

using namespace darkroom;
using namespace darkroom::http;

TEST_CASE("a bucket gives its burst, then so many a second") {
  rate_limiter limiter(10, 3);
  std::uint64_t now = 1'000'000;
  for (int i = 0; i < 3; ++i)
    CHECK(limiter.take("a", now).allowed);
  const auto refused = limiter.take("a", now);
  CHECK_FALSE(refused.allowed);
  CHECK(refused.limit == 3);
  CHECK(refused.remaining == 0);
  CHECK(refused.reset_s == 1);
  CHECK(limiter.take("b", now).allowed);
  now += 100'000;
  CHECK(limiter.take("a", now).allowed);
  CHECK_FALSE(limiter.take("a", now).allowed);
  now += 3'600'000'000;
  CHECK(limiter.take("a", now).remaining == 2); // never more than the burst
}

TEST_CASE("a key has the same id while it may be repeated, and a new one afterwards") {
  constexpr std::int64_t s = 1'000'000, kept = std::int64_t{limits::attempted_id_s} * s;
  attempted_ids ids;
  std::uint8_t made = 0;
  const auto id_for = [&](const std::string& key, std::int64_t now_us) {
    const auto make = [&] { return domain::batch_id{{++made}}; };
    return static_cast<int>(ids.attempt_for(key, now_us, make).batch.bytes[0]);
  };
  CHECK(id_for("a", 10 * s) == 1);
  CHECK(id_for("b", 20 * s) == 2);
  CHECK(id_for("a", 10 * s + kept) == 1); // repeated, which does not keep it longer
  CHECK(ids.size() == 2);
  CHECK(id_for("a", 10 * s + kept + 1) == 3);
  CHECK(ids.size() == 2);
  CHECK(id_for("c", 5 * s) == 4); // the clock was set back
  CHECK(id_for("b", 20 * s + kept) == 2);
  CHECK(ids.size() == 2); // c has gone
  CHECK(id_for("d", 100 * kept) == 5);
  CHECK(ids.size() == 1);
}

TEST_CASE("a key that is made again after it has gone does not go with its older self") {
  attempted_ids ids;
  std::map<std::string, std::pair<int, std::int64_t>> naive; // id, time
  std::mt19937 dice(5);
  int made = 0;
  std::int64_t now_us = 0;
  constexpr std::int64_t kept_us = std::int64_t{limits::attempted_id_s} * 1'000'000;
  for (int i = 0; i < 20'000; ++i) {
    now_us += static_cast<std::int64_t>(dice() % 4'000'000) - 500'000;
    const auto key = std::to_string(dice() % 60);
    std::erase_if(naive, [&](const auto& e) { return e.second.second < now_us - kept_us; });
    const auto next = ++made;
    const auto expected = naive.try_emplace(key, next, now_us).first->second.first;
    const auto [id, first] = ids.attempt_for(key, now_us, [next] {
      return domain::batch_id{
          {static_cast<std::uint8_t>(next), static_cast<std::uint8_t>(next >> 8)}};
    });
    REQUIRE((id.bytes[0] | id.bytes[1] << 8) == (expected & 0xffff));
    REQUIRE(first == (expected == next));
    REQUIRE(ids.size() == naive.size());
  }
}

TEST_CASE("a bucket takes other limits while it is used") {
  rate_limiter limiter(1, 2);
  CHECK(limiter.take("a", 1'000'000).remaining == 1);
  limiter.set_limits(10, 1);
  const auto now = limiter.take("a", 1'000'000);
  CHECK(now.allowed);
  CHECK(now.limit == 1);
  CHECK(now.per_s == 10);
  CHECK_FALSE(limiter.take("a", 1'000'000).allowed);
  CHECK(limiter.take("a", 1'100'000).allowed);
}

TEST_CASE("a quota that is lowered takes back nothing, and gives nothing more") {
  actors::usage_board board;
  const identity_store who{config::auth_settings{}};
  quota quotas({.live_batches = 10, .queued_files = 10, .stored_bytes = 100, .uploads = 2}, who,
               board);
  const auto taken = quotas.reserve("ann", {.bytes = 60});
  REQUIRE(taken);
  auto less = quotas.allowed("ann");
  less.stored_bytes = 50;
  quotas.allow(less);
  CHECK_FALSE(quotas.reserve("ann", {.bytes = 1}));
  CHECK(quotas.reserve("ben", {.bytes = 50}));
  less.stored_bytes = 200;
  quotas.allow(less);
  CHECK(quotas.reserve("ann", {.bytes = 140}));
}

TEST_CASE("buckets of those who have gone are forgotten") {
  rate_limiter limiter(10, 1);
  for (int i = 0; i < 100'000; ++i)
    CHECK(limiter.take(std::to_string(i), static_cast<std::uint64_t>(i) * 1'000'000).allowed);
}

TEST_CASE("a reservation is held until its holder goes, exactly once") {
  actors::usage_board board;
  const identity_store who{config::auth_settings{}};
  quota quotas({.live_batches = 10, .queued_files = 10, .stored_bytes = 100, .uploads = 2}, who,
               board);
  {
    auto first = quotas.reserve("ann", {.bytes = 60, .uploads = 1});
    REQUIRE(first);
    CHECK_FALSE(first->grow({.bytes = 41}));
    CHECK(first->grow({.bytes = 40}));
    CHECK(quotas.reserve("ann", {.bytes = 1}).error().code == problem_code::storage_exceeded);
    CHECK(quotas.reserve("ben", {.bytes = 100}));
    auto moved = std::move(*first);
    CHECK(moved.held().bytes == 100);
  }
  CHECK(quotas.reserve("ann", {.bytes = 100}));
  auto a = quotas.reserve("ann", {.uploads = 1}), b = quotas.reserve("ann", {.uploads = 1});
  CHECK(quotas.reserve("ann", {.uploads = 1}).error().code == problem_code::quota_exceeded);
  CHECK(quotas.reserve("ann", {.bytes = UINT64_MAX}).error().code ==
        problem_code::storage_exceeded);
}

TEST_CASE("a reservation gives back what somebody else counts by now, and no more than it held") {
  actors::usage_board board;
  const identity_store who{config::auth_settings{}};
  quota quotas({.live_batches = 10, .queued_files = 10, .stored_bytes = 100, .uploads = 2}, who,
               board);
  {
    auto held = quotas.reserve("ann", {.files = 2, .bytes = 90, .uploads = 1});
    REQUIRE(held);
    held->shrink({.files = 1, .bytes = 60});
    CHECK(held->held().files == 1);
    CHECK(held->held().bytes == 30);
    CHECK(quotas.reserve("ann", {.files = 9, .bytes = 70}));
    CHECK_FALSE(quotas.reserve("ann", {.bytes = 71}));
    held->shrink({.files = 5, .bytes = 500});
    CHECK(quotas.reserved("ann").bytes == 0);
    CHECK(quotas.reserved("ann").files == 0);
    CHECK(quotas.reserved("ann").uploads == 1);
  }
  CHECK(quotas.reserved("ann").uploads == 0);
}

TEST_CASE("which paths may be") {
  for (const auto* good :
       {"a", "a/b.jpg", ".hidden", "a b", "\xc3\xa9", "...", "a..b", "\xf0\x9f\x98\x80.png"})
    CHECK(check_file_path(good));
  for (const auto* bad :
       {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a\\b", "a\nb", "a\x7f", "\xc2\x85",
        "e\xcc\x81", "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x80\xae", "\xe2\x80\xa8"}) {
    INFO(bad);
    CHECK_FALSE(check_file_path(bad));
  }
  CHECK(check_file_path(std::string(255, 'a')));
  CHECK_FALSE(check_file_path(std::string(256, 'a')));
}

TEST_CASE("any name becomes a path that may be, and one that may be stays") {
  const std::pair<std::string, std::string> rows[] = {
      {"a/b.jpg", "a/b.jpg"},
      {"e\xcc\x81.png", "\xc3\xa9.png"},
      {"a\\b.png", "a_b.png"},
      {"a\nb\x7f.png", "a_b_.png"},
      {"\xfc.png", "\xc3\xbc.png"},               // Latin-1
      {"\x80\xed\xa0\x80", "_\xc3\xad\xc2\xa0_"}, // a surrogate is no UTF-8
      {"\xe2\x80\xae.png", "_.png"},
      {"/a//./../b", "a/_/__/b"},
      {"", "file"},
      {"//", "file"},
      {std::string(300, 'x') + ".jpeg", std::string(250, 'x') + ".jpeg"},
      {std::string(300, 'x') + "/y", std::string(255, 'x') + "/y"}};
  for (const auto& [path, nearest] : rows) {
    INFO(path);
    CHECK(nearest_file_path(path) == nearest);
    CHECK(check_file_path(nearest));
    CHECK(nearest_file_path(nearest) == nearest);
  }
  std::string deep;
  for (int i = 0; i < 400; ++i)
    deep += std::to_string(i) + '/';
  const auto shorter = nearest_file_path(deep + "x.png");
  CHECK(check_file_path(shorter));
  CHECK(shorter.starts_with("0/1/2/"));
  CHECK(shorter.ends_with("/x.png"));
  CHECK(shorter.size() > 1'000);
}

TEST_CASE("networks and the addresses in them") {
  CHECK(in_network("10.0.0.0/8", "10.1.2.3") == true);
  CHECK(in_network("10.0.0.0/8", "11.1.2.3") == false);
  CHECK(in_network("127.0.0.1", "127.0.0.1") == true);
  CHECK(in_network("127.0.0.1/32", "127.0.0.2") == false);
  CHECK(in_network("2001:db8::/32", "2001:db8::1") == true);
  CHECK(in_network("2001:db8::/32", "10.0.0.1") == false);
  CHECK_FALSE(in_network("nonsense", "10.0.0.1"));
}

namespace {

// The parts of a form that comes in pieces of this size: "name=content".
std::vector<std::string> parts_of(const std::string& form, std::size_t piece,
                                  std::string* error = nullptr) {
  multipart_parser parser("B");
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (true) {
    const auto next = parser.next();
    if (!next) {
      if (error != nullptr) *error = next.error();
      return parts;
    }
    using enum multipart_parser::what;
    if (*next == end) return parts;
    if (*next == part_begin) parts.push_back(parser.head().file_name.value_or("-") + '=');
    if (*next == part_data) parts.back() += parser.data();
    if (*next == needs_more) {
      if (at >= form.size()) {
        if (error != nullptr) *error = "ended";
        return parts;
      }
      const auto size = std::min(piece, form.size() - at);
      parser.feed(std::span(form).subspan(at, size));
      at += size;
    }
  }
}

} // namespace

TEST_CASE("a form is the same in pieces of any size") {
  const std::string form =
      "ignored\r\n--B  \r\nContent-Disposition: form-data; name=\"a\"; "
      "filename=\"x;\\\"y.jpg\"\r\n\r\nline\r\n--Bno\r\n-\r\n--\r\n--B\r\n"
      "content-disposition: form-data; name=b\r\n\r\n\r\n--B--\r\n--B\r\nafter";
  const std::vector<std::string> expected{"x;\"y.jpg=line\r\n--Bno\r\n-\r\n--", "-="};
  // A line that only begins like a boundary is an error, wherever it is cut.
  for (std::size_t piece = 1; piece <= form.size(); ++piece) {
    std::string error;
    parts_of(form, piece, &error);
    CHECK(error == "A boundary is followed by something that is no end of a line.");
  }
  std::string good = form;
  good.replace(good.find("--Bno"), 5, "--Cno");
  const std::vector<std::string> read{"x;\"y.jpg=line\r\n--Cno\r\n-\r\n--", "-="};
  for (std::size_t piece = 1; piece <= good.size(); ++piece) {
    INFO(piece);
    CHECK(parts_of(good, piece) == read);
  }
  std::string error;
  parts_of(good.substr(0, 100), 7, &error);
  CHECK(error == "ended");
  parts_of("--B\r\n" + std::string(20'000, 'a'), 1'000, &error);
  CHECK(error == "A part has too many headers.");
}

TEST_CASE("boundaries that can be used") {
  CHECK(multipart_boundary("multipart/form-data; boundary=abc") == "abc");
  CHECK(multipart_boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"") == "a b");
  CHECK_FALSE(multipart_boundary("multipart/form-data"));
  CHECK_FALSE(multipart_boundary("multipart/mixed; boundary=abc"));
  CHECK_FALSE(multipart_boundary("multipart/form-data; boundary="));
  CHECK_FALSE(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'a')));
}

TEST_CASE("ranges, read") {
  const auto part = [](std::uint64_t first, std::uint64_t length) {
    return byte_range{first, length};
  };
  CHECK(read_range("bytes=0-0", 10).range == part(0, 1));
  CHECK(read_range("bytes=9-", 10).range == part(9, 1));
  CHECK(read_range("bytes=-99", 10).range == part(0, 10));
  CHECK(read_range("bytes=10-", 10).verdict == range_verdict::not_satisfiable);
  CHECK(read_range("bytes=0-", 0).verdict == range_verdict::not_satisfiable);
  CHECK(read_range("", 10).verdict == range_verdict::whole);
  CHECK(read_range("bytes=", 10).verdict == range_verdict::whole);
  CHECK(read_range("bytes=-", 10).verdict == range_verdict::whole);
}

TEST_CASE("a ZIP's layout adds up, also beyond 4 GiB") {
  zip_layout layout({});
  std::uint64_t expected = 0;
  for (int i = 0; i < 70'000; ++i) {
    const zip_entry entry{"f" + std::to_string(i), 100'000, 1};
    expected += zip_local_header(entry, {}).size() + entry.bytes;
    layout.add(entry);
  }
  CHECK(layout.offset() == expected);
  CHECK(layout.offset() > 0xffff'ffffull);
  CHECK(layout.end().size() == 56 + 20 + 22); // ZIP64 records and the old one
  const zip_entry large{"large", 5ull << 32, 1};
  CHECK(zip_local_header(large, {}).size() == 30 + 5 + 20);
  CHECK(zip_central_record(large, 0, {}).size() == 46 + 5 + 20);
  CHECK(zip_central_record(large, 6ull << 32, {}).size() == 46 + 5 + 28);
}

TEST_CASE("what cannot be listened on, or trusted, is told with its key") {
  const auto error_of = [](const std::function<void(config::settings&)>& change) {
    config::settings s;
    change(s);
    const auto ok = check_network(s);
    return ok ? std::string{} : ok.error().substr(0, ok.error().find(':'));
  };
  CHECK(error_of([](auto&) {}).empty());
  CHECK(error_of([](auto& s) { s.http.listen = "0.0.0.0:1"; }) == "http.listen");
  CHECK(error_of([](auto& s) { s.http.listen = "[::]:1"; }) == "http.listen");
  CHECK(error_of([](auto& s) { s.http.listen = "[::1]:1"; }).empty());
  CHECK(error_of([](auto& s) { s.http.listen = "nonsense"; }) == "http.listen");
  CHECK(error_of([](auto& s) { s.http.listen = "127.0.0.1:99999"; }) == "http.listen");
  CHECK(error_of([](auto& s) { s.http.metrics_listen = "0.0.0.0:1"; }) == "http.metrics_listen");
  CHECK(error_of([](auto& s) {
          s.http.listen = "0.0.0.0:1";
          s.http.insecure_no_tls = true;
        }).empty());
  CHECK(error_of([](auto& s) { s.auth.trusted_proxies = {"10.0.0.0/99"}; }) ==
        "auth.trusted_proxies");
}

TEST_CASE("a probe that fails or hangs is a failing check, and is remembered") {
  using namespace std::chrono_literals;
  health_board board;
  const health_board::clock::time_point start{100s};
  CHECK(board.read(start).empty());
  CHECK_FALSE(board.failed_since("blobs", start - 1h, start));
  board.report("blobs", "", start);
  CHECK(board.read(start + 4s).at(0).ok);
  CHECK_FALSE(board.failed_since("blobs", start - 1h, start + 4s));
  const auto hangs = board.read(start + std::chrono::milliseconds(limits::health_stale_ms));
  CHECK_FALSE(hangs.at(0).ok);
  CHECK(hangs.at(0).reason == "has not answered for 5 s");
  CHECK(board.failed_since("blobs", start - 1h, start + 6s));
  board.report("blobs", "no such device", start + 7s);
  CHECK(board.read(start + 8s).at(0).reason == "no such device");
  board.report("blobs", "", start + 9s);
  CHECK(board.read(start + 9s).at(0).ok);
  CHECK(board.failed_since("blobs", start + 7s, start + 9s));
  CHECK_FALSE(board.failed_since("blobs", start + 8s, start + 9s));
}
