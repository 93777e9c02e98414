// `darkroom batch submit`: what a folder holds arrives, whatever its names are.
#include "app/batch_submit.hpp"
#include "app/http_client.hpp"
#include "app/upload_paths.hpp"
#include "http/file_path.hpp"
#include "http/limits.hpp"
#include "process.hpp"
#include "served.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/support/scratch.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>

using namespace darkroom;
using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

std::string image_of(std::uint32_t side) {
  return encoded("png", gradient(codecs::pixel_layout::rgb, 20 + side, 20));
}

std::vector<std::string> upload_paths(const std::vector<std::string>& paths) {
  std::vector<app::source_file> sources;
  for (const auto& path : paths)
    sources.emplace_back().path = path;
  return app::plan_upload_paths(sources);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A server, a folder `in`, and the client.
struct site {
  scratch dir, client;
  served server{dir.path()};

  ended submit(std::vector<std::string> words) const {
    words.insert(words.begin(), {"batch", "submit"});
    for (const auto& word : {std::string{"--to"}, std::string{"webp"}, std::string{"--server"},
                             server.address(), std::string{"--token"}, server.token()})
      words.push_back(word);
    return run_darkroom(words, client.path());
  }
  boost::json::value get(const std::string& path) const {
    app::http_client asked({server.address(), server.token()});
    const auto reply = asked.send("GET", path);
    REQUIRE(reply.status == 200);
    return boost::json::parse(reply.body);
  }
  std::size_t batches() const { return get("/v1/batches").at("batches").as_array().size(); }
  // The paths of the newest batch's files, in their order.
  std::string paths() const {
    const auto id = get("/v1/batches?limit=1").at("batches").at(0).at("id").as_string();
    std::string text;
    const auto answer = get("/v1/batches/" + std::string{id} + "/files");
    for (const auto& file : answer.at("files").as_array())
      text += std::string{file.at("path").as_string()} + ' ';
    return text;
  }
};

} // namespace

TEST_CASE("sources have different paths on a server, their own if they may be") {
  using paths = std::vector<std::string>;
  CHECK(upload_paths({}) == paths{});
  CHECK(upload_paths({"x.png", "x.png", "x.png"}) == paths{"x.png", "x-2.png", "x-3.png"});
  CHECK(upload_paths({"x.png", "x.png", "x-2.png"}) == paths{"x.png", "x-3.png", "x-2.png"});
  CHECK(upload_paths({"a\\b.png", "a_b.png"}) == paths{"a_b-2.png", "a_b.png"});
  CHECK(upload_paths({"e\xcc\x81", "\xc3\xa9"}) == paths{"\xc3\xa9-2", "\xc3\xa9"});
  CHECK(upload_paths({"d.e/x", "d.e/x"}) == paths{"d.e/x", "d.e/x-2"});
  const std::string longest(251, 'x');
  const auto cut = upload_paths({longest + ".png", longest + ".png"});
  CHECK(cut[1] == std::string(249, 'x') + "-2.png");
  for (const auto& path : upload_paths(paths(20'000, "x\n.png"))) // one pass: no numbers again
    REQUIRE(http::check_file_path(path));
}

TEST_CASE("manifests stay within the server's limits on files and on bytes") {
  CHECK(app::make_manifests({}).empty());
  const std::vector<app::manifest_entry> many(limits::manifest_files_max + 1,
                                              {"p", std::string(64, '0'), 1});
  const auto by_count = app::make_manifests(many);
  REQUIRE(by_count.size() == 2);
  CHECK(boost::json::parse(by_count[1]).as_array().size() == 1);
  const std::vector<app::manifest_entry> wide(8'000, {std::string(1'024, '"'), "", 1});
  std::size_t rows = 0;
  const auto by_bytes = app::make_manifests(wide);
  for (const auto& manifest : by_bytes) {
    CHECK(manifest.size() <= limits::manifest_body_bytes_max);
    rows += boost::json::parse(manifest).as_array().size();
  }
  CHECK(rows == wide.size());
  CHECK(by_bytes.size() == 4);
}

TEST_CASE("a submit that fails leaves no draft behind") {
  const site s;
  s.client.write("in/bad.png", "no image at all");
  s.client.write("notes/a.txt", "text");
  fs::create_symlink("nothing", s.client / "in/gone.png");
  const auto refused = s.submit({"in/bad.png"});
  INFO(refused.err);
  CHECK(refused.code == 3);
  CHECK(contains(refused.err, "unsupported_format"));
  CHECK(s.submit({"notes"}).code == 1);
  CHECK(s.submit({"nothing"}).code == 1);
  CHECK(s.submit({"in/gone.png"}).code == 1);
  CHECK(s.batches() == 0);
}

TEST_CASE("what cannot be read is named and the rest is submitted") {
  const site s;
  s.client.write("in/a.png", image_of(1));
  s.client.write("in/a.txt", "text");
  fs::create_symlink("nothing", s.client / "in/gone.png");
  const auto done = s.submit({"in", "--wait"});
  INFO(done.err);
  CHECK(done.code == 2);
  CHECK(contains(done.err, "unreadable: in/gone.png: "));
  CHECK(contains(done.err, "skipped: in/a.txt: is no image"));
  CHECK(contains(done.err, "1 file: 1 converted, 0 failed, 1 unreadable, 1 skipped"));
}

TEST_CASE("a dash is standard input") {
  const site s;
  s.client.write("a.png", image_of(1));
  const auto command = "cd " + s.client.path() + " && " DARKROOM_BINARY +
                       " batch submit - --to webp --wait --server " + s.server.address() +
                       " --token " + s.server.token() + " 2> err > id < ";
  CHECK(std::system((command + "/dev/null").c_str()) != 0);
  CHECK(s.batches() == 0);
  CHECK(std::system((command + "a.png").c_str()) == 0);
  CHECK(s.paths() == "stdin ");
  CHECK(contains(content_of(s.client / "err"), "1 file: 1 converted"));
}

TEST_CASE("two sources of one path are both converted") {
  const site s;
  s.client.write("a/x.png", image_of(1));
  s.client.write("b/x.png", image_of(2));
  const auto done = s.submit({"a", "b", "--wait", "--connections", "1"});
  INFO(done.err);
  CHECK(done.code == 0);
  CHECK(contains(done.err, "2 files: 2 converted"));
  CHECK(contains(done.err, "/b/x.png -> x-2.png"));
  const auto again = s.submit({"a/x.png", "b/x.png", "--wait"}); // the server has both
  CHECK(again.code == 0);
  CHECK(contains(again.err, "2 files: 2 converted"));
}

TEST_CASE("names that a server refuses are mapped to others, and said") {
  const site s;
  const std::string name(100, 'd');
  const auto deep = "in/" + name + '/' + name + '/' + name;
  for (const auto* file : {"ok.png", "e\xcc\x81.png", "a\\b.png", "l\nb.png", "\xfc.png"})
    s.client.write("in/" + std::string{file}, image_of(3));
  s.client.write(deep + "/ok.png", image_of(4));
  const auto done = s.submit({"in", "--wait"});
  INFO(done.err);
  CHECK(done.code == 0);
  CHECK(contains(done.err, "6 files: 6 converted"));
  for (const auto* said : {"-> \xc3\xa9.png", "-> a_b.png", "-> l_b.png", "-> \xc3\xbc.png"})
    CHECK(contains(done.err, said));
  CHECK(contains(s.paths(), " ok.png "));
  const auto named_long = s.submit({deep, "--wait"}); // and the batch's name from it
  INFO(named_long.err);
  CHECK(named_long.code == 0);
}
