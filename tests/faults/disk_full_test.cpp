// The disk fills up in mid-upload, mid-journal and mid-output, or is suddenly read-only, and gets
// well again: nothing acknowledged is lost, and the server goes on by itself.
#include "app/http_client.hpp"
#include "block_device.hpp"
#include "persistence/files.hpp"
#include "tests/app/process.hpp"
#include "tests/codecs/pictures.hpp"
#include "trial.hpp"

#include <fcntl.h>
#include <random>
#include <unistd.h>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

using std::chrono::milliseconds;
constexpr auto recovery_time = milliseconds(10'000);

// A file that takes all room but so many bytes.
class ballast {
public:
  ballast(const std::string& folder, std::uint64_t but)
      : path_(folder + "/ballast"),
        file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) {
    const std::string block(64 * 1024, 'x');
    while (persistence::free_bytes(folder).value_or(0) > but + block.size() &&
           ::write(file_, block.data(), block.size()) > 0) {
    }
    if (but == 0)
      while (::write(file_, block.data(), 4096) > 0) {
      }
  }
  ~ballast() {
    ::close(file_);
    ::unlink(path_.c_str());
  }
  ballast(const ballast&) = delete;
  ballast& operator=(const ballast&) = delete;

private:
  std::string path_;
  int file_;
};

// Waits for an answer of `/readyz`.
bool readiness_comes(const std::string& address, long status) {
  app::http_client client({address, ""});
  const auto end = std::chrono::steady_clock::now() + recovery_time;
  while (client.send("GET", "/readyz").status != status)
    if (std::chrono::steady_clock::now() > end) return false;
  return true;
}

} // namespace

TEST_CASE("the disk fills up again and again: the server says so, loses nothing, and goes on") {
  const scratch folder;
  const auto disk = block_device::make(folder.path(), 160ull << 20);
  if (!disk) SKIP("no file system can be mounted here");
  std::mt19937 dice(1);
  auto options = trial_options(folder, 12, 1);
  options.data = disk->path() + "/data";
  options.check_every = 4;
  options.arguments = {"--set", "data.disk_floor_bytes=4194304"};
  options.end_life = [&](app::server_process& server, std::atomic<bool>&) -> std::string {
    const auto address = server.address();
    if (!address.empty()) {
      {
        // Without a byte, or with so few that a write fails in the middle.
        const ballast full(disk->path(), dice() % 2 == 0 ? 0 : dice() % 100'000);
        if (!readiness_comes(address, 503)) return "a full disk is not seen";
        (void)server.wait(milliseconds(dice() % 600)); // its end does not come; users go on
      }
      if (!server.running()) return "the server died: " + content_of(folder / "server.log");
      if (!readiness_comes(address, 200))
        return "it does not get well again: " + content_of(folder / "server.log");
    }
    server.kill();
    return "";
  };
  const auto result = keeps_its_promise(options);
  CHECK(result.counts.contains("answers 507"));
}

TEST_CASE("convert waits for room, and goes on when there is some") {
  const scratch folder;
  const auto disk = block_device::make(folder.path(), 64ull << 20);
  if (!disk) SKIP("no file system can be mounted here");
  const auto picture = encoded("png", noise(codecs::pixel_layout::rgb, 300, 300));
  for (int i = 0; i < 20; ++i)
    folder.write("in/p" + std::to_string(i) + ".png", picture);
  const auto out = disk->path() + "/out";
  process run({"convert", "in", "-o", out, "--to", "png", "--effort", "6", "--json"},
              folder.path());
  REQUIRE(comes_true([&] { return run.out().find("file_completed") != std::string::npos; }));
  auto full = std::make_unique<ballast>(disk->path(), 0);
  CHECK(comes_true([&] {
    return run.out().find("disk_full") != std::string::npos ||
           content_of(folder / ".err").find("full") != std::string::npos;
  }));
  full.reset();
  const auto end = run.wait();
  INFO(end.err);
  CHECK(end.code == 0);
  CHECK(run_darkroom({"journal", "verify", out}, folder.path()).code == 0);
}

TEST_CASE(
    "an output folder that nobody can write to, or that vanishes, is no crash and no success") {
  const scratch folder;
  const auto disk = block_device::make(folder.path(), 64ull << 20);
  if (!disk) SKIP("no file system can be mounted here");
  const auto picture = encoded("png", noise(codecs::pixel_layout::rgb, 300, 300));
  for (int i = 0; i < 40; ++i)
    folder.write("in/p" + std::to_string(i) + ".png", picture);
  {
    REQUIRE(disk->set_read_only(true));
    const auto end =
        run_darkroom({"convert", "in", "-o", disk->path() + "/out", "--to", "webp"}, folder.path());
    CHECK(end.code == 1);
    CHECK(end.err.find("Read-only file system") != std::string::npos);
    REQUIRE(disk->set_read_only(false));
  }
  process run({"convert", "in", "-o", "out", "--to", "webp", "--effort", "5", "--json"},
              folder.path());
  REQUIRE(comes_true([&] { return run.out().find("file_completed") != std::string::npos; }));
  std::filesystem::rename(folder / "out", folder / "elsewhere");
  const auto end = run.wait();
  INFO(end.err);
  CHECK(end.code != 0);
  CHECK(end.code < 128);
}
