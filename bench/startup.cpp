// How long a server takes to its first conversion when it starts with a batch of a million files,
// half of them done; and what a file takes in the journal.
//
// Or how long it takes until it has read many drafts, and its memory.
//
//   bench_startup DARKROOM FOLDER [FILES]
//   bench_startup DARKROOM FOLDER drafts [DRAFTS]
#include "app/crash_test/samples.hpp"
#include "app/crash_test/server_process.hpp"
#include "app/data_directory.hpp"
#include "app/http_client.hpp"
#include "app/server_answers.hpp"
#include "persistence/blob_store.hpp"
#include "persistence/journal_store.hpp"
#include "persistence/snapshot_rule.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <thread>

using namespace darkroom;
namespace fs = std::filesystem;
using clock_type = std::chrono::steady_clock;

namespace {

double ms_since(clock_type::time_point began) {
  return std::chrono::duration<double, std::milli>(clock_type::now() - began).count();
}

void fail(const std::string& what) {
  std::fprintf(stderr, "startup: %s\n", what.c_str());
  std::exit(1);
}

struct stored_picture {
  std::string name;
  std::uint64_t bytes = 0;
};

stored_picture store_picture(const std::string& data, const std::string& folder) {
  const auto samples = app::make_crash_samples(folder + "/samples");
  if (!samples) fail(samples.error());
  auto blobs = persistence::blob_store::open(app::server_blobs(data));
  if (!blobs) fail(blobs.error().text());
  const auto file = persistence::open_for_reading(samples->front().file);
  if (!file) fail(file.error().text());
  const auto pin = (*blobs)->put(file->get());
  if (!pin) fail(pin.error().text());
  (*blobs)->add_reference(pin->name()); // it stays
  return {persistence::to_hex(pin->name()), pin->bytes()};
}

// Writes what a server has written when half of the files are done.
class history {
public:
  history(persistence::journal_store& store, const domain::batch_id& batch)
      : store_(store), batch_(batch) {}
  void add(const domain::command& command) {
    auto events = domain::execute(state_, command);
    if (!events) fail(events.error().detail);
    for (auto& e : *events)
      waiting_.push_back(std::move(e));
    if (waiting_.size() >= 2'000) flush();
  }
  void flush() {
    persistence::append_request request{batch_, 1'000'000, std::move(waiting_), {}, nullptr};
    waiting_.clear();
    for (const auto& event : request.events)
      tail_cost_ += domain::replay_cost(event);
    request.summary.id = batch_;
    persistence::describe(request.summary, state_);
    request.summary.created_us = 1'000'000;
    if (persistence::snapshot_due(tail_cost_, state_.files.size())) {
      request.snapshot = std::make_shared<const domain::batch_state>(state_);
      tail_cost_ = 0;
    }
    if (auto ok = store_.append({&request, 1}, true); !ok) fail(ok.error().detail);
  }

private:
  persistence::journal_store& store_;
  domain::batch_id batch_;
  domain::batch_state state_;
  std::vector<domain::event> waiting_;
  std::uint64_t tail_cost_ = 0;
};

void make_data(const std::string& data, const std::string& folder, std::uint32_t files) {
  fs::create_directories(data);
  auto journal = app::open_data(data); // first: blobs without a journal are refused
  if (!journal) fail(journal.error().sentence);
  const auto picture = store_picture(data, folder);
  const auto source = persistence::parse_hex(picture.name);
  history h(**journal, {{1, 2, 3}});
  domain::create_batch create;
  create.owner = "ann";
  create.spec.outputs.push_back({.format = "png"});
  h.add(create);
  for (std::uint32_t at = 0; at < files;) {
    domain::add_files add;
    for (; at < files && add.entries.size() < 1'000; ++at) {
      const auto path = "holidays/" + std::to_string(at) + ".png";
      add.entries.push_back({path, picture.name, picture.bytes, 0, {path}});
    }
    h.add(add);
  }
  h.add(domain::start_batch{});
  for (std::uint32_t i = 0; i < files / 2; ++i) {
    h.add(domain::start_file{i, i + 1, "local"});
    domain::file_completed done;
    done.index = i;
    done.bytes_in = picture.bytes;
    done.width = done.height = 16;
    done.outputs.push_back({picture.bytes, *source, 16, 16, 0});
    h.add(domain::complete_file{i + 1, done});
  }
  h.flush();
}

std::uint64_t bytes_below(const std::string& folder) {
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) bytes += entry.file_size();
  return bytes;
}

// The value of a sample in /metrics.
double sample(const std::string& metrics, const std::string& name) {
  const auto at = metrics.find('\n' + name + ' ');
  return at == std::string::npos ? -1 : std::atof(metrics.c_str() + at + name.size() + 2);
}

// Drafts as the page makes them: a few files each, by several users.
void make_drafts(const std::string& data, const std::string& folder, std::uint32_t drafts) {
  fs::create_directories(data);
  auto journal = app::open_data(data); // first: blobs without a journal are refused
  if (!journal) fail(journal.error().sentence);
  const auto picture = store_picture(data, folder);
  for (std::uint32_t i = 0; i < drafts; ++i) {
    history h(**journal, domain::new_batch_id());
    domain::create_batch create;
    create.owner = "user" + std::to_string(i % 20);
    create.name = "holidays " + std::to_string(i);
    create.spec.outputs.push_back({.format = "webp"});
    h.add(create);
    domain::add_files add;
    for (int file = 0; file < 3; ++file) {
      const auto path = "DSC_" + std::to_string(1'000 + file) + ".JPG";
      add.entries.push_back({path, picture.name, picture.bytes, 0, {path + ".webp"}});
    }
    h.add(add);
    h.flush();
  }
}

double resident_mib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::atof(line.c_str() + 6) / 1'024;
  return 0;
}

int measure_drafts(const char* darkroom, const std::string& folder, std::uint32_t drafts) {
  const auto data = folder + "/data";
  make_drafts(data, folder, drafts);
  for (int round = 0; round < 5; ++round) {
    const auto began = clock_type::now();
    app::server_process server(
        {darkroom, data, folder + "/log", {"--set", "data.disk_floor_bytes=0"}, {}});
    if (!server.wait_until_it_serves(std::chrono::milliseconds(60'000))) fail("it does not start");
    const auto serves = ms_since(began);
    app::http_client client({server.address(), ""});
    const auto ready = [&client] {
      const auto body = client.send("GET", "/readyz?verbose=1").body;
      return body.find("\"journal\":true") != std::string::npos;
    };
    while (!ready() && ms_since(began) < 60'000)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const auto loaded = ms_since(began);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    std::printf("round %d: %u drafts, serves after %.0f ms, has read all after %.0f ms, %.0f MiB\n",
                round + 1, drafts, serves, loaded, resident_mib(server.pid()));
    std::fflush(stdout);
    server.kill();
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 3) fail("bench_startup DARKROOM FOLDER [FILES | drafts [DRAFTS]]");
  const std::string folder = argv[2], data = folder + "/data";
  if (argc > 3 && std::string_view(argv[3]) == "drafts")
    return measure_drafts(argv[1], folder,
                          static_cast<std::uint32_t>(argc > 4 ? std::atoi(argv[4]) : 24'000));
  const auto files = static_cast<std::uint32_t>(argc > 3 ? std::atoi(argv[3]) : 1'000'000);
  const auto began_making = clock_type::now();
  make_data(data, folder, files);
  const auto bytes = bytes_below(app::server_journal(data));
  std::printf(
      "%u files, half of them done, written in %.1f s\njournal: %.1f MB, %.0f bytes a file\n",
      files, ms_since(began_making) / 1'000, static_cast<double>(bytes) / 1e6,
      static_cast<double>(bytes) / files);
  std::fflush(stdout);
  for (int round = 0; round < 5; ++round) {
    const auto began = clock_type::now();
    app::server_process server(
        {argv[1],
         data,
         folder + "/log",
         {"--set", "http.metrics_listen=127.0.0.1:18099", "--set", "data.disk_floor_bytes=0"},
         {}});
    if (!server.wait_until_it_serves(std::chrono::milliseconds(60'000))) fail("it does not start");
    const auto serves = ms_since(began);
    app::http_client client({"http://127.0.0.1:18099", ""});
    while (sample(client.send("GET", "/metrics").body, "darkroom_files_completed_total") < 1 &&
           ms_since(began) < 60'000) {
    }
    std::printf("round %d: serves after %.0f ms, first conversion durable after %.0f ms\n",
                round + 1, serves, ms_since(began));
    server.kill();
  }
  return 0;
}
