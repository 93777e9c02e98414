#include "persistence/output_directory.hpp"

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <sys/stat.h>

namespace darkroom::persistence {

namespace {

using base::unique_fd;

// Beside its target, so that the rename stays within one directory; derived from batch, file and
// output, so that recovery finds it without looking at anything else.
std::string temporary_for(const std::string& target, const domain::batch_id& batch,
                          domain::file_index file, std::uint32_t output) {
  const auto slash = target.rfind('/');
  const auto directory = slash == std::string::npos ? "" : target.substr(0, slash + 1);
  return directory + ".darkroom-" + domain::to_string(batch) + '-' + std::to_string(file) + '-' +
         std::to_string(output) + ".part";
}

} // namespace

file_result<staged_output> output_directory::stage(const domain::batch_id& batch,
                                                   domain::file_index file, std::uint32_t output,
                                                   const std::string& target, int content,
                                                   domain::existing_policy existing) {
  staged_output staged{.temporary = temporary_for(target, batch, file, output),
                       .target = target,
                       .existing = existing};
  if (auto ok = make_directories(parent_of(below_root(target))); !ok)
    return std::unexpected(ok.error());
  auto written = write_unsynced(content, below_root(staged.temporary));
  if (!written) return std::unexpected(written.error());
  staged.bytes = written->content.bytes;
  staged.sha256 = written->content.sha256;
  staged.crc32 = written->content.crc32;
  auto kept = unsynced_.keep(std::move(written->file), below_root(staged.temporary));
  if (!kept) return std::unexpected(kept.error());
  staged.unsynced = std::move(*kept);
  return staged;
}

placed_output output_directory::place_one(const staged_output& staged) {
  const auto from = below_root(staged.temporary), to = below_root(staged.target);
  const bool replace = staged.existing == domain::existing_policy::overwrite;
  const auto renamed = rename_file(from, to, replace);
  if (renamed) return {placement::placed, {}, staged.bytes, staged.sha256, staged.crc32};
  if (renamed.error().code != EEXIST) {
    discard(staged);
    return {placement::failed, renamed.error(), 0, {}};
  }
  const auto there = existing(staged.target);
  discard(staged);
  if (there && there->sha256 == staged.sha256)
    return {placement::adopted, {}, there->bytes, there->sha256, there->crc32};
  if (there && staged.existing == domain::existing_policy::skip)
    return {placement::existing_kept, {}, there->bytes, there->sha256, there->crc32};
  return {placement::exists, renamed.error(), 0, {}};
}

std::vector<placed_output> output_directory::place(std::span<const staged_output> staged) {
  std::vector<placed_output> results;
  std::map<std::string, std::vector<std::size_t>> by_directory;
  std::vector<unsynced_file> contents;
  contents.reserve(staged.size());
  for (const auto& output : staged)
    contents.push_back(output.unsynced);
  const auto synced = sync_files(contents);
  for (std::size_t i = 0; i < staged.size(); ++i) {
    const auto& output = staged[i];
    if (!synced[i]) {
      discard(output);
      results.push_back({placement::failed, synced[i].error(), 0, {}});
      continue;
    }
    results.push_back(place_one(output));
    if (results.back().how == placement::placed || results.back().how == placement::adopted)
      by_directory[parent_of(below_root(output.target))].push_back(results.size() - 1);
  }
  for (const auto& [directory, indexes] : by_directory) {
    const auto ok = sync_directory(directory);
    if (ok) continue;
    for (const auto i : indexes) { // no name that no event will tell of
      if (results[i].how == placement::placed) take_back(staged[i]);
      results[i] = {placement::failed, ok.error(), 0, {}};
    }
  }
  return results;
}

void output_directory::discard(const staged_output& staged) {
  ::unlink(below_root(staged.temporary).c_str());
}

file_result<unique_fd> output_directory::open_staged(const staged_output& staged) {
  return open_for_reading(below_root(staged.temporary));
}

void output_directory::take_back(const staged_output& staged) {
  // What was replaced is gone: then the new one is better than nothing.
  if (staged.existing == domain::existing_policy::overwrite) return;
  ::unlink(below_root(staged.target).c_str());
}

file_result<void> output_directory::set_time(const staged_output& staged,
                                             std::int64_t modified_ns) {
  if (!keep_times_ || modified_ns == 0) return {};
  const auto path = below_root(staged.temporary);
  constexpr std::int64_t second_ns = 1'000'000'000;
  auto part_ns = modified_ns % second_ns; // of a time before 1970, too, it counts forward
  if (part_ns < 0) part_ns += second_ns;
  const timespec times[2] = {{0, UTIME_OMIT}, {(modified_ns - part_ns) / second_ns, part_ns}};
  const auto failed = [&] { return std::unexpected(last_error("setting the time of " + path)); };
  if (staged.unsynced) {
    if (::futimens(staged.unsynced->get(), times) != 0) return failed();
    return {};
  }
  const unique_fd file{::open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC)};
  if (!file || ::futimens(file.get(), times) != 0 || ::fsync(file.get()) != 0) return failed();
  return {};
}

std::optional<written_file> output_directory::existing(const std::string& target) {
  const auto path = below_root(target);
  struct stat about{};
  if (::lstat(path.c_str(), &about) != 0) return std::nullopt;
  written_file there;
  if (!S_ISREG(about.st_mode)) return there; // to open a pipe waits until somebody writes to it
  there.bytes = static_cast<std::uint64_t>(about.st_size);
  const unique_fd file{
      ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  const auto sums = file ? sums_of(file.get()) : std::nullopt;
  if (!sums) return there; // it may not be read: it is there all the same
  return written_file{there.bytes, sums->sha256, sums->crc32};
}

bool output_directory::exists(const std::string& target) {
  struct stat about{};
  return ::lstat(below_root(target).c_str(), &about) == 0;
}

void output_directory::sweep(const domain::batch_id& batch, domain::file_index file,
                             std::span<const std::string> targets) {
  for (std::uint32_t output = 0; output < targets.size(); ++output)
    ::unlink(below_root(temporary_for(targets[output], batch, file, output)).c_str());
}

} // namespace darkroom::persistence
