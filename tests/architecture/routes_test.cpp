// Problems become responses in one place: `to_response`, called by the router for what it and its
// routes refuse, and by those who refuse what never becomes a request to it.
#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

namespace fs = std::filesystem;

namespace {

std::map<std::string, std::string> sources() {
  std::map<std::string, std::string> texts;
  for (const auto& entry : fs::directory_iterator(fs::path(DARKROOM_SOURCE_DIR) / "http")) {
    if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
    std::ifstream in(entry.path());
    texts[entry.path().filename().string()].assign(std::istreambuf_iterator<char>(in), {});
  }
  REQUIRE(texts.size() > 50);
  return texts;
}

std::map<std::string, int> files_with(const std::string& words) {
  std::map<std::string, int> found;
  for (const auto& [name, text] : sources())
    for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1))
      ++found[name];
  return found;
}

} // namespace

TEST_CASE("a problem becomes a response in one place") {
  CHECK(files_with("problem_response(") == std::map<std::string, int>{{"message.cpp", 2}});
  // Declared and defined; the router; the session, before there is a request or when it will not
  // wait for its body; the listener that has metrics only, and connections over the limits.
  CHECK(files_with("to_response(") == std::map<std::string, int>{{"message.cpp", 1},
                                                                 {"message.hpp", 1},
                                                                 {"router.cpp", 1},
                                                                 {"server.cpp", 2},
                                                                 {"session.cpp", 2}});
}

TEST_CASE("routes leave by DARKROOM_TRY and its kin, not by copies of an exit") {
  for (const auto& [name, text] : sources()) {
    if (!name.starts_with("routes_")) continue;
    INFO(name);
    CHECK(text.find("co_return std::unexpected(problem_of") == std::string::npos);
    for (const auto* copy : {"co_return std::unexpected(named.error", "find_batch("})
      CHECK(text.find(copy) == std::string::npos);
    for (auto at = text.find("co_return std::unexpected("); at != std::string::npos;
         at = text.find("co_return std::unexpected(", at + 1)) {
      const auto rest = text.substr(at + 26, text.find(';', at) - at - 26);
      INFO(rest);
      CHECK_FALSE(rest.ends_with(".error())"));
    }
  }
}
