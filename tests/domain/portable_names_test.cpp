#include "domain/portable_names.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom::domain;

TEST_CASE("folded names are equal where a file system takes them for one") {
  CHECK(folded_name("A/B.JPG") == "a/b.jpg");
  CHECK(folded_name("\xc3\x84") == folded_name("a\xcc\x88"));
  CHECK(folded_name("STRASSE") == folded_name("stra\xc3\x9f"
                                              "e"));
  CHECK(folded_name("\xff"
                    "A") == "\xff"
                            "a");
  CHECK(folded_name("\xff") != folded_name("\xfe"));
  CHECK(folded_name("").empty());
}

TEST_CASE("what Windows cannot write is replaced, part by part") {
  const std::pair<const char*, const char*> rows[] = {
      {"", ""},
      {"plain", "plain"},
      {".hidden/x", ".hidden/x"},
      {"<>:\"|?*\\", "________"},
      {"a\x01\x7f", "a__"},
      {"nul", "nul_"},
      {"NUL.x.y/z", "NUL_.x.y/z"},
      {"lpt\xc2\xb9", "lpt\xc2\xb9_"},
      {"con ", "con _"},
      {"a./b./c.", "a_/b_/c."}, // an extension follows
      {"../x", "__/x"},
      {"console", "console"},
      {"\xff", "\xff"}};
  for (const auto& [path, portable] : rows) {
    INFO(path);
    CHECK(portable_path(path) == portable);
    CHECK(portable_path(portable) == portable);
  }
}

TEST_CASE("a text is cut between characters") {
  CHECK(cut_text("abc", 5) == "abc");
  CHECK(cut_text("abc", 2) == "ab");
  CHECK(cut_text("a\xe2\x82\xac", 3) == "a");
  CHECK(cut_text("a\xe2\x82\xac", 4) == "a\xe2\x82\xac");
  CHECK(cut_text("\x80\x80", 1).empty());
}
