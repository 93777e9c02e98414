// The power goes while the server writes: what the file system had not made durable is gone.
#include "block_device.hpp"
#include "trial.hpp"

using namespace darkroom;
using namespace darkroom::tests;

namespace {

void cut_again_and_again(std::uint32_t cuts, std::uint32_t seed, std::uint32_t check_every) {
  const scratch folder;
  const auto disk = block_device::make(folder.path(), 1ull << 30);
  if (!disk) SKIP("no file system can be mounted here");
  auto options = trial_options(folder, cuts, seed);
  options.data = disk->path() + "/data";
  options.check_every = check_every;
  options.end_life = [&](app::server_process& server, std::atomic<bool>& in_doubt) -> std::string {
    in_doubt = true;
    if (!disk->cut_power()) return "the power cannot be cut";
    server.kill();
    return disk->reboot() ? "" : "the disk cannot be mounted again";
  };
  keeps_its_promise(options);
}

} // namespace

TEST_CASE("the power is cut again and again, and nothing acknowledged is lost") {
  cut_again_and_again(40, 1, 20);
}

TEST_CASE("full: the power is cut 500 times", "[.full]") {
  for (std::uint32_t seed = 101; seed <= 105; ++seed) {
    INFO("seed " << seed);
    cut_again_and_again(100, seed, 25);
  }
}
