// The memory and the time of backup, fsck and restore with very many blobs.
//
//   bench_backup DARKROOM FOLDER [BLOBS]
#include "app/data_directory.hpp"
#include "persistence/blob_store.hpp"
#include "persistence/journal_store.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace darkroom;

namespace {

constexpr std::size_t files_per_batch = 1'000;

void fail(const std::string& what) {
  std::fprintf(stderr, "backup: %s\n", what.c_str());
  std::exit(1);
}

// A file as an upload leaves it; unsynced, because only commands read it.
domain::file_entry store_blob(const std::string& blobs, std::size_t number) {
  const auto content = std::to_string(number);
  persistence::sha256 sum;
  sum.add({reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
  const auto name = sum.finish();
  const auto path = persistence::blob_path(blobs, name);
  std::filesystem::create_directories(persistence::parent_of(path));
  if (!(std::ofstream(path) << content).flush()) fail("writing " + path);
  domain::file_entry entry;
  entry.path = "f" + content;
  entry.source = persistence::to_hex(name);
  entry.bytes = content.size();
  entry.outputs = {entry.path + ".png"};
  return entry;
}

void make_batch(persistence::journal_store& store, const domain::batch_id& batch,
                std::vector<domain::file_entry> entries) {
  domain::batch_state state;
  domain::create_batch create;
  create.owner = "bench";
  create.spec.outputs = {{.format = "png"}};
  persistence::append_request request;
  for (const domain::command& command :
       {domain::command{create},
        domain::command{domain::add_files{.entries = std::move(entries)}}}) {
    auto events = domain::execute(state, command);
    if (!events) fail(events.error().detail);
    for (auto& e : *events)
      request.events.push_back(std::move(e));
  }
  request.batch = batch;
  request.time_us = 1;
  request.summary.id = batch;
  persistence::describe(request.summary, state);
  request.summary.created_us = 1;
  request.snapshot = std::make_shared<const domain::batch_state>(state);
  if (auto done = store.append(std::span(&request, 1), false); !done) fail(done.error().detail);
}

void make_data(const std::string& data, std::size_t blobs) {
  if (auto ok = app::make_data_folder(data); !ok) fail(ok.error());
  auto store = app::open_data(data);
  if (!store) fail(store.error().sentence);
  std::filesystem::create_directories(app::server_blobs(data));
  for (std::size_t made = 0; made < blobs;) {
    std::vector<domain::file_entry> entries;
    for (; entries.size() < files_per_batch && made < blobs; ++made)
      entries.push_back(store_blob(app::server_blobs(data), made));
    make_batch(**store, domain::new_batch_id(), std::move(entries));
  }
  if (auto ok = (*store)->sync(); !ok) fail(ok.error().detail);
}

void measure(const std::vector<std::string>& words) {
  std::string shown;
  std::vector<char*> arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) shown += words[i].substr(words[i].rfind('/') + 1) + ' ';
    arguments.push_back(const_cast<char*>(words[i].c_str()));
  }
  arguments.push_back(nullptr);
  const auto began = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) {
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  rusage used{};
  if (::wait4(child, &status, 0, &used) != child || status != 0) fail(shown + "did not succeed");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%-40s %6ld MiB %7.1f s\n", shown.c_str(), used.ru_maxrss / 1024, took.count());
  std::fflush(stdout);
}

} // namespace

int main(int count, char** words) {
  if (count < 3) fail("which darkroom, and where");
  const std::string darkroom = words[1], folder = words[2];
  const auto data = folder + "/data", copy = folder + "/copy", again = folder + "/again";
  make_data(data, count > 3 ? std::stoul(words[3]) : 1'000'000);
  measure({darkroom, "fsck", data});
  measure({darkroom, "backup", copy, "--data", data});
  measure({darkroom, "backup", copy, "--data", data});
  measure({darkroom, "backup", copy, "--data", data, "--verify"});
  measure({darkroom, "fsck", copy});
  measure({darkroom, "restore", copy, "--data", again});
}
