#include "app/text.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom::app;

TEST_CASE("sizes are written and read") {
  CHECK(size_text(0) == "0 B");
  CHECK(size_text(999) == "999 B");
  CHECK(size_text(1'000) == "1.0 kB");
  CHECK(size_text(22'400'000) == "22.4 MB");
  CHECK(parse_size("512MiB") == 512ull << 20);
  CHECK(parse_size("2GB") == 2'000'000'000);
  CHECK(parse_size("77") == 77);
  for (const auto* text :
       {"", "MiB", "12 MiB", "12mib", "-1", "99999999999999999999GiB", "20000000000GiB"})
    CHECK_FALSE(parse_size(text));
}

TEST_CASE("times are RFC 3339 with microseconds") {
  CHECK(time_text(1'700'000'000'123'456) == "2023-11-14T22:13:20.123456Z");
  CHECK(time_text(0) == "1970-01-01T00:00:00.000000Z");
}

TEST_CASE("a name can be shown whatever is in it") {
  CHECK(printable("plain – ünï.jpg") == "plain – ünï.jpg");
  CHECK(printable("a\x1b[31mred") == "a\xef\xbf\xbd[31mred");
  CHECK(printable("line\nbreak") == "line\xef\xbf\xbd"
                                    "break");
  CHECK(printable("bad\xff\xc0\xaf") == "bad\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(printable("\xc2\x85") == "\xef\xbf\xbd");                     // a C1 control character
  CHECK(printable("\xed\xa0\x80").find('\xed') == std::string::npos); // a surrogate
}

TEST_CASE("durations and counts read as people say them") {
  CHECK(duration_text(3.14) == "3.1 s");
  CHECK(duration_text(125) == "2 min 5 s");
  CHECK(duration_text(7'260) == "2 h 1 min");
  CHECK(count_text(1, "file") == "1 file");
  CHECK(count_text(0, "file") == "0 files");
  CHECK(count_text(2, "batch") == "2 batches");
}
