#include "actors/cost_calibration.hpp"
#include "actors/limits.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <random>
#include <string>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

constexpr const char* jpeg = "jpeg>webp:80/4/4";

bool is_about(double value, double expected, double by = 0.05) {
  return std::abs(value / expected - 1) < by;
}

// Files of this kind that take so many times what is predicted, each within a fifth of that.
void teach(cost_calibration& c, const std::string& kind, double times, double bytes_times,
           int files, std::int64_t now_us = 1) {
  std::mt19937 dice(7); // NOLINT(cert-msc51-cpp): the same each time
  for (int i = 0; i < files; ++i) {
    const double us = 1'000 + dice() % 10'000;
    const double blur = 0.8 + static_cast<double>(dice() % 400) / 1'000;
    c.observe({kind, us, us * 10}, us * times * blur, us * 10 * bytes_times * blur, now_us);
  }
}

} // namespace

TEST_CASE("what makes no sense is not learnt") {
  cost_calibration c;
  const double infinite = std::numeric_limits<double>::infinity();
  const double not_a_number = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [predicted, us, bytes] : {std::tuple{cost_prediction{jpeg, 0, 1}, 1.0, 1.0},
                                             {cost_prediction{jpeg, 1, 0}, 1.0, 1.0},
                                             {cost_prediction{jpeg, 1, 1}, 0.0, 1.0},
                                             {cost_prediction{jpeg, 1, 1}, 1.0, 0.0},
                                             {cost_prediction{jpeg, 1, 1}, -1.0, 1.0},
                                             {cost_prediction{jpeg, 1, 1}, not_a_number, 1.0}})
    c.observe(predicted, us, bytes, 1);
  CHECK(c.files_of(jpeg) == 0);
  CHECK(c.take_changed(true).empty());
  // A file that waited for ever counts as a slow one.
  c.observe({jpeg, 1'000, 1'000}, infinite, 1'000, 1);
  CHECK(c.time_ratio(jpeg).value <= limits::calibration_ratio_max);
}

TEST_CASE("one file far from all others does not decide for them") {
  for (const double times : {1e6, 1e-6, std::numeric_limits<double>::infinity()}) {
    CAPTURE(times);
    cost_calibration plain, with_outlier;
    teach(plain, jpeg, 1, 1, 40);
    teach(with_outlier, jpeg, 1, 1, 40);
    with_outlier.observe({jpeg, 5'000, 50'000}, 5'000 * times, 50'000 * times, 1);
    // As far as one file of the largest ratio can move the mean of 41.
    const double most = 1 + limits::calibration_ratio_max / 40;
    for (const bool of_bytes : {false, true}) {
      const auto ratio = [&](const cost_calibration& c) {
        return of_bytes ? c.bytes_ratio(jpeg) : c.time_ratio(jpeg);
      };
      CHECK(ratio(with_outlier).value < ratio(plain).value * most);
      CHECK(ratio(with_outlier).value > ratio(plain).value * 0.9);
      CHECK(ratio(with_outlier).spread < 1);
    }
  }
}

TEST_CASE("nothing is known at first, and that is said") {
  const cost_calibration c;
  CHECK(c.time_ratio(jpeg).value == 1);
  CHECK(c.time_ratio(jpeg).error >= limits::calibration_error_unknown);
}

TEST_CASE("a ratio is learnt from a few files, and its error shrinks with more") {
  cost_calibration c;
  double before = c.time_ratio(jpeg).error;
  for (int files = 2; files <= 32; files *= 2) {
    teach(c, jpeg, 3, 0.25, files / 2);
    CAPTURE(files);
    CHECK(c.time_ratio(jpeg).error < before);
    before = c.time_ratio(jpeg).error;
  }
  CHECK(is_about(c.time_ratio(jpeg).value, 3, 0.1));
  CHECK(is_about(c.bytes_ratio(jpeg).value, 0.25, 0.1));
  CHECK(c.time_ratio(jpeg).error < 0.05);
  CHECK(is_about(c.time_ratio(jpeg).spread, 0.12, 0.5));
}

TEST_CASE("other sizes and other formats say something of a kind that was never seen") {
  cost_calibration c;
  teach(c, jpeg, 3, 1, 30);
  const auto other_size = c.time_ratio("jpeg>webp:80/2/2");
  const auto other_format = c.time_ratio("png>webp:80/4/4");
  CHECK(is_about(other_size.value, 3, 0.15));
  CHECK(is_about(other_format.value, 3, 0.15));
  CHECK(c.time_ratio(jpeg).error < other_size.error);
  CHECK(other_size.error < other_format.error);
  teach(c, "png>webp:80/4/4", 0.5, 1, 10);
  CHECK(is_about(c.time_ratio("png>webp:80/4/4").value, 0.5, 0.5));
  CHECK(is_about(c.time_ratio(jpeg).value, 3, 0.1));
}

TEST_CASE("a ratio follows a machine that has become slower") {
  cost_calibration c;
  teach(c, jpeg, 1, 1, 1'000);
  teach(c, jpeg, 2, 1, 200);
  CHECK(is_about(c.time_ratio(jpeg).value, 2, 0.1));
  CHECK(c.files_of(jpeg) <= limits::calibration_files);
}

TEST_CASE("what was learnt is written now and then, and is there again after a restart") {
  cost_calibration c;
  teach(c, jpeg, 3, 0.5, static_cast<int>(limits::calibration_write_files) - 1);
  CHECK(c.take_changed(false).empty());
  teach(c, jpeg, 3, 0.5, 1);
  const auto written = c.take_changed(false);
  REQUIRE(written.size() == 1);
  CHECK(written[0].kind == jpeg);
  CHECK(c.take_changed(true).empty());
  cost_calibration next;
  next.restore(written[0]);
  CHECK(next.time_ratio(jpeg).value == c.time_ratio(jpeg).value);
  CHECK(next.bytes_ratio(jpeg).error == c.bytes_ratio(jpeg).error);
  teach(c, jpeg, 3, 0.5, 1);
  CHECK(c.take_changed(true).size() == 1); // at the end of a batch
}

TEST_CASE("too many kinds: the one that was seen last the longest ago is forgotten, also on disk") {
  cost_calibration c;
  for (std::size_t i = 0; i < limits::calibration_kinds_max; ++i)
    teach(c, "png>webp:" + std::to_string(i) + "/1/1", 1, 1, 1, static_cast<std::int64_t>(i) + 10);
  (void)c.take_changed(true);
  teach(c, jpeg, 1, 1, 1, 5'000);
  CHECK(c.files_of("png>webp:0/1/1") == 0);
  CHECK(c.files_of("png>webp:1/1/1") == 1);
  const auto changed = c.take_changed(true);
  REQUIRE(changed.size() == 2);
  CHECK(changed[0] == persistence::cost_ratio{.kind = "png>webp:0/1/1"});
  CHECK(changed[1].kind == jpeg);
}

TEST_CASE("kinds of conversion are told apart by formats, quality and sizes") {
  codecs::image_info info;
  info.format = "jpeg";
  info.width = 2'000;
  info.height = 1'500;
  info.channels = 3;
  domain::conversion_spec spec;
  spec.outputs.resize(1);
  spec.outputs[0].format = "webp";
  const auto kind = [&] {
    const auto plan = codecs::plan_conversion(info, 1'000'000, spec);
    REQUIRE(plan);
    return predict_cost(info, 1'000'000, spec, *plan);
  };
  CHECK(kind().kind == "jpeg>webp:80/5/5");
  CHECK(kind().bytes_out == 1'000'000);
  CHECK(kind().us > 1'000);
  spec.outputs.push_back({});
  spec.outputs[1].format = "png";
  spec.outputs[1].effort = 2;
  spec.outputs[1].resize.emplace().width = 500;
  CHECK(kind().kind == "jpeg>webp:80+png:80e2/5/5");
  CHECK(is_about(kind().bytes_out, 1'062'500));
  spec.outputs.resize(1);
  spec.outputs[0].lossless = true;
  CHECK(kind().kind == "jpeg>webp:lossless/5/5");
  spec.outputs.assign(16, spec.outputs[0]);
  for (std::size_t i = 0; i < 16; ++i)
    spec.outputs[i].suffix = std::to_string(i);
  CHECK(kind().kind.size() <= limits::calibration_formats_bytes_max + 8);
}

TEST_CASE(
    "a run is the sum of its files, shared by the slots, and no shorter than its longest file") {
  cost_calibration c;
  teach(c, jpeg, 2, 0.5, 60);
  CHECK(estimate_run(c, {}, 2).us.value == 0);
  const std::vector<cost_prediction> files(100, {jpeg, 1'000, 8'000});
  const auto one = estimate_run(c, files, 1), two = estimate_run(c, files, 2);
  CHECK(is_about(one.us.value, 200'000, 0.1));
  CHECK(is_about(two.us.value, 100'000, 0.1));
  CHECK(is_about(two.bytes_out.value, 400'000, 0.1));
  CHECK((two.us.low < two.us.value && two.us.value < two.us.high));
  CHECK(two.us.high / two.us.low < 1.5);
  const auto unknown = estimate_run({}, files, 2);
  CHECK(unknown.us.high / unknown.us.low > 2);
  CHECK(is_about(estimate_run(c, std::vector{files[0]}, 8).us.value, 2'000, 0.1));
}
