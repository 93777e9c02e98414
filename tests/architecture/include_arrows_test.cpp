// The rooms and their arrows: a room may include only rooms listed before it.
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

const std::vector<std::string> rooms{"base",   "config", "domain", "codecs", "persistence",
                                     "actors", "web",    "http",   "app"};
// Exceptions that narrow the order further: what a room knows nothing of.
const std::map<std::string, std::vector<std::string>> forbidden{{"http", {"codecs"}}};

std::size_t rank(const std::string& room) {
  return static_cast<std::size_t>(std::ranges::find(rooms, room) - rooms.begin());
}

std::vector<std::string> included_rooms(const std::string& text_line) {
  if (!text_line.starts_with("#include \"")) return {};
  const auto path = text_line.substr(10, text_line.find('"', 10) - 10);
  const auto room = path.substr(0, path.find('/'));
  return std::ranges::find(rooms, room) == rooms.end() ? std::vector<std::string>{}
                                                       : std::vector{room};
}

bool allowed(const std::string& from, const std::string& to) {
  if (rank(to) > rank(from)) return false;
  const auto rule = forbidden.find(from);
  return rule == forbidden.end() || std::ranges::find(rule->second, to) == rule->second.end();
}

// Which C library's header may be included where.
const std::map<std::string, std::vector<std::string>> fences{
    {"jpeglib.h", {"codecs/jpeg_"}},
    {"png.h", {"codecs/png_"}},
    {"webp/", {"codecs/webp_"}},
    {"lcms2.h", {"codecs/colour"}},
    {"expat.h", {"codecs/metadata/xml_tree"}},
    {"zimg.h", {"codecs/resize"}},
    {"rocksdb/", {"persistence/"}},
    {"caf/", {"actors/"}},
    {"boost/beast/", {"http/session", "http/web_socket"}},
    {"boost/asio/",
     {"http/", "app/feed_client", "actors/cluster/as_result", "actors/cluster/link_"}},
    {"openssl/",
     {"actors/cluster/link_", "actors/cluster/certificates", "http/", "app/",
      "persistence/digest"}},
    {"boost/url/", {"http/message"}},
    {"utf8proc.h", {"domain/portable_names", "http/file_path"}},
    {"yaml-cpp/", {"http/openapi"}},
    {"toml++/", {"config/settings"}},
    {"spdlog/", {"http/", "app/serve"}},
    {"curl/", {"app/curl_library"}},
    {"journal.pb.h", {"persistence/event_codec", "persistence/access_codec"}},
    {"libdeflate.h", {"codecs/png_", "codecs/row_deflate", "persistence/digest"}},
    {"zlib.h", {"codecs/png_"}}};

template<class Visit>
void each_line(Visit visit) {
  std::size_t files = 0;
  for (const auto& room : rooms) {
    const fs::path root = fs::path(DARKROOM_SOURCE_DIR) / room;
    if (!fs::exists(root)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
      ++files;
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);)
        visit(room, entry.path().lexically_relative(DARKROOM_SOURCE_DIR).string(), line);
    }
  }
  REQUIRE(files > 60);
}

} // namespace

TEST_CASE("the rule itself tells allowed from forbidden arrows") {
  CHECK(allowed("actors", "codecs"));
  CHECK(allowed("actors", "actors"));
  CHECK_FALSE(allowed("domain", "codecs"));
  CHECK_FALSE(allowed("persistence", "actors"));
  CHECK_FALSE(allowed("http", "codecs"));
  CHECK(included_rooms("#include \"domain/ids.hpp\"") == std::vector<std::string>{"domain"});
  CHECK(included_rooms("#include <vector>").empty());
}

TEST_CASE("no room includes a room that comes after it") {
  each_line([](const std::string& room, const std::string& file, const std::string& line) {
    for (const auto& to : included_rooms(line)) {
      INFO(file << ": " << line);
      CHECK(allowed(room, to));
    }
  });
}

TEST_CASE("errnos become text in one place") {
  std::size_t found = 0;
  each_line([&](const std::string&, const std::string& file, const std::string& line) {
    if (line.find("strerror") == std::string::npos ||
        line.find("easy_strerror") != std::string::npos)
      return;
    INFO(file << ": " << line);
    CHECK(file == "base/errno_text.cpp");
    ++found;
  });
  CHECK(found > 0);
}

TEST_CASE("each foreign library is included only behind its fence") {
  each_line([](const std::string&, const std::string& file, const std::string& line) {
    if (!line.starts_with("#include <") && !line.starts_with("#include \"journal.pb")) return;
    const auto header = line.substr(10);
    for (const auto& [library, places] : fences) {
      if (!header.starts_with(library)) continue;
      INFO(file << ": " << line);
      CHECK(std::ranges::any_of(places, [&](const auto& p) { return file.starts_with(p); }));
    }
  });
}
