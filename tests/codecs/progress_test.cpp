// How far a conversion has come: told by every codec, forwards only, and seen from another process.
#include "base/units.hpp"
#include "codecs/host/codec_host.hpp"
#include "codecs/progress_meter.hpp"

#include "pictures.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <atomic>
#include <set>
#include <sys/mman.h>
#include <thread>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace darkroom::tests;
using domain::conversion_progress;
using domain::conversion_stage;

namespace {

base::unique_fd memory_file(const std::string& content) {
  base::unique_fd fd = host::make_output_file();
  REQUIRE(::write(fd.get(), content.data(), content.size()) ==
          static_cast<ssize_t>(content.size()));
  REQUIRE(::lseek(fd.get(), 0, SEEK_SET) == 0);
  return fd;
}

} // namespace

TEST_CASE("a stretch has parts, and parts of parts") {
  progress_cell cell = 0;
  const progress_meter whole(&cell);
  const auto half = whole.part(conversion_stage::decoding, 50, 100);
  CHECK(from_cell(cell) == conversion_progress{conversion_stage::decoding, 50});
  half.at(1, 2);
  CHECK(from_cell(cell) == conversion_progress{conversion_stage::decoding, 75});
  const auto end = half.part(conversion_stage::encoding, 80, 100);
  CHECK(from_cell(cell) == conversion_progress{conversion_stage::encoding, 90});
  end.at(7, 7);
  CHECK(from_cell(cell).percent == 100);
  end.at(9, 7); // more than all is all
  CHECK(from_cell(cell).percent == 100);
  end.at(1, 0); // of nothing
  CHECK(from_cell(cell).percent == 100);
  progress_meter().part(conversion_stage::decoding, 0, 50).at(1, 2); // tells nobody
}

TEST_CASE("whatever number stands there, it is made sane") {
  for (const progress_cell cell :
       {0u, 0xffffffffu, 0x80000000u, 0x000000ffu, 0x0000ff00u, 0x00000565u}) {
    const auto read = from_cell(cell);
    CHECK(read.percent <= 100);
    CHECK(static_cast<std::size_t>(read.stage) <
          darkroom::base::enum_count<domain::conversion_stage>);
  }
}

TEST_CASE("every decoder and encoder tells how far it is, forwards only") {
  const std::string from = GENERATE("jpeg", "png", "webp");
  const std::string to = GENERATE("jpeg", "png", "webp");
  const bool progressive = GENERATE(false, true);
  INFO(from << " to " << to << (progressive ? ", progressive" : ""));
  domain::output_spec source_options{.format = from};
  source_options.progressive = progressive;
  const auto file =
      encoded(from, noise(pixel_layout::rgb, 1'200, 900), {}, std::move(source_options));
  progress_cell cell = 0;
  std::atomic<bool> done = false;
  std::vector<conversion_progress> seen;
  std::thread looker([&] {
    const std::atomic_ref<progress_cell> shared(cell);
    while (!done) {
      const auto now = from_cell(shared.load(std::memory_order_relaxed));
      if (seen.empty() || seen.back() != now) seen.push_back(now);
    }
  });
  const auto source = memory_file(file);
  const auto output = host::make_output_file();
  const int outputs[] = {output.get()};
  const auto spec =
      spec_to(to, [&](domain::output_spec& o) { o.progressive = progressive && to != "webp"; });
  const auto ok =
      codecs::convert({source.get(), file.size(), spec, {}, outputs, progress_meter(&cell)});
  done = true;
  looker.join();
  REQUIRE(ok);
  CHECK(from_cell(cell) == conversion_progress{conversion_stage::encoding, 100});
  for (std::size_t i = 1; i < seen.size(); ++i) {
    CHECK(seen[i - 1].percent <= seen[i].percent);
    CHECK(seen[i - 1].stage <= seen[i].stage);
  }
}

TEST_CASE("a host's progress is seen while it works") {
  const std::unique_ptr<host::zygote> owner(*host::zygote::start());
  auto host = host::codec_host::start(*owner);
  REQUIRE(host);
  const auto file = encoded("png", noise(pixel_layout::rgb, 1'600, 1'600));
  const auto source = memory_file(file);
  const auto output = host::make_output_file();
  const int outputs[] = {output.get()};
  const auto spec = spec_to("webp", [](domain::output_spec& o) {
    o.lossless = true;
    o.effort = 5;
  });
  std::vector<conversion_progress> told;
  const auto done = (*host)->convert(source.get(), file.size(), spec, {}, outputs,
                                     {limits::GiB, 600'000, 2'400'000},
                                     [&](conversion_progress p) { told.push_back(p); });
  REQUIRE(done);
  REQUIRE(told.size() >= 2); // it takes seconds, and is looked at ten times in each
  CHECK(told.back().stage == conversion_stage::encoding);
  CHECK(told.front().percent < told.back().percent);
}
