// Words that docs/glossary.md rules out do not return to the names of the product.
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace fs = std::filesystem;

namespace {

using words = std::set<std::string>;

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// The words of a row `| a, b | instead | yes |`, each in backticks; none unless the row is
// enforced.
words enforced_in(const std::string& row) {
  std::vector<std::string> cells;
  std::istringstream in(row);
  for (std::string cell; std::getline(in, cell, '|');)
    cells.push_back(cell);
  if (cells.size() < 4 || cells[3] != " yes ") return {};
  words found;
  for (std::size_t at = 0; (at = cells[1].find('`', at)) != std::string::npos;) {
    const auto end = cells[1].find('`', at + 1);
    if (end == std::string::npos) break;
    found.insert(cells[1].substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return found;
}

words enforced_words() {
  std::ifstream in(fs::path(DARKROOM_SOURCE_DIR) / "docs/glossary.md");
  words all;
  bool in_table = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) in_table = line == "## Words not to use in names";
    if (in_table) all.merge(enforced_in(line));
  }
  return all;
}

// The code of a line: without comments and the content of texts. A quote after a digit separates
// digits, as in 1'000.
std::string code_of(std::string_view line) {
  std::string code;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (line.substr(i).starts_with("//")) break;
    const bool separates =
        c == '\'' && i > 0 && std::isxdigit(static_cast<unsigned char>(line[i - 1])) != 0;
    if ((c != '"' && c != '\'') || separates) {
      code += c;
      continue;
    }
    for (++i; i < line.size() && line[i] != c; ++i)
      if (line[i] == '\\') ++i;
    code += ' ';
  }
  return code;
}

// The parts of a name between underscores: "node_board_" is "node" and "board".
std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts;
  std::istringstream in(lower(name));
  for (std::string part; std::getline(in, part, '_');)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

// The names in the code that have one of the words as a part, in the singular or plural.
std::vector<std::string> ruled_out_in(const std::string& code, const words& ruled_out) {
  std::vector<std::string> found;
  for (auto at = code.begin(); at != code.end();) {
    at = std::find_if(at, code.end(), is_name_character);
    const auto end = std::find_if_not(at, code.end(), is_name_character);
    const std::string name(at, end);
    const bool bad = std::ranges::any_of(parts_of(name), [&](const std::string& part) {
      return ruled_out.contains(part) ||
             (part.ends_with('s') && ruled_out.contains(part.substr(0, part.size() - 1)));
    });
    if (bad) found.push_back(name);
    at = end;
  }
  return found;
}

} // namespace

TEST_CASE("the matcher finds what is ruled out, and only in names") {
  const words some{"util", "manager", "photo"};
  const auto found = [&](std::string_view line) { return ruled_out_in(code_of(line), some); };
  using names = std::vector<std::string>;
  CHECK(found("class session_manager {") == names{"session_manager"});
  CHECK(found("int utils_ = Photo + photos_max;") == names{"utils_", "Photo", "photos_max"});
  CHECK(found("#define UTIL_COUNT 3") == names{"UTIL_COUNT"});
  CHECK(found("f(1'000, manager, 2'000);") == names{"manager"});
  CHECK(found("f('\\'', \"a \\\" b\", manager);") == names{"manager"});
  CHECK(found("int utility = managers2; // the photo manager").empty());
  CHECK(found("log(\"no manager\");").empty());
}

TEST_CASE("only rows that are enforced count") {
  CHECK(enforced_in("| `util`, `thing` | what it does | yes |") == words{"thing", "util"});
  CHECK(enforced_in("| `room` | `module` | no |").empty());
  CHECK(enforced_in("| word | instead | enforced |").empty());
  CHECK(enforced_in("Any other `text`.").empty());
  const auto all = enforced_words();
  CHECK(all.contains("manager"));
  CHECK_FALSE(all.contains("module"));
}

TEST_CASE("no name of the product has a word that the glossary rules out") {
  const auto ruled_out = enforced_words();
  std::size_t files = 0;
  for (const auto* module :
       {"base", "config", "domain", "codecs", "persistence", "actors", "http", "app"}) {
    for (const auto& entry :
         fs::recursive_directory_iterator(fs::path(DARKROOM_SOURCE_DIR) / module)) {
      if (!entry.is_regular_file()) continue;
      const auto file = entry.path().lexically_relative(DARKROOM_SOURCE_DIR).string();
      INFO(file);
      CHECK(ruled_out_in(file, ruled_out) == std::vector<std::string>{});
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
      ++files;
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);)
        for (const auto& name : ruled_out_in(code_of(line), ruled_out))
          FAIL_CHECK(file << ": \"" << name
                          << "\" has a word that docs/glossary.md rules out: " << line);
    }
  }
  CHECK(files > 60);
}
