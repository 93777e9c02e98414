#include "served.hpp"

#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdlib>

namespace darkroom::tests {

namespace {

std::vector<std::string> arguments(const std::string& directory, std::vector<std::string> more) {
  std::vector<std::string> words{"serve", "--data", directory + "/data", "--set",
                                 "data.disk_floor_bytes=0"};
  if (std::ranges::find(more, "--listen") == more.end()) {
    words.emplace_back("--listen");
    words.emplace_back("127.0.0.1:0");
  }
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

} // namespace

served::served(const std::string& directory, std::vector<std::string> more)
    : directory_(directory), process_(arguments(directory, std::move(more)), directory) {
  REQUIRE(comes_true([this] { return !address().empty(); }));
}

std::string served::address() const {
  const auto text = content_of(directory_ + "/.err");
  const auto at = text.find("darkroom serves on ");
  if (at == std::string::npos) return "";
  const auto begin = at + 19;
  const auto end = text.find(',', begin);
  return end == std::string::npos ? "" : text.substr(begin, end - begin);
}

std::uint16_t served::port() const {
  const auto text = address();
  return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
}

std::string served::token() const {
  const auto text = process_.out();
  return text.substr(0, text.find('\n'));
}

bool has(const char* program) {
  return std::system((std::string{"command -v "} + program + " >/dev/null").c_str()) == 0;
}

} // namespace darkroom::tests
