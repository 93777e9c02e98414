#include "app/sources.hpp"

#include "base/errno_text.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "codecs/unread_formats.hpp"
#include "domain/limits.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fnmatch.h>
#include <functional>
#include <optional>
#include <sys/stat.h>
#include <system_error>
#include <unordered_set>

namespace darkroom::app {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view wildcards = "*?[";
constexpr std::string_view journal_folder = ".darkroom"; // of `convert`: no news to anybody

// What of a folder a word stands for, by paths below the folder.
struct walk_filter {
  std::function<bool(const std::string& file)> wants;
  std::function<bool(const std::string& folder)> enters; // whether something below can be wanted
};

std::string reason_of(int code) {
  if (code == ENOENT) return "was removed while the folder was read, or is a link to nothing";
  return base::errno_text(code);
}

bool hidden(const std::string& name) {
  return name.starts_with('.');
}

// Whether the first bytes are of an image; an errno if the file cannot be read.
base::result<bool, int> begins_as_image(const fs::path& file) {
  const base::unique_fd in{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (!in) return std::unexpected(errno);
  std::array<std::uint8_t, codecs::recognition_bytes> head;
  std::size_t have = 0;
  while (have < head.size()) {
    const auto n =
        ::pread(in.get(), head.data() + have, head.size() - have, static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(errno);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  return codecs::is_image(std::span(head).first(have));
}

source_file described(const struct stat& about, const fs::path& canonical_folder,
                      const fs::path& file, std::string relative) {
  const auto place = canonical_folder / file.filename();
  std::error_code error;
  auto canonical = fs::is_symlink(place, error) ? fs::canonical(place, error) : place;
  if (error) canonical = place;
  return source_file{.path = std::move(relative),
                     .absolute = place.native(),
                     .canonical = canonical.native(),
                     .bytes = static_cast<std::uint64_t>(about.st_size),
                     .modified_ns = about.st_mtim.tv_sec * 1'000'000'000 + about.st_mtim.tv_nsec,
                     .device = about.st_dev,
                     .inode = about.st_ino};
}

// Goes through one folder and all below it. Whatever goes wrong concerns only where it goes wrong.
class folder_walk {
public:
  folder_walk(const fs::path& root, const std::string& excluded, walk_filter which,
              source_list& found)
      : root_(root), excluded_(excluded), which_(std::move(which)), found_(found) {}

  void run() {
    const auto files = found_.files.size();
    visit_folder(root_, "");
    std::ranges::sort(found_.files.begin() + static_cast<std::ptrdiff_t>(files), found_.files.end(),
                      {}, &source_file::path);
  }

private:
  omitted_file omitted(const std::string& relative, std::string why,
                       std::uint64_t bytes = 0) const {
    const auto named = relative.empty() ? root_.native() : (root_ / relative).native();
    return {relative.empty() ? named : relative, named, std::move(why), bytes};
  }
  void skip(const std::string& relative, std::string why, std::uint64_t bytes = 0) {
    if (which_.wants(relative)) found_.skipped.push_back(omitted(relative, std::move(why), bytes));
  }
  void fail(const std::string& relative, int code) {
    found_.unreadable.push_back(omitted(relative, reason_of(code)));
  }

  void visit_folder(const fs::path& folder, const std::string& relative) {
    std::error_code error;
    const auto canonical = fs::canonical(folder, error);
    if (error) return fail(relative, error.value());
    if (canonical.native() == excluded_ && !relative.empty()) return;
    std::vector<std::string> names;
    fs::directory_iterator at(folder, error);
    for (; !error && at != fs::directory_iterator(); at.increment(error))
      names.push_back(at->path().filename().native());
    if (error) fail(relative, error.value()); // what was listed before is converted all the same
    std::ranges::sort(names);
    const auto above = relative.empty() ? "" : relative + '/';
    for (const auto& name : names) {
      auto path = above;
      path += name;
      visit(folder / name, path, canonical);
    }
  }

  void visit(const fs::path& file, const std::string& relative, const fs::path& canonical_folder) {
    if (hidden(file.filename().native())) {
      if (file.filename().native() != journal_folder) skip(relative, "is hidden");
      return;
    }
    struct stat itself{}, about{};
    if (::lstat(file.c_str(), &itself) != 0) {
      const int code = errno;
      if (which_.wants(relative)) fail(relative, code);
      return;
    }
    if (S_ISDIR(itself.st_mode)) {
      if (which_.enters(relative)) visit_folder(file, relative);
      return;
    }
    if (::stat(file.c_str(), &about) != 0) {
      const int code = errno;
      if (which_.wants(relative)) fail(relative, code);
      return;
    }
    if (S_ISDIR(about.st_mode))
      return skip(relative, "is a link to a folder; name it to convert what it holds");
    if (!S_ISREG(about.st_mode)) return skip(relative, "is no regular file");
    if (which_.wants(relative)) visit_file(file, relative, canonical_folder, about);
  }

  void visit_file(const fs::path& file, const std::string& relative,
                  const fs::path& canonical_folder, const struct stat& about) {
    const auto image = begins_as_image(file);
    if (!image) return fail(relative, image.error());
    if (*image || codecs::has_image_extension(relative))
      found_.files.push_back(described(about, canonical_folder, file, relative));
    else
      skip(relative, "is no image", static_cast<std::uint64_t>(about.st_size));
  }

  const fs::path root_;
  const std::string& excluded_;
  walk_filter which_;
  source_list& found_;
};

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

// Whether something below this folder can match.
bool match_below(const std::vector<std::string>& pattern, const std::vector<std::string>& folder) {
  for (std::size_t i = 0; i < folder.size(); ++i) {
    if (i < pattern.size() && pattern[i] == "**") return true;
    if (i >= pattern.size() || ::fnmatch(pattern[i].c_str(), folder[i].c_str(), FNM_PERIOD) != 0)
      return false;
  }
  return folder.size() < pattern.size();
}

std::vector<std::string> segments(const fs::path& path) {
  std::vector<std::string> parts;
  for (const auto& part : path)
    parts.push_back(part.native());
  return parts;
}

using found = base::result<source_list, std::string>;

// The folder before the first wildcard is walked; names below it are matched and kept.
found expand_glob(const std::string& word, const std::string& excluded) {
  const auto all = segments(fs::path(word));
  fs::path root;
  std::size_t first = 0;
  while (first < all.size() && all[first].find_first_of(wildcards) == std::string::npos)
    root /= all[first++];
  if (root.empty()) root = ".";
  const std::vector<std::string> pattern(all.begin() + static_cast<std::ptrdiff_t>(first),
                                         all.end());
  source_list list;
  walk_filter which;
  which.wants = [&](const std::string& file) {
    return match(pattern, 0, segments(fs::path(file)), 0);
  };
  which.enters = [&](const std::string& folder) {
    return match_below(pattern, segments(fs::path(folder)));
  };
  folder_walk(root, excluded, std::move(which), list).run();
  if (list.empty() && list.skipped.empty()) return std::unexpected(word + ": matches no file");
  return list;
}

found expand(const std::string& word, const std::string& excluded) {
  source_list list;
  const fs::path path(word);
  struct stat about{};
  const int code = ::stat(path.c_str(), &about) == 0 ? 0 : errno;
  if (code == EACCES || code == EIO || code == ELOOP || code == ESTALE) {
    list.unreadable.push_back({word, word, reason_of(code)});
    return list;
  }
  if (code != 0 && word.find_first_of(wildcards) != std::string::npos)
    return expand_glob(word, excluded);
  if (code != 0) return std::unexpected(word + ": there is no such file or folder");
  if (S_ISDIR(about.st_mode)) {
    const auto everything = [](const std::string&) { return true; };
    folder_walk(path, excluded, {everything, everything}, list).run();
    return list;
  }
  if (!S_ISREG(about.st_mode)) return std::unexpected(word + ": is no file and no folder");
  std::error_code error;
  const auto folder = fs::canonical(path.has_parent_path() ? path.parent_path() : ".", error);
  base::result<bool, int> image = std::unexpected(error.value());
  if (!error) image = begins_as_image(path);
  if (image)
    list.files.push_back(described(about, folder, path, path.filename().native()));
  else
    list.unreadable.push_back({path.filename().native(), word, reason_of(image.error())});
  return list;
}

} // namespace

found find_sources(const std::vector<std::string>& words, const std::string& excluded) {
  source_list all;
  std::unordered_set<std::string> seen, omitted;
  const auto add_new = [&omitted](std::vector<omitted_file>& to, std::vector<omitted_file>& from) {
    for (auto& one : from)
      if (omitted.insert(one.named).second) to.push_back(std::move(one));
  };
  for (const auto& word : words) {
    auto list = expand(word, excluded);
    if (!list) return list;
    for (auto& file : list->files)
      if (seen.insert(file.absolute).second) all.files.push_back(std::move(file));
    add_new(all.unreadable, list->unreadable);
    add_new(all.skipped, list->skipped);
  }
  // Named by another word, it is a source.
  std::erase_if(all.skipped, [&seen](const omitted_file& one) {
    std::error_code error;
    const auto folder = fs::canonical(fs::path(one.named).parent_path(), error);
    return !error && seen.contains((folder / fs::path(one.named).filename()).native());
  });
  if (all.files.size() > limits::files_per_batch_max)
    return std::unexpected("more than " + std::to_string(limits::files_per_batch_max) +
                           " files; convert them in parts");
  return all;
}

} // namespace darkroom::app
