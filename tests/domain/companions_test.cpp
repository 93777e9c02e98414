#include "domain/companions.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom::domain;

TEST_CASE("which paths a pattern fits") {
  struct row {
    const char* pattern;
    const char* path;
    bool fits;
  };
  const row rows[] = {
      {"*", "", true},
      {"*", "a/b.jpg", true},
      {"?", "", false},
      {"*.cr2", "a.cr2", true},
      {"*.cr2", "d/A.CR2", true}, // also in folders, in any case
      {"*.cr2", "a.cr2.jpg", false},
      {"*.cr2", ".cr2", true},
      {"raw/*", "raw/a.jpg", true},
      {"raw/*", "x/raw/a.jpg", false},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"a?c",
       "a\xc3\xa4"
       "c",
       true}, // one character, two bytes
      {"*\xc3\x84*", "x\xc3\xa4y", true},
      {"a*b*c", "aXbXc", true},
      {"a*b*c", "abbbc", true},
      {"a*b*c", "acb", false},
      {"**", "x", true},
      {"x*", "x", true},
      {"x*y", "x", false},
      {"", "", true},
      {"", "x", false},
      {"a*", "\xff", false}, // no UTF-8
  };
  for (const auto& r : rows) {
    INFO(r.pattern << " and " << r.path);
    CHECK(matches({"role", r.pattern, 1}, r.path) == r.fits);
  }
}

TEST_CASE("a pattern of many stars is no trap") {
  std::string pattern, path(1'024, 'a');
  for (int i = 0; i < 128; ++i)
    pattern += "*a";
  CHECK(matches({"role", pattern, 1}, path));
  CHECK_FALSE(matches({"role", pattern + "b", 1}, path));
}

TEST_CASE("what is missing is named by role") {
  const std::vector<companion> required{{"raw", "*.cr2", 1}, {"sidecar", "*.xmp", 2}};
  const std::vector<std::uint32_t> all{1, 2}, some{1, 1}, none{};
  CHECK(missing_companions(required, all).empty());
  CHECK(missing_companions(required, some) == "sidecar: 1 of 2 files like *.xmp");
  CHECK(missing_companions(required, none) ==
        "raw: 0 of 1 files like *.cr2; sidecar: 0 of 2 files like *.xmp");
  CHECK(missing_companions({}, {}).empty());
}
