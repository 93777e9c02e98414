#include "actors/cost_forecast.hpp"
#include "actors/limits.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

constexpr std::int64_t second_us = 1'000'000;

struct test_file {
  std::uint64_t bytes = 0, cost = 0;
  double takes_us = 0; // in a slot, each time
  std::string kind = "jpeg>webp:80/4/4";
  std::uint32_t retries = 0; // attempts that fail in passing
  bool fails = false;        // in the end
  bool bad_header = false;   // fails before it has a slot
};

// A batch that runs in some slots with a window of files whose headers were read, the costliest of
// them first; and what was said of the time that was left.
class simulation {
public:
  explicit simulation(std::vector<test_file> files, std::uint32_t slots = 2,
                      std::size_t window = 256)
      : files_(std::move(files)), slots_(slots), window_(window) {
    batch_.phase = domain::batch_phase::running;
    batch_.files.resize(files_.size());
    batch_.counts[static_cast<std::size_t>(domain::file_status::queued)] =
        static_cast<std::uint32_t>(files_.size());
    for (const auto& file : files_)
      batch_.bytes_added += file.bytes;
    forecast_.resume();
  }

  // What earlier batches have taught, and what this one teaches.
  void learn_with(cost_calibration& known) {
    known_ = &known;
    forecast_.calibrate([&known](const std::string& kind) { return known.time_ratio(kind); });
  }

  // Pauses after so many files for so long; what runs then ends meanwhile.
  void pause_at(std::uint32_t ended, std::int64_t us) {
    pause_at_ = ended;
    pause_us_ = us;
  }

  void run() {
    fill();
    while (batch_.open() != 0) {
      for (; running_.size() < slots_ && !waiting_.empty() && !paused_; fill()) {
        const auto next = std::ranges::max_element(
            waiting_, {}, [&](domain::file_index i) { return files_[i].cost; });
        forecast_.start(*next, now_us_);
        running_.emplace(now_us_ + static_cast<std::int64_t>(files_[*next].takes_us), *next);
        waiting_.erase(next);
      }
      if (running_.empty()) {
        REQUIRE(paused_);
        now_us_ += pause_us_;
        paused_us_ += pause_us_;
        paused_ = false;
        forecast_.resume();
        continue;
      }
      const auto [at, index] = *running_.begin();
      running_.erase(running_.begin());
      now_us_ = std::max(now_us_, at);
      if (files_[index].retries != 0) {
        files_[index].retries -= 1;
        forecast_.give_back(index, now_us_);
        waiting_.push_back(index);
        continue;
      }
      files_[index].fails ? fail(index) : complete(index);
      fill();
      if (ended() == pause_at_) {
        pause_at_ = 0;
        paused_ = true;
        forecast_.pause(now_us_);
      }
      told_.push_back({ended(), now_us_ - paused_us_, forecast_.read(batch_, now_us_)});
    }
  }

  // How wrong it was when so much of the time had passed: 0.25 is a quarter more or less.
  double error_at(double part) const {
    const double whole_us = static_cast<double>(told_.back().at_us);
    const auto at = std::ranges::find_if(
        told_, [&](const auto& t) { return static_cast<double>(t.at_us) >= part * whole_us; });
    const double left_ms = (whole_us - static_cast<double>(at->at_us)) / 1e3;
    return at->left ? static_cast<double>(at->left->ms) / left_ms - 1 : -1;
  }
  // Of all that was said from the first tenth of the time to the last one, how much had the truth
  // between its bounds.
  double bounded_part() const {
    const auto whole_us = static_cast<double>(told_.back().at_us);
    double said = 0, right = 0;
    for (const auto& t : told_) {
      const auto at_us = static_cast<double>(t.at_us);
      if (!t.left || at_us < whole_us / 10 || at_us > whole_us * 0.9) continue;
      const double left_ms = (whole_us - at_us) / 1e3;
      said += 1;
      right += static_cast<double>(t.left->low_ms) <= left_ms &&
               left_ms <= static_cast<double>(t.left->high_ms);
    }
    return said == 0 ? 0 : right / said;
  }
  // How far apart the bounds are at that time, as a part of what they are about.
  double width_at(double part) const {
    const double whole_us = static_cast<double>(told_.back().at_us);
    const auto at = std::ranges::find_if(
        told_, [&](const auto& t) { return static_cast<double>(t.at_us) >= part * whole_us; });
    return at->left ? static_cast<double>(at->left->high_ms - at->left->low_ms) /
                          static_cast<double>(at->left->ms)
                    : -1;
  }
  std::int64_t whole_us() const { return told_.back().at_us; }

private:
  std::uint32_t ended() const { return static_cast<std::uint32_t>(files_.size()) - batch_.open(); }
  std::uint32_t& count(domain::file_status s) { return batch_.counts[static_cast<std::size_t>(s)]; }
  void complete(domain::file_index i) {
    count(domain::file_status::queued) -= 1;
    count(domain::file_status::completed) += 1;
    batch_.bytes_in += files_[i].bytes;
    if (const auto predicted = forecast_.prediction_of(i); known_ != nullptr && predicted)
      known_->observe(*predicted, files_[i].takes_us, 1, now_us_);
    forecast_.complete(i, now_us_);
  }
  void fail(domain::file_index i) {
    count(domain::file_status::queued) -= 1;
    count(domain::file_status::failed) += 1;
    forecast_.fail(i, now_us_);
  }
  void fill() {
    while (next_ < files_.size() && waiting_.size() + running_.size() < window_) {
      const auto i = next_++;
      forecast_.fetch(i, files_[i].bytes);
      if (files_[i].bad_header) {
        fail(i);
        continue;
      }
      forecast_.predict(i, {files_[i].kind, static_cast<double>(files_[i].cost), 1});
      waiting_.push_back(i);
    }
  }

  struct statement {
    std::uint32_t ended;
    std::int64_t at_us;
    std::optional<time_left> left;
  };
  std::vector<test_file> files_;
  std::uint32_t slots_;
  std::size_t window_;
  domain::batch_state batch_;
  cost_forecast forecast_;
  cost_calibration* known_ = nullptr;
  std::vector<domain::file_index> waiting_;
  std::multimap<std::int64_t, domain::file_index> running_;
  domain::file_index next_ = 0;
  std::int64_t now_us_ = 5 * second_us, paused_us_ = 5 * second_us, pause_us_ = 0;
  std::uint32_t pause_at_ = 0;
  bool paused_ = false;
  std::vector<statement> told_;
};

// Files from 0.05 to 24 megapixels in any order, of formats whose bytes say little about the cost.
std::vector<test_file> mixed(std::size_t files, double us_per_cost = 0.7) {
  std::mt19937 dice(7); // NOLINT(cert-msc51-cpp): the same each time
  std::vector<test_file> made;
  for (std::size_t i = 0; i < files; ++i) {
    const double megapixels = 0.05 * std::pow(480.0, static_cast<double>(dice() % 1000) / 1000);
    const double bytes_per_pixel = std::array{0.3, 0.15, 2.0}[dice() % 3];
    const double blur = 0.8 + static_cast<double>(dice() % 400) / 1000;
    const double cost = megapixels * 60'000;
    made.push_back({.bytes = static_cast<std::uint64_t>(megapixels * 1e6 * bytes_per_pixel),
                    .cost = static_cast<std::uint64_t>(cost),
                    .takes_us = cost * us_per_cost * blur});
  }
  return made;
}

// Of files of 100 bytes.
domain::batch_state batch_of(std::uint32_t queued, std::uint32_t completed,
                             std::uint32_t failed = 0) {
  domain::batch_state batch;
  batch.phase = domain::batch_phase::running;
  batch.files.resize(queued + completed + failed);
  batch.counts[static_cast<std::size_t>(domain::file_status::queued)] = queued;
  batch.counts[static_cast<std::size_t>(domain::file_status::completed)] = completed;
  batch.counts[static_cast<std::size_t>(domain::file_status::failed)] = failed;
  batch.bytes_added = 100 * batch.files.size();
  batch.bytes_in = 100 * std::uint64_t{completed};
  return batch;
}

// Old work counts a little less than new work.
bool is_about(std::optional<time_left> left, double expected_ms) {
  return left && std::abs(static_cast<double>(left->ms) / expected_ms - 1) < 0.02;
}

} // namespace

TEST_CASE("from the first tenth on, the time that is left is right within a quarter") {
  struct row {
    std::string what;
    std::vector<test_file> files;
    std::uint32_t slots = 2;
    std::size_t window = 256;
    std::uint32_t pause_at = 0;
  };
  const auto changed = [](std::vector<test_file> files,
                          const std::function<void(std::size_t, test_file&)>& change) {
    for (std::size_t i = 0; i < files.size(); ++i)
      change(i, files[i]);
    return files;
  };
  const std::vector<row> rows{
      {"equal files",
       std::vector<test_file>(100, {.bytes = 1'000, .cost = 50'000, .takes_us = 40'000})},
      {"mixed sizes, all headers read, costliest first", mixed(200)},
      {"mixed sizes in one slot", mixed(200), 1},
      {"more files than the window holds", mixed(5'000), 4},
      {"a small window", mixed(1'000), 2, 16},
      {"few files in eight slots, of which most are idle in the end", mixed(60), 8},
      {"few files in two slots", mixed(20), 2},
      {"every other file fails at once", changed(mixed(1'000),
                                                 [](std::size_t i, test_file& f) {
                                                   if (i % 2 != 0)
                                                     f.fails = true, f.takes_us = 1'000;
                                                 })},
      {"every other header cannot be read",
       changed(mixed(2'000), [](std::size_t i, test_file& f) { f.bad_header = i % 2 != 0; })},
      {"every fifth file runs three times",
       changed(mixed(1'000), [](std::size_t i, test_file& f) { f.retries = i % 5 == 0 ? 2 : 0; })},
      {"an hour of pause in the middle", mixed(200), 2, 256, 100},
      {"an hour of pause near the beginning", mixed(200), 2, 256, 3},
  };
  for (const auto& [what, files, slots, window, pause_at] : rows) {
    simulation s(files, slots, window);
    s.pause_at(pause_at, 3'600 * second_us);
    s.run();
    for (const double part : {0.1, 0.3, 0.6, 0.8, 0.9}) {
      CAPTURE(what, part, s.error_at(part), s.whole_us());
      CHECK(std::abs(s.error_at(part)) < 0.25);
    }
    CAPTURE(what, s.bounded_part(), s.width_at(0.1), s.width_at(0.6));
    CHECK(s.bounded_part() > 0.9);
  }
}

TEST_CASE("what is not known is not told") {
  cost_forecast f;
  f.resume();
  CHECK_FALSE(f.read(batch_of(2, 0), 0));
  f.fetch(0, 100);
  CHECK_FALSE(f.read(batch_of(2, 0), second_us));
  f.predict(0, {"a", 1'000, 1});
  f.start(0, second_us);
  CHECK_FALSE(f.read(batch_of(2, 0), 2 * second_us)); // no file has ended
  f.complete(0, 3 * second_us);
  // The header of the other file has not been read: it is as costly as its bytes are.
  CHECK(is_about(f.read(batch_of(1, 1), 3 * second_us), 2'000));
  f.fetch(1, 100);
  f.predict(1, {"a", 3'000, 1});
  CHECK(is_about(f.read(batch_of(1, 1), 3 * second_us), 6'000));
  CHECK_FALSE(f.read(batch_of(0, 2), 3 * second_us)); // nothing is left
  f.forget_costs();                                   // other outputs: all is to be learnt again
  CHECK_FALSE(f.read(batch_of(1, 1), 3 * second_us));
}

TEST_CASE("files that failed in an earlier life of the process are as large as the rest") {
  cost_forecast f;
  f.fetch(7, 100);
  f.predict(7, {"a", 500, 1});
  f.start(7, 0);
  f.complete(7, second_us);
  CHECK(is_about(f.read(batch_of(3, 4, 3), second_us), 3'000));
}

TEST_CASE("a failed file that is tried again counts again") {
  cost_forecast f;
  for (const domain::file_index i : {0u, 1u}) {
    f.fetch(i, 100);
    f.predict(i, {"a", 400, 1});
  }
  f.start(0, 0);
  f.fail(0, second_us);
  CHECK(is_about(f.read(batch_of(1, 0, 1), second_us), 1'000));
  f.reopen(0);
  CHECK(is_about(f.read(batch_of(2, 0), second_us), 2'000));
}

TEST_CASE("a running file counts by how long the others took") {
  cost_forecast f;
  for (const domain::file_index i : {0u, 1u}) {
    f.fetch(i, 100);
    f.predict(i, {"a", 1'000, 1});
  }
  f.start(0, 0);
  f.complete(0, 10 * second_us);
  f.start(1, 10 * second_us);
  const auto batch = batch_of(1, 1);
  CHECK(is_about(f.read(batch, 10 * second_us), 10'000));
  CHECK(is_about(f.read(batch, 15 * second_us), 5'000));
  CHECK(f.read(batch, 100 * second_us).value_or(time_left{9'999, 0, 0}).ms <
        5'000); // late, and not yet over
}

TEST_CASE("the last files take as long as they do in their slots and the others are idle") {
  cost_forecast f;
  const auto begin = [&f](domain::file_index i, double cost, std::int64_t now_us) {
    f.fetch(i, 100);
    f.predict(i, {"a", cost, 1});
    f.start(i, now_us);
  };
  for (const domain::file_index i : {0u, 1u})
    begin(i, 1'000, 0);
  for (const domain::file_index i : {0u, 1u})
    f.complete(i, 10 * second_us);
  begin(2, 4'000, 10 * second_us);
  // Two slots would do as much in 20 s.
  CHECK(is_about(f.read(batch_of(1, 2), 10 * second_us), 40'000));
  begin(3, 4'000, 10 * second_us);
  CHECK(is_about(f.read(batch_of(2, 2), 10 * second_us), 40'000));
  // Three in two slots.
  f.fetch(4, 100);
  f.predict(4, {"a", 4'000, 1});
  CHECK(is_about(f.read(batch_of(3, 2), 10 * second_us), 80'000));
}

TEST_CASE("hours in which a machine slept are not how long files take in their slots") {
  cost_forecast f;
  std::int64_t now_us = 0;
  const auto convert = [&](domain::file_index i, std::int64_t us) {
    f.fetch(i, 100);
    f.predict(i, {"a", 1'000, 1});
    f.start(i, now_us);
    now_us += us;
    f.complete(i, now_us);
  };
  for (domain::file_index i = 0; i < 20; ++i)
    convert(i, second_us);
  convert(20, 8 * 3'600 * second_us);
  for (domain::file_index i = 21; i < 200; ++i)
    convert(i, second_us);
  f.fetch(200, 100);
  f.predict(200, {"a", 1'000, 1});
  f.start(200, now_us);
  const auto left = f.read(batch_of(1, 200), now_us);
  REQUIRE(left);
  CHECK(left->ms < 10'000);
}

namespace {

// What is predicted of PNG is right; of JPEG it is a fifth of what it takes, and most of it comes
// last.
std::vector<test_file> misjudged(std::size_t files) {
  auto made = mixed(files);
  for (std::size_t i = 0; i < files; ++i) {
    const bool png = i < files / 2;
    made[i].kind = png ? "png>webp:80/4/4" : "jpeg>webp:80/4/4";
    made[i].cost *= png ? 8 : 1;
    made[i].takes_us *= png ? 8 : 5;
  }
  return made;
}

} // namespace

TEST_CASE("a kind that was misjudged in one batch is known in the next one") {
  cost_calibration known;
  simulation first(misjudged(200));
  first.learn_with(known);
  first.run();
  CHECK(std::abs(first.error_at(0.1)) > 0.25); // little but PNG has ended
  simulation second(misjudged(200));
  second.learn_with(known);
  second.run();
  for (const double part : {0.1, 0.3, 0.6, 0.8}) {
    CAPTURE(part, first.error_at(part), second.error_at(part));
    CHECK(std::abs(second.error_at(part)) < 0.25);
  }
  CAPTURE(second.bounded_part(), second.width_at(0.1), first.width_at(0.1));
  CHECK(second.bounded_part() > 0.9);
  CHECK(second.width_at(0.1) < first.width_at(0.1));
}

TEST_CASE("kinds beyond those that a batch tells apart count as one") {
  cost_forecast f;
  for (std::size_t i = 0; i < 2 * limits::forecast_kinds_max; ++i) {
    const auto index = static_cast<domain::file_index>(i);
    f.fetch(index, 100);
    f.predict(index, {"kind " + std::to_string(i), 100, 1});
  }
  CHECK(f.prediction_of(0)->kind == "kind 0");
  CHECK(f.prediction_of(2 * limits::forecast_kinds_max - 1)->kind == "other");
}
