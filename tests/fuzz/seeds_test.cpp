// Every fuzz target over its seeds, each of them whole, cut and with flipped bytes.
#include "targets.hpp"
#include "tests/support/scratch.hpp"

#include <random>

using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

using content = std::vector<std::uint8_t>;

void add_files(const fs::path& folder, std::vector<content>& seeds) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error))
    if (at->is_regular_file() && at->file_size() < 300'000) {
      const auto text = content_of(at->path());
      seeds.emplace_back(text.begin(), text.end());
    }
}

std::vector<content> seeds_of(const fuzz_target& target) {
  std::vector<content> seeds;
  add_files(fs::path(DARKROOM_SOURCE_DIR) / "tests/fuzz/seeds" / std::string{target.name}, seeds);
  const char* corpus = std::getenv("DARKROOM_CORPUS");
  const auto images =
      corpus != nullptr ? fs::path(corpus) : fs::path(DARKROOM_SOURCE_DIR) / "../shared/corpus";
  if (target.takes_images)
    for (const auto* part : {"pngsuite", "hostile", "valid"})
      add_files(images / part, seeds);
  return seeds;
}

} // namespace

TEST_CASE("what strangers send harms nothing: all seeds of all fuzz targets") {
  for (const auto& target : fuzz_targets()) {
    INFO(target.name);
    const auto seeds = seeds_of(target);
    CHECK_FALSE(seeds.empty());
    std::mt19937 dice(1);
    for (auto seed : seeds) {
      target.run(seed);
      if (seed.empty()) continue;
      for (int i = 0; i < 3; ++i)
        seed[dice() % seed.size()] ^= static_cast<std::uint8_t>(1 + dice() % 255);
      target.run(seed);
      target.run(std::span(seed).first(dice() % seed.size()));
    }
  }
}
