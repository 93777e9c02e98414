#include "persistence/blob_list.hpp"

#include "persistence/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <system_error>
#include <unistd.h>

namespace darkroom::persistence {

namespace {

namespace fs = std::filesystem;

void sort_run(std::vector<blob_use>& run) {
  std::ranges::sort(run);
  const auto twice = std::ranges::unique(run);
  run.erase(twice.begin(), twice.end());
}

} // namespace

void blob_list::add(const blob_use& use) {
  if (failed_) return;
  run_.push_back(use);
  if (run_.size() < limits::sorted_run_entries) return;
  if (auto ok = write_run(); !ok) failed_ = ok.error();
}

file_result<void> blob_list::write_run() {
  sort_run(run_);
  if (!file_) {
    auto made = make_nameless_file(scratch_);
    if (!made) return std::unexpected(made.error());
    file_ = std::move(*made);
  }
  auto ok = write_all(
      file_.get(),
      {reinterpret_cast<const std::uint8_t*>(run_.data()), run_.size() * sizeof(blob_use)},
      "a temporary file in " + scratch_);
  if (!ok) return ok;
  ends_.push_back((ends_.empty() ? 0 : ends_.back()) + run_.size());
  run_.clear();
  return {};
}

file_result<void> blob_list::sort() {
  if (failed_) return std::unexpected(*failed_);
  if (!file_) { // few enough to stay in memory
    sort_run(run_);
    return {};
  }
  auto ok = write_run();
  run_ = {};
  return ok;
}

blob_list::cursor::cursor(const blob_list& list) : list_(list) {
  if (!list.file_) {
    sources_.push_back({.read = list.run_});
  } else {
    std::uint64_t begin = 0;
    for (const auto end : list.ends_) {
      sources_.push_back({.from = begin, .to = end});
      begin = end;
    }
  }
}

file_result<void> blob_list::cursor::fill(run_reader& from) const {
  if (from.at < from.read.size() || from.from == from.to) return {};
  from.read.resize(std::min<std::uint64_t>(from.to - from.from, limits::sorted_read_entries));
  from.at = 0;
  auto* bytes = reinterpret_cast<char*>(from.read.data());
  for (std::size_t done = 0, all = from.read.size() * sizeof(blob_use); done < all;) {
    const auto got = ::pread(list_.file_.get(), bytes + done, all - done,
                             static_cast<off_t>(from.from * sizeof(blob_use) + done));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = EIO; // it was as long when it was written
    if (got <= 0) return std::unexpected(last_error("reading a temporary file"));
    done += static_cast<std::size_t>(got);
  }
  from.from += from.read.size();
  return {};
}

file_result<std::optional<blob_use>> blob_list::cursor::least() {
  if (heap_.empty() && !last_) {
    for (auto& source : sources_) {
      if (auto ok = fill(source); !ok) return std::unexpected(ok.error());
      if (source.at < source.read.size()) heap_.push_back(&source);
    }
    std::ranges::make_heap(heap_, later);
  }
  if (heap_.empty()) return std::nullopt;
  std::ranges::pop_heap(heap_, later);
  auto& source = *heap_.back();
  const auto found = source.read[source.at++];
  if (auto ok = fill(source); !ok) return std::unexpected(ok.error());
  if (source.at < source.read.size())
    std::ranges::push_heap(heap_, later);
  else
    heap_.pop_back();
  return found;
}

file_result<std::optional<blob_use>> blob_list::cursor::next() {
  while (true) {
    auto found = least();
    if (!found || !*found) return found;
    if (last_ == **found) continue; // of another run
    last_ = **found;
    return found;
  }
}

namespace {

// Compares the names in folders with the list, which it goes through once: folders come in order.
class folder_check {
public:
  folder_check(const blob_list& list, const std::function<void(const std::string&)>& visit)
      : cursor_(list), visit_(visit) {}

  file_result<void> check(const std::string& folder, std::vector<digest>& names) {
    std::ranges::sort(names);
    for (const auto& name : names) {
      while (!ended_ && (!listed_ || listed_->name < name)) {
        auto next = cursor_.next();
        if (!next) return std::unexpected(next.error());
        listed_ = *next;
        ended_ = !listed_;
      }
      if (!listed_ || listed_->name != name) visit_(folder + '/' + to_hex(name).substr(2));
    }
    return {};
  }

private:
  blob_list::cursor cursor_;
  const std::function<void(const std::string&)>& visit_;
  std::optional<blob_use> listed_;
  bool ended_ = false;
};

} // namespace

file_result<void> each_unlisted(const std::string& blobs, const blob_list& list,
                                const std::function<void(const std::string& path)>& visit) {
  std::error_code error;
  std::vector<std::string> folders;
  for (fs::directory_iterator at(blobs, error), end; !error && at != end; at.increment(error))
    if (at->symlink_status(error).type() == fs::file_type::directory)
      folders.push_back(at->path().filename().string());
    else
      visit(at->path().string());
  std::ranges::sort(folders);
  folder_check check(list, visit);
  for (const auto& folder : folders) {
    auto path = blobs;
    path.append(1, '/').append(folder);
    std::vector<digest> names;
    for (fs::recursive_directory_iterator at(path, error), end; !error && at != end;
         at.increment(error)) {
      if (at->symlink_status(error).type() == fs::file_type::directory) continue;
      const auto name = parse_hex(folder + at->path().filename().string());
      if (name && at.depth() == 0)
        names.push_back(*name);
      else
        visit(at->path().string());
    }
    if (auto ok = check.check(path, names); !ok) return ok;
  }
  if (error) return std::unexpected(file_error{error.value(), "looking through " + blobs});
  return {};
}

} // namespace darkroom::persistence
