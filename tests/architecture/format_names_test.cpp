// Formats are named in their own files of codecs/ and nowhere else: a row holds all that is known
// of a format, so a new one needs no change of other files.
#include "codecs/format.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using namespace darkroom;

namespace {

const std::vector<std::string> modules{"base",        "config", "domain", "codecs",
                                       "persistence", "actors", "http",   "app"};

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// Names, aliases and labels from the rows, in lower case.
const std::set<std::string>& names() {
  static const std::set<std::string> all = [] {
    std::set<std::string> found;
    for (const auto& row : codecs::formats()) {
      found.insert({lower(row.name), lower(row.label), lower(row.extension)});
      for (const auto alias : row.aliases)
        found.insert(lower(alias));
    }
    return found;
  }();
  return all;
}

// Where the literal that begins at `at` ends: a string, a raw string or a character.
std::size_t end_of_literal(const std::string& code, std::size_t at) {
  if (code[at] == '"' && at > 0 && code[at - 1] == 'R') {
    const auto open = code.find('(', at);
    const auto close = ")" + code.substr(at + 1, open - at - 1) + "\"";
    return std::min(code.find(close, open), code.size() - close.size()) + close.size();
  }
  const char quote = code[at];
  for (++at; at < code.size() && code[at] != quote && code[at] != '\n'; ++at)
    if (code[at] == '\\') ++at;
  return std::min(at + 1, code.size());
}

// The same lines without what is in comments.
std::string without_comments(const std::string& code) {
  std::string out;
  for (std::size_t i = 0; i < code.size();) {
    const auto two = std::string_view{code}.substr(i, 2);
    const bool separator = code[i] == '\'' && i > 0 && std::isalnum(code[i - 1]) != 0; // 1'000
    if (two == "//") {
      i = std::min(code.find('\n', i), code.size());
    } else if (two == "/*") {
      const auto end = std::min(code.find("*/", i + 2), code.size() - 2) + 2;
      out.append(static_cast<std::size_t>(std::count(&code[i], &code[0] + end, '\n')), '\n');
      i = end;
    } else if (code[i] == '"' || (code[i] == '\'' && !separator)) {
      const auto end = end_of_literal(code, i);
      out.append(code, i, end - i);
      i = end;
    } else {
      out += code[i++];
    }
  }
  return out;
}

// "LINE: text" of each line of code with a format's name in a literal, an identifier or an include.
std::vector<std::string> lines_with_names(const std::string& code) {
  std::vector<std::string> found;
  std::istringstream lines(without_comments(code));
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const auto text = lower(line);
    if (std::ranges::any_of(names(), [&](const auto& n) { return text.contains(n); }))
      found.push_back(std::to_string(number) + ": " + line);
  }
  return found;
}

// A format's own files, the list of rows, and the list of formats that are not read: JPEG XL is
// one.
bool may_name_formats(const std::string& file) {
  if (!file.starts_with("codecs/")) return false;
  if (file == "codecs/format.cpp" || file == "codecs/unread_formats.cpp") return true;
  const auto name = file.substr(file.rfind('/') + 1);
  return std::ranges::any_of(codecs::formats(), [&](const auto& row) {
    return name.starts_with(std::string{row.name} + '_');
  });
}

} // namespace

TEST_CASE("the matcher finds names of formats in code, and only there") {
  const auto count = [](const std::string& code) { return lines_with_names(code).size(); };
  CHECK(count(R"(if (output.format == "jpeg") return;)") == 1);
  CHECK(count(R"(add("Progressive JPEG, interlaced PNG");)") == 1);
  CHECK(count("limits::jpeg_scans_max") == 1);
  CHECK(count("WebPPicture picture;") == 1);
  CHECK(count("#include \"codecs/png_format.hpp\"") == 1);
  CHECK(count(R"(auto path = name + ".jpg";)") == 1);
  CHECK(count(R"__(x = R"({"format":"webp"})"; // raw)__") == 1);
  CHECK(count("a = 1'000; b = \"png\"; // one line") == 1);
  CHECK(count(R"(c = '"'; d = "webp";)") == 1);
  CHECK(count(R"(s = "// no comment: png";)") == 1);
  CHECK(count("int x; // as in JPEG\n/* PNG\n webp */ int y;") == 0);
  CHECK(count(R"(s = "\" // "; // png)") == 0);
  CHECK(count("find_format(spec.format)") == 0);
  CHECK(lines_with_names("/* a\n b */\nint png;") == std::vector<std::string>{"3: int png;"});
}

TEST_CASE("only a format's own files may name it") {
  CHECK(may_name_formats("codecs/jpeg_decode.cpp"));
  CHECK(may_name_formats("codecs/format.cpp"));
  CHECK(may_name_formats("codecs/unread_formats.cpp"));
  CHECK_FALSE(may_name_formats("codecs/conversion_plan.cpp"));
  CHECK_FALSE(may_name_formats("codecs/host/codec_host.cpp"));
  CHECK_FALSE(may_name_formats("app/jpeg_help.cpp"));
}

TEST_CASE("no other product file names a format") {
  std::size_t files = 0;
  for (const auto& module : modules) {
    for (const auto& entry :
         fs::recursive_directory_iterator(fs::path(DARKROOM_SOURCE_DIR) / module)) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
      const auto file = entry.path().lexically_relative(DARKROOM_SOURCE_DIR).string();
      if (may_name_formats(file)) continue;
      ++files;
      std::ifstream in(entry.path());
      const std::string code{std::istreambuf_iterator<char>(in), {}};
      for (const auto& line : lines_with_names(code))
        FAIL_CHECK(file << ':' << line);
    }
  }
  REQUIRE(files > 200);
}
