// `darkroom convert` and the other commands, as people run them.
#include "process.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/support/scratch.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <sys/stat.h>
#include <sys/wait.h>

using namespace darkroom;
using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

std::string png(std::uint32_t side = 40) {
  return encoded("png", noise(codecs::pixel_layout::rgb, side, side));
}

// A folder `in` with some pictures.
struct folder : scratch {
  explicit folder(int pictures = 3) {
    for (int i = 0; i < pictures; ++i)
      write("in/p" + std::to_string(i) + ".png", png(30 + static_cast<std::uint32_t>(i)));
  }
  ended run(std::vector<std::string> more = {}, const std::string& to = "webp") const {
    std::vector<std::string> words{"convert", "in", "-o", "out", "--to", to};
    words.insert(words.end(), more.begin(), more.end());
    return run_darkroom(words, path());
  }
  std::string listing() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(*this / "out"))
      if (entry.is_regular_file() && entry.path().string().find("/.darkroom/") == std::string::npos)
        names.push_back(entry.path().lexically_relative(*this / "out").string());
    std::ranges::sort(names);
    std::string text;
    for (const auto& name : names)
      text += name + " ";
    return text;
  }
  bool journal_is_whole() const {
    return run_darkroom({"journal", "verify", "out"}, path()).code == 0;
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a folder is converted, its tree kept, its sources untouched") {
  folder f;
  f.write("in/deep/er/q.png", png());
  const auto before = content_of(f / "in/p0.png");
  const auto done = f.run();
  INFO(done.err);
  CHECK(done.code == 0);
  CHECK(done.out.empty());
  CHECK(has(done.err, "4 files: 4 converted, 0 failed"));
  CHECK(f.listing() == "deep/er/q.webp p0.webp p1.webp p2.webp ");
  CHECK(content_of(f / "in/p0.png") == before);
  CHECK(f.journal_is_whole());
  const auto back = decoded(content_of(f / "out/p2.webp"));
  REQUIRE(back);
  CHECK(back->pixels.width() == 32);
}

TEST_CASE("the same command again has nothing to do; what changed is done again") {
  folder f;
  REQUIRE(f.run().code == 0);
  auto again = f.run();
  CHECK(again.code == 0);
  CHECK(has(again.err, "nothing to do: 3 files done before"));

  SECTION("a new file") {
    f.write("in/new.png", png());
    CHECK(has(f.run().err, "1 file: 1 converted, 0 failed"));
    CHECK(f.listing() == "new.webp p0.webp p1.webp p2.webp ");
  }
  SECTION("a changed file replaces its own earlier output") {
    const auto old = content_of(f / "out/p1.webp");
    f.write("in/p1.png", png(77));
    const auto done = f.run();
    INFO(done.err);
    CHECK(done.code == 0);
    CHECK(has(done.err, "1 file: 1 converted"));
    CHECK(content_of(f / "out/p1.webp") != old);
  }
  SECTION("an output that is gone is made again") {
    fs::remove(f / "out/p2.webp");
    CHECK(has(f.run().err, "1 file: 1 converted"));
    CHECK(f.listing() == "p0.webp p1.webp p2.webp ");
  }
  SECTION("another spec makes everything again, over our own outputs") {
    CHECK(has(f.run({"-q", "30"}).err, "3 files: 3 converted"));
  }
  SECTION("an output that somebody changed is not ours any more") {
    f.write("out/p1.webp", "mine now");
    f.write("in/p1.png", png(77));
    const auto done = f.run();
    CHECK(done.code == 2); // the others are done
    CHECK(has(done.err, "output_exists"));
    CHECK(content_of(f / "out/p1.webp") == "mine now");
  }
  CHECK(f.journal_is_whole());
}

TEST_CASE("what lies in the way follows --existing") {
  folder f(1);
  f.write("out/p0.webp", "theirs");
  const auto refused = f.run();
  CHECK(refused.code == 3);
  CHECK(has(refused.err, "output_exists"));
  CHECK(content_of(f / "out/p0.webp") == "theirs");
  CHECK(f.run({"--existing", "skip"}).code == 0);
  CHECK(content_of(f / "out/p0.webp") == "theirs");
  CHECK(f.run({"--existing", "overwrite"}).code == 0);
  CHECK(content_of(f / "out/p0.webp") != "theirs");
}

TEST_CASE("what was kept for somebody is never taken for ours later") {
  folder f(1);
  f.write("out/p0.webp", "theirs");
  REQUIRE(f.run({"--existing", "skip"}).code == 0);
  CHECK(f.run({"-q", "30"}).code == 3);
  CHECK(f.run({"-q", "30", "--existing", "skip"}).code == 0);
  CHECK(content_of(f / "out/p0.webp") == "theirs");
}

TEST_CASE("sources reached through a link are sources all the same") {
  folder f(1);
  const auto before = content_of(f / "in/p0.png");
  fs::create_directory_symlink(f / "in", f / "link");
  const auto done = run_darkroom(
      {"convert", "link", "-o", "in", "--to", "png", "-q", "30", "--existing", "overwrite"},
      f.path());
  CHECK(done.code == 0);
  CHECK(content_of(f / "in/p0.png") == before);
  CHECK(fs::exists(f / "in/p0-2.png"));
}

TEST_CASE("collisions are renamed, or refused before anything is done") {
  folder f(0);
  f.write("in/a.png", png());
  f.write("in/a.jpg", encoded("jpeg", gradient(codecs::pixel_layout::rgb, 20, 20)));
  const auto refused = f.run({"--collision", "fail"});
  CHECK(refused.code == 1);
  CHECK(has(refused.err, "--collision rename"));
  CHECK(f.run().code == 0);
  CHECK(f.listing() == "a-2.webp a.webp ");
}

TEST_CASE("outputs beside their sources never replace them, and are no sources later") {
  folder f(0);
  f.write("in/a.png", png());
  const std::vector<std::string> words{"convert", "in", "-o", "in", "--to", "png"};
  CHECK(run_darkroom(words, f.path()).code == 0);
  CHECK(fs::exists(f / "in/a-2.png"));
  CHECK(content_of(f / "in/a.png") == png());
  CHECK(has(run_darkroom(words, f.path()).err, "nothing to do"));
}

TEST_CASE("several outputs of one file") {
  folder f(1);
  const auto done = f.run({"--to", "jpeg", "--suffix", "-s", "--resize", "10x10"});
  CHECK(done.code == 0);
  CHECK(f.listing() == "p0-s.jpg p0-s.webp ");
  CHECK(decoded(content_of(f / "out/p0-s.jpg"))->pixels.width() == 10);
}

TEST_CASE("failures are named, the rest goes on, the exit code tells") {
  folder f(1);
  f.write("in/bad.png", "not a picture at all");
  const auto some = f.run({"--report", "r.json"});
  CHECK(some.code == 2);
  CHECK(has(some.err, "failed: bad.png: unsupported_format"));
  const auto report = boost::json::parse(content_of(f / "r.json")).as_array();
  REQUIRE(report.size() == 2);
  CHECK(report[0].at("reason").as_string() == "unsupported_format");
  CHECK(report[1].at("state").as_string() == "completed");
  CHECK(report[1].at("outputs").at(0).at("path").as_string() == "p0.webp");
  fs::remove(f / "in/p0.png");
  fs::remove_all(f / "out");
  CHECK(f.run().code == 3);
}

TEST_CASE("reports come as CSV and as lines of JSON, too") {
  folder f(2);
  f.write("in/odd \"name\", really.png", png());
  REQUIRE(f.run({"--report", "r.csv"}).code == 0);
  const auto csv = content_of(f / "r.csv");
  CHECK(csv.starts_with("index,path,state,reason"));
  CHECK(has(csv, "\"odd \"\"name\"\", really.png\",completed"));
  fs::remove_all(f / "out");
  REQUIRE(f.run({"--report", "r.ndjson"}).code == 0);
  std::istringstream lines(content_of(f / "r.ndjson"));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    (void)boost::json::parse(line);
  CHECK(count == 3);
}

TEST_CASE("with --json it prints every event once, in order, as lines of JSON") {
  folder f(5);
  const auto done = f.run({"--json"});
  CHECK(done.code == 0);
  std::istringstream lines(done.out);
  std::int64_t last = 0;
  int completed = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto e = boost::json::parse(line).as_object();
    CHECK(e.at("prev").as_int64() == last);
    last = e.at("seq").as_int64();
    if (e.at("type").as_string() == "file_completed") {
      ++completed;
      CHECK(e.at("data").at("path").as_string().starts_with("p"));
    }
  }
  CHECK(completed == 5);
}

TEST_CASE("with --quiet it says nothing but errors") {
  folder f(1);
  const auto done = f.run({"--quiet"});
  CHECK(done.code == 0);
  CHECK(done.err.empty());
  CHECK(done.out.empty());
}

TEST_CASE("with --dry-run it says what would be done, and does nothing") {
  folder f(2);
  f.write("in/p0.jpg", encoded("jpeg", gradient(codecs::pixel_layout::rgb, 20, 20)));
  f.write("in/bad.png", "no picture");
  const auto done = f.run({"--dry-run", "--resize", "16x16"});
  CHECK(done.code == 0);
  CHECK(has(done.out, "p1.png: png 31x31 -> p1.webp 16x16"));
  CHECK(has(done.out, "bad.png: would fail: unsupported_format"));
  CHECK(has(done.out, "renamed: p0.png -> p0-2.webp"));
  CHECK(has(done.out, "4 files to convert, 1 would fail, 0 done before, 1 renamed"));
  CHECK(has(done.out, " of outputs; by 3 files converted as a sample"));
  CHECK_FALSE(fs::exists(f / "out"));
}

TEST_CASE("a dry run knows from earlier runs into the folder what files cost") {
  folder f(6);
  REQUIRE(f.run({}).code == 0);
  f.write("in/more.png", png(36));
  const auto done = f.run({"--dry-run"});
  CHECK(has(done.out, "1 file to convert, 0 would fail, 6 done before"));
  CHECK(has(done.out, " of outputs; by earlier runs into this folder"));
}

TEST_CASE("a dry run foresees the bytes of outputs by its sample") {
  folder f(0);
  for (int i = 0; i < 8; ++i)
    f.write("in/p" + std::to_string(i) + ".png",
            encoded("png", gradient(codecs::pixel_layout::rgb, 200, 200)));
  const auto done = f.run({"--dry-run"});
  REQUIRE(f.run().code == 0);
  double real = 0;
  for (const auto& entry : fs::directory_iterator(f / "out"))
    if (entry.is_regular_file()) real += static_cast<double>(entry.file_size());
  const auto at = done.out.rfind("about ");
  REQUIRE(at != std::string::npos);
  const auto line = done.out.substr(done.out.find(", ", at) + 2);
  const double unit = line.find(" kB") < line.find(" (") ? 1'000 : 1;
  const double foreseen = std::stod(line) * unit;
  CAPTURE(line, real);
  CHECK(foreseen > 0.5 * real);
  CHECK(foreseen < 2 * real);
}

TEST_CASE("a dry run of files that cannot be converted foresees no time") {
  folder f(0);
  f.write("in/bad.png", "no picture");
  const auto done = f.run({"--dry-run"});
  CHECK(done.code == 0);
  CHECK(has(done.out, "1 file to convert, 1 would fail"));
  CHECK_FALSE(has(done.out, "of outputs"));
}

TEST_CASE("what cannot be asked is refused with what can") {
  folder f(1);
  const std::pair<std::vector<std::string>, std::string> wrong[] = {
      {{"--to", "gif"}, "darkroom formats"},
      {{"--to", "jpg", "--lossless"}, "lossless is not possible in JPEG; use png or webp"},
      {{"-q", "101"}, "0 to 100"},
      {{"--effort", "9"}, "0 (fastest) to 6"},
      {{"--resize", "big"}, "WIDTHxHEIGHT"},
      {{"--mode", "squeeze", "--resize", "1x1"}, "fit, fill, pad or stretch"},
      {{"--metadata", "some"}, "keep, strip, strip_location or copyright"},
      {{"--icc", "maybe"}, "preserve or srgb"},
      {{"--background", "white"}, "#ffffff"},
      {{"--collision", "no"}, "rename or fail"},
      {{"--existing", "no"}, "fail, skip or overwrite"},
      {{"--memory", "lots"}, "512MiB"},
      {{"--memory", "1MiB"}, "at least"},
      {{"-j", "0"}, "from 1"},
      {{"-j", "200", "--memory", "256MiB"}, "raise --memory"},
      {{"--fail-on", "sleep"}, "no such loss"},
      {{"--report", "r.txt"}, ".csv"}};
  for (const auto& [words, hint] : wrong) {
    const auto refused = f.run(words);
    INFO(words[0] << ": " << refused.err);
    CHECK(refused.code == 1);
    CHECK(has(refused.err, hint));
  }
  CHECK(run_darkroom({"convert"}, f.path()).code == 1);
  CHECK(run_darkroom({"frobnicate"}, f.path()).code == 1);
  CHECK(run_darkroom({"convert", "nothing", "-o", "out", "--to", "png"}, f.path()).code == 1);
  CHECK_FALSE(fs::exists(f / "out"));
}

TEST_CASE("info, formats and version tell what they know") {
  folder f(1);
  const auto info = run_darkroom({"info", "in/p0.png", "--json"}, f.path());
  CHECK(info.code == 0);
  CHECK(boost::json::parse(info.out).at("width").as_int64() == 30);
  f.write("in/no.png", "no");
  CHECK(run_darkroom({"info", "in/p0.png", "in/no.png"}, f.path()).code == 2);
  CHECK(run_darkroom({"info", "in/nothing"}, f.path()).code == 3);
  const auto formats = run_darkroom({"formats"}, f.path());
  for (const auto* word : {"jpeg", "png", "webp", "libjpeg-turbo"})
    CHECK(has(formats.out, word));
  const auto help = run_darkroom({"convert", "--help"}, f.path());
  for (const auto* words :
       {"jpeg, png or webp", "(png, webp)", "JPEG colour resolution: 420 or 444",
        "Progressive JPEG, interlaced PNG"})
    CHECK(has(help.out, words));
  const auto version = run_darkroom({"--version"}, f.path());
  CHECK(version.code == 0);
  CHECK(has(version.out, "libwebp"));
}

TEST_CASE("the journal can be dumped, and a folder without one says so") {
  folder f(1);
  REQUIRE(f.run().code == 0);
  const auto dump = run_darkroom({"journal", "dump", "out"}, f.path());
  CHECK(dump.code == 0);
  CHECK(has(dump.out, "\"type\":\"batch_finished\""));
  const auto none = run_darkroom({"journal", "verify", "in"}, f.path());
  CHECK(none.code == 1);
  CHECK(has(none.err, "there is no journal here"));
}

TEST_CASE("file names may be anything that a file system allows") {
  folder f(0);
  f.write("in/n\xff\xfe.png", png());
  f.write("in/line\nbreak.png", png());
  f.write("in/ünï – x.png", png());
  const auto done = f.run({"--json"});
  CHECK(done.code == 0);
  CHECK(fs::exists(f / "out/n\xff\xfe.webp"));
  CHECK(fs::exists(f / "out/line_break.webp")); // as Windows can write it, too
  std::istringstream lines(done.out);
  for (std::string line; std::getline(lines, line);)
    (void)boost::json::parse(line);
  CHECK(has(f.run().err, "nothing to do"));
}

TEST_CASE("links to folders and pipes are skipped, and told") {
  folder f(1);
  REQUIRE(::mkfifo((f / "in/pipe").c_str(), 0600) == 0);
  fs::create_directory_symlink(f / "in", f / "in/loop");
  const auto done = f.run({"--report", "r.csv"});
  CHECK(done.code == 0);
  CHECK(has(done.err, "1 file: 1 converted, 0 failed, 2 skipped"));
  CHECK(has(done.err, "skipped: in/loop: is a link to a folder"));
  CHECK(has(content_of(f / "r.csv"), "\r\n,pipe,skipped,,is no regular file,,0,,,,,,,\r\n"));
}

TEST_CASE("what cannot be read is named and counted, and the rest is converted") {
  folder f(1);
  fs::create_symlink("nothing", f / "in/gone.png");
  const auto done = f.run({"--report", "r.json"});
  CHECK(done.code == 2);
  CHECK(has(done.err, "unreadable: in/gone.png: "));
  CHECK(has(done.err, "1 file: 1 converted, 0 failed, 1 unreadable"));
  const auto report = boost::json::parse(content_of(f / "r.json")).as_array();
  REQUIRE(report.size() == 2);
  CHECK(report[1].at("path").as_string() == "gone.png");
  CHECK(report[1].at("state").as_string() == "failed");
  CHECK(report[1].at("reason").as_string() == "io_error");
  const auto again = f.run();
  CHECK(again.code == 2);
  CHECK(has(again.err, "nothing to do: 1 file done before, 1 unreadable"));
  fs::remove(f / "in/p0.png");
  fs::remove_all(f / "out");
  CHECK(f.run().code == 3);
}

TEST_CASE("a link beside its target: both names get an output, now and later") {
  folder f(1);
  fs::create_symlink("p0.png", f / "in/alias.png");
  CHECK(f.run().code == 0);
  CHECK(f.listing() == "alias.webp p0.webp ");
  CHECK(has(f.run().err, "nothing to do: 2 files done before"));
  CHECK(f.run({"--existing", "overwrite", "-q", "30"}).code == 0);
  CHECK(fs::is_symlink(f / "in/alias.png"));
}

TEST_CASE("in a folder, what is no image is skipped; an image that no codec reads fails") {
  folder f(1);
  f.write("in/Thumbs.db", "no image");
  f.write("in/IMG_1.xmp", "<?xpacket begin=''?><x:xmpmeta/>");
  const auto done = f.run({"--report", "r.ndjson"});
  CHECK(done.code == 0);
  CHECK(has(done.err, "1 file: 1 converted, 0 failed, 2 skipped"));
  CHECK(has(content_of(f / "r.ndjson"), "{\"path\":\"Thumbs.db\",\"state\":\"skipped\""));
  const auto only =
      run_darkroom({"convert", "in/Thumbs.db", "-o", "named", "--to", "png"}, f.path());
  CHECK(only.code == 3);
  CHECK(has(only.err, "failed: Thumbs.db: unsupported_format"));
  f.write("in/IMG_2.heic", std::string("\0\0\0\x18"
                                       "ftypheic\0\0\0\0mif1heic",
                                       24));
  const auto unread = f.run();
  CHECK(unread.code == 2);
  CHECK(has(unread.err, "IMG_2.heic: unsupported_format"));
  CHECK(has(unread.err, "HEIC (Apple photo) cannot be read by this version"));
  f.write("texts/a.txt", "a");
  const auto none = run_darkroom({"convert", "texts", "-o", "none", "--to", "png"}, f.path());
  CHECK(none.code == 1);
  CHECK(has(none.err, "there are no images in what was named; 1 file skipped"));
}

TEST_CASE("a pipe or a link at an output path follows --existing and is never opened") {
  folder f(2);
  fs::create_directory(f / "out");
  const auto theirs = f.write("theirs", "theirs");
  REQUIRE(::mkfifo((f / "out/p0.webp").c_str(), 0600) == 0);
  fs::create_symlink(theirs, f / "out/p1.webp");
  CHECK(f.run().code == 3);
  CHECK(f.run({"--existing", "skip"}).code == 0);
  CHECK(has(f.run({"--existing", "skip"}).err, "nothing to do: 2 files done before"));
  CHECK(fs::is_fifo(f / "out/p0.webp"));
  CHECK(f.run({"--existing", "overwrite"}).code == 0);
  CHECK(fs::is_regular_file(fs::symlink_status(f / "out/p0.webp")));
  CHECK(fs::is_regular_file(fs::symlink_status(f / "out/p1.webp")));
  CHECK(content_of(theirs) == "theirs");
}

TEST_CASE("a link at an output path that leads to a source does not stop the run") {
  folder f(1);
  fs::create_directory(f / "out");
  fs::create_symlink(f / "in/p0.png", f / "out/p0.webp");
  CHECK(f.run().code == 3);
  CHECK(f.run({"--existing", "overwrite"}).code == 0);
  CHECK(content_of(f / "in/p0.png") == png(30));
}

TEST_CASE("a dash is standard input as a source, and standard output as the target") {
  folder f(1);
  const auto shell = [&](const std::string& words) {
    const auto command = "cd " + f.path() + " && " DARKROOM_BINARY " " + words;
    return WEXITSTATUS(std::system((command + " 2> err").c_str()));
  };
  CHECK(shell("convert - -o - --to webp < /dev/null") == 1);
  CHECK(has(content_of(f / "err"), "standard input is empty"));
  CHECK(shell("convert - in/p0.png -o - --to webp < in/p0.png > nothing") == 1);
  CHECK(shell("convert in/p0.png -o - --to webp --to png > nothing") == 1);
  CHECK(shell("convert in/p0.png -o - --to webp --report r.json > nothing") == 1);
  CHECK(shell("convert in/none.png -o - --to webp > nothing") == 1);
  CHECK(shell("convert err -o - --to webp > nothing") == 3);
  CHECK(content_of(f / "nothing").empty());
  CHECK(shell("convert in/p0.png -o - --to webp > /dev/full") == 74);

  CHECK(shell("convert - -o - --to webp < in/p0.png > piped.webp") == 0);
  CHECK(shell("convert in/p0.png -o - --to webp > named.webp") == 0);
  REQUIRE(f.run().code == 0);
  CHECK(content_of(f / "piped.webp") == content_of(f / "out/p0.webp"));
  CHECK(content_of(f / "named.webp") == content_of(f / "out/p0.webp"));

  CHECK(shell("convert - -o into --to webp < in/p0.png") == 0);
  CHECK(content_of(f / "into/stdin.webp") == content_of(f / "piped.webp"));
  CHECK(shell("convert - -o into --to webp < in/p0.png") == 0);
  CHECK(has(content_of(f / "err"), "nothing to do"));
  for (const auto& entry : fs::directory_iterator(f / "into/.darkroom"))
    CHECK_FALSE(entry.path().filename().string().starts_with("stdin-"));
  CHECK(shell("info - in/p0.png < in/p0.png > said") == 0);
  CHECK(content_of(f / "said").starts_with("-: png 30x30"));
  CHECK(shell("convert - -o dry --to webp --dry-run < in/p0.png > said") == 0);
  CHECK(has(content_of(f / "said"), "stdin: png 30x30 -> stdin.webp 30x30"));
}

TEST_CASE("with --keep-times outputs have the times of their sources") {
  folder f(1);
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(24 * 365);
  fs::last_write_time(f / "in/p0.png", old);
  REQUIRE(f.run().code == 0);
  CHECK(fs::last_write_time(f / "out/p0.webp") != fs::last_write_time(f / "in/p0.png"));
  REQUIRE(f.run({"--keep-times", "-q", "30"}).code == 0);
  CHECK(fs::last_write_time(f / "out/p0.webp") == fs::last_write_time(f / "in/p0.png"));
}

TEST_CASE("what cannot be written to its end on standard output is no success") {
  folder f(1);
  const auto code = [&](const std::string& words) {
    const auto command = "cd " + f.path() + " && " DARKROOM_BINARY " " + words + " > /dev/full";
    return WEXITSTATUS(std::system((command + " 2> err").c_str()));
  };
  CHECK(code("convert in -o out --to webp --json") == 74);
  CHECK(has(content_of(f / "err"), "standard output could not be written"));
  CHECK(f.listing() == "p0.webp "); // all the same
  CHECK(code("info in/p0.png") == 74);
  CHECK(code("info in/p0.png --json") == 74);
  CHECK(code("formats") == 74);
  CHECK(code("journal dump out") == 74);
  CHECK(code("convert in -o out2 --to webp") == 0); // it prints nothing there
}

TEST_CASE("a pipe that is named is refused and not waited for") {
  folder f(0);
  REQUIRE(::mkfifo((f / "pipe").c_str(), 0600) == 0);
  CHECK(run_darkroom({"info", "pipe"}, f.path()).code == 3);
  CHECK(run_darkroom({"convert", "pipe", "-o", "out", "--to", "png"}, f.path()).code == 1);
}

TEST_CASE("an output whose name would be too long gets a shorter one, as --dry-run foresees") {
  folder f(0);
  f.write("in/" + std::string(251, 'x') + ".png", png());
  const auto shorter = std::string(250, 'x') + ".webp";
  const auto foreseen = f.run({"--dry-run"});
  CHECK(has(foreseen.out, "-> " + shorter));
  CHECK(has(foreseen.out, "1 renamed"));
  CHECK(f.run().code == 0);
  CHECK(f.listing() == shorter + " ");
}
