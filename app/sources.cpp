#include "app/sources.hpp"

#include "base/result.hpp"
#include "domain/limits.hpp"

#include <algorithm>
#include <filesystem>
#include <fnmatch.h>
#include <sys/stat.h>
#include <system_error>
#include <unordered_set>

namespace darkroom::app {

namespace {

namespace fs = std::filesystem;
using found = base::result<std::vector<source_file>, std::string>;

constexpr std::string_view wildcards = "*?[";

bool hidden(const fs::path& path) {
  return path.filename().native().starts_with('.');
}

base::result<source_file, std::string> look_at(const fs::path& file, std::string relative) {
  struct stat about{};
  if (::stat(file.c_str(), &about) != 0)
    return std::unexpected(file.native() + ": " +
                           std::error_code(errno, std::generic_category()).message());
  std::error_code error;
  const auto canonical = fs::canonical(file, error);
  if (error) return std::unexpected(file.native() + ": " + error.message());
  return source_file{.path = std::move(relative),
                     .absolute = canonical.native(),
                     .bytes = static_cast<std::uint64_t>(about.st_size),
                     .modified_ns = about.st_mtim.tv_sec * 1'000'000'000 + about.st_mtim.tv_nsec,
                     .device = about.st_dev,
                     .inode = about.st_ino};
}

// All regular files below a folder, sorted by name.
found walk(const fs::path& root, const std::string& excluded) {
  std::vector<source_file> files;
  std::error_code error;
  const auto canonical_root = fs::canonical(root, error);
  fs::recursive_directory_iterator at(root, error), end;
  if (error) return std::unexpected(root.native() + ": " + error.message());
  for (; at != end; at.increment(error)) {
    if (error) return std::unexpected(root.native() + ": " + error.message());
    std::error_code absent;
    const auto relative = at->path().lexically_relative(root);
    const bool skip =
        hidden(at->path()) || (canonical_root / relative).lexically_normal().native() == excluded;
    if (skip) {
      if (at->is_directory(absent)) at.disable_recursion_pending();
      continue;
    }
    if (!at->is_regular_file(absent)) continue;
    auto file = look_at(at->path(), relative.native());
    if (!file) return std::unexpected(file.error());
    files.push_back(std::move(*file));
  }
  if (error) return std::unexpected(root.native() + ": " + error.message());
  std::ranges::sort(files, {}, &source_file::path);
  return files;
}

bool match(const std::vector<std::string>& pattern, std::size_t p,
           const std::vector<std::string>& path, std::size_t i) {
  if (p == pattern.size()) return i == path.size();
  if (pattern[p] == "**") {
    for (std::size_t next = i; next <= path.size(); ++next)
      if (match(pattern, p + 1, path, next)) return true;
    return false;
  }
  return i < path.size() && ::fnmatch(pattern[p].c_str(), path[i].c_str(), FNM_PERIOD) == 0 &&
         match(pattern, p + 1, path, i + 1);
}

std::vector<std::string> segments(const fs::path& path) {
  std::vector<std::string> parts;
  for (const auto& part : path)
    parts.push_back(part.native());
  return parts;
}

// The folder before the first wildcard is walked; names below it are matched and kept.
found expand_glob(const std::string& word, const std::string& excluded) {
  const auto all = segments(fs::path(word));
  fs::path root;
  std::size_t first = 0;
  while (first < all.size() && all[first].find_first_of(wildcards) == std::string::npos)
    root /= all[first++];
  if (root.empty()) root = ".";
  auto files = walk(root, excluded);
  if (!files) return files;
  const std::vector<std::string> pattern(all.begin() + static_cast<std::ptrdiff_t>(first),
                                         all.end());
  std::erase_if(*files, [&](const source_file& file) {
    return !match(pattern, 0, segments(fs::path(file.path)), 0);
  });
  if (files->empty()) return std::unexpected(word + ": matches no file");
  return files;
}

found expand(const std::string& word, const std::string& excluded) {
  std::error_code error;
  const fs::path path(word);
  const auto status = fs::status(path, error);
  if (fs::is_directory(status)) return walk(path, excluded);
  if (fs::is_regular_file(status)) {
    auto file = look_at(path, path.filename().native());
    if (!file) return std::unexpected(file.error());
    return std::vector{std::move(*file)};
  }
  if (!fs::exists(status) && word.find_first_of(wildcards) != std::string::npos)
    return expand_glob(word, excluded);
  return std::unexpected(word + (fs::exists(status) ? ": is no file and no folder"
                                                    : ": there is no such file or folder"));
}

} // namespace

found find_sources(const std::vector<std::string>& words, const std::string& excluded) {
  std::vector<source_file> all;
  std::unordered_set<std::string> seen;
  for (const auto& word : words) {
    auto files = expand(word, excluded);
    if (!files) return files;
    for (auto& file : *files)
      if (seen.insert(file.absolute).second) all.push_back(std::move(file));
  }
  if (all.size() > limits::files_per_batch_max)
    return std::unexpected("more than " + std::to_string(limits::files_per_batch_max) +
                           " files; convert them in parts");
  return all;
}

} // namespace darkroom::app
