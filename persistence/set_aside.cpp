#include "persistence/set_aside.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <vector>

namespace darkroom::persistence {

namespace {

namespace fs = std::filesystem;

// As in ISO 8601, of UTC: the order of the names is that of the days.
std::string day_of(std::int64_t time_us) {
  const std::time_t seconds = time_us / 1'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

bool is_day(const std::string& name) {
  constexpr std::string_view form = "dddd-dd-dd";
  return std::ranges::equal(name, form, [](char c, char wanted) {
    return wanted == 'd' ? c >= '0' && c <= '9' : c == wanted;
  });
}

// The oldest first. Other folders there are somebody else's.
std::vector<std::string> days_in(const std::string& folder) {
  std::vector<std::string> days;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (auto name = entry.path().filename().string(); is_day(name)) days.push_back(std::move(name));
  std::ranges::sort(days);
  return days;
}

} // namespace

std::string set_aside_folder(const std::string& blobs) {
  return parent_of(blobs) + "/set-aside";
}

file_result<std::string> set_aside(const std::string& file, const std::string& blobs,
                                   const std::string& name, std::int64_t now_us) {
  const auto wanted = set_aside_folder(blobs) + '/' + day_of(now_us) + '/' + name;
  auto to = wanted;
  if (auto made = make_directories(parent_of(to)); !made) return std::unexpected(made.error());
  auto moved = rename_file(file, to, false);
  for (int n = 2; !moved && moved.error().code == EEXIST; ++n) { // an earlier one has the name
    to = wanted + '-' + std::to_string(n);
    moved = rename_file(file, to, false);
  }
  if (moved) moved = sync_directory(parent_of(to));
  if (moved) moved = sync_directory(parent_of(file));
  if (!moved) return std::unexpected(moved.error());
  return to;
}

std::size_t empty_set_aside(const std::string& blobs, std::uint64_t days, std::int64_t now_us) {
  const auto folder = set_aside_folder(blobs);
  const auto last = day_of(now_us - static_cast<std::int64_t>(days) * 86'400'000'000);
  std::size_t removed = 0;
  std::error_code error;
  for (const auto& day : days_in(folder))
    if (day < last) removed += fs::remove_all(fs::path(folder) / day, error) != 0;
  return removed;
}

bool remove_oldest_set_aside(const std::string& blobs) {
  const auto folder = set_aside_folder(blobs);
  const auto days = days_in(folder);
  if (days.empty()) return false;
  std::error_code error;
  fs::remove_all(folder + '/' + days.front(), error);
  return !error;
}

} // namespace darkroom::persistence
