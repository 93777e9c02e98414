// What a feed costs that comes back: the last 50 events of an owner with many batches, read from
// the journal; alone, and with 50 readers at once. And how long the journal of a version without
// the index of changes takes until it has one. What a feed costs that is new: the 20 batches of an
// owner that have not ended, among all the others that have.
//
//   bench_catch_up FOLDER [BATCHES] [FILES_OF_A_BATCH]
#include "persistence/database.hpp"
#include "persistence/journal_store.hpp"
#include "persistence/read_view.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <rocksdb/write_batch.h>
#include <thread>

using namespace darkroom;
using namespace darkroom::persistence;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr std::size_t missed_events = 50;
constexpr std::size_t readers = 50;
constexpr std::uint32_t left_live = 20;
constexpr int rounds = 9;

double ms_since(clock_type::time_point began) {
  return std::chrono::duration<double, std::milli>(clock_type::now() - began).count();
}

double median(std::vector<double> all) {
  std::ranges::sort(all);
  return all[all.size() / 2];
}

void fail(const std::string& what) {
  std::fprintf(stderr, "catch_up: %s\n", what.c_str());
  std::exit(1);
}

std::unique_ptr<journal_store> open(const std::string& folder) {
  auto store = journal_store::open({folder, nullptr});
  if (!store) fail(store.error().detail);
  return std::move(*store);
}

// Creates batches, or changes the priority of some that are there.
class history {
public:
  explicit history(journal_store& store) : store_(store) {}
  void create(std::uint32_t number, std::uint32_t files) {
    domain::create_batch make;
    make.owner = "ann";
    make.name = "batch " + std::to_string(number);
    make.spec.outputs.push_back({.format = "webp"});
    tell(number, make);
    domain::add_files add;
    for (std::uint32_t i = 0; i < files; ++i) {
      const auto path = "holidays/" + std::to_string(i) + ".jpg";
      add.entries.push_back({path, "/in/" + path, 200'000, 1, {path}});
    }
    tell(number, add);
  }
  void change(std::uint32_t number) {
    const auto priority = static_cast<std::uint8_t>(states_[number].priority % 8 + 1);
    tell(number, domain::change_priority{priority});
  }
  void end(std::uint32_t number) { tell(number, domain::cancel_batch{}); }
  void flush() {
    if (auto ok = store_.append(waiting_, true); !ok) fail(ok.error().detail);
    waiting_.clear();
  }

private:
  void tell(std::uint32_t number, const domain::command& command) {
    auto& state = states_[number];
    auto events = domain::execute(state, command);
    if (!events) fail(events.error().detail);
    domain::batch_id id;
    for (int i = 0; i < 4; ++i)
      id.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    auto& request = waiting_.emplace_back();
    request.batch = id;
    request.time_us = 1'000'000;
    request.events = std::move(*events);
    describe(request.summary, state);
    request.summary.created_us = 1'000'000 + number;
    if (waiting_.size() >= 500) flush();
  }
  journal_store& store_;
  std::map<std::uint32_t, domain::batch_state> states_;
  std::vector<append_request> waiting_;
};

double catch_up(const read_view& view, domain::seq last) {
  const auto began = clock_type::now();
  const auto run = view.events_between({{}, "ann"}, last - missed_events, last, 1'000);
  if (!run || run->events.size() != missed_events) fail("not all events came");
  return ms_since(began);
}

void measure(const char* what, const journal_store& store) {
  const auto last = store.last_seq();
  const auto view = store.view();
  std::vector<double> alone, together;
  for (int i = 0; i < rounds; ++i)
    alone.push_back(catch_up(*view, last));
  for (int i = 0; i < rounds; ++i) {
    std::vector<std::jthread> threads;
    const auto began = clock_type::now();
    for (std::size_t reader = 0; reader < readers; ++reader)
      threads.emplace_back([&] { catch_up(*view, last); });
    threads.clear();
    together.push_back(ms_since(began));
  }
  std::printf("%s: %zu events in %.2f ms, for %zu readers at once in %.1f ms\n", what,
              missed_events, median(alone), readers, median(together));
}

// As a version without it leaves the journal.
void drop_index(const std::string& folder) {
  auto db = database::open(folder, nullptr, database::mode::must_exist);
  if (!db) fail(db.error().detail);
  rocksdb::WriteBatch group;
  group.Delete(keys::feed_index_upto());
  if (!(**db)->Write(rocksdb::WriteOptions(), &group).ok()) fail("the index cannot be dropped");
}

// The median time of a walk that visits the batches that have not ended.
template<class Walk>
double find_live(Walk walk) {
  std::vector<double> all;
  for (int i = 0; i < rounds; ++i) {
    const auto began = clock_type::now();
    std::size_t live = 0;
    const auto ok = walk([&live](const batch_summary& batch) {
      live += !domain::is_terminal(batch.phase);
      return true;
    });
    if (!ok || live != left_live) fail("not all live batches came");
    all.push_back(ms_since(began));
  }
  return median(std::move(all));
}

void measure_new_feeds(const std::string& folder, std::uint32_t batches, std::uint32_t files) {
  const auto store = open(folder);
  history h(*store);
  for (std::uint32_t i = 0; i < batches; ++i)
    h.create(i, files);
  for (std::uint32_t i = left_live; i < batches; ++i)
    h.end(i);
  h.flush();
  const auto view = store->view();
  const double by_index =
      find_live([&view](auto visit) { return view->each_live_before("ann", {}, visit); });
  const double by_walk =
      find_live([&view](auto visit) { return view->each_batch_before("ann", {}, visit); });
  std::printf("%u of %u batches live: found in %.2f ms, by a look at each batch in %.1f ms\n",
              left_live, batches, by_index, by_walk);
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) fail("bench_catch_up FOLDER [BATCHES] [FILES_OF_A_BATCH]");
  const std::string folder = std::string{argv[1]} + "/journal";
  const auto number_at = [&](int at, int otherwise) {
    return static_cast<std::uint32_t>(argc > at ? std::atoi(argv[at]) : otherwise);
  };
  const auto batches = number_at(2, 12'000), files = number_at(3, 20);
  {
    auto store = open(folder);
    history h(*store);
    for (std::uint32_t i = 0; i < batches; ++i)
      h.create(i, files);
    for (std::uint32_t i = 0; i < 10'000; ++i)
      h.change(i * 7 % batches);
    h.flush();
    measure("with the index", *store);
  }
  drop_index(folder);
  auto store = open(folder);
  measure("without it", *store);
  const auto began = clock_type::now();
  double longest = 0;
  int slices = 0;
  for (; !store->feed_is_indexed(); ++slices) {
    const auto slice = clock_type::now();
    if (auto ok = store->index_feed(1'024); !ok) fail(ok.error().detail);
    longest = std::max(longest, ms_since(slice));
  }
  std::printf("upgrade: %d slices, %.1f ms in all, the longest %.2f ms\n", slices, ms_since(began),
              longest);
  measure("upgraded", *store);
  measure_new_feeds(std::string{argv[1]} + "/ended", batches, files);
  return 0;
}
