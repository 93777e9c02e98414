#include "app/upload_paths.hpp"

#include "http/file_path.hpp"

#include <cstdint>
#include <unordered_map>
#include <unordered_set>

namespace darkroom::app {

namespace {

std::string numbered(const std::string& path, std::uint32_t number) {
  const auto name = path.rfind('/') + 1; // 0 where there is no slash
  auto dot = path.rfind('.');
  if (dot == std::string::npos || dot <= name) dot = path.size();
  const auto text = '-' + std::to_string(number);
  // What becomes too long by its number gives way before it, so that the number stays.
  for (auto end = dot; end > name; --end) {
    auto candidate = path.substr(0, end) + text + path.substr(dot);
    if (http::check_file_path(candidate)) return candidate;
  }
  return "file" + text + path.substr(dot);
}

} // namespace

std::vector<std::string> plan_upload_paths(const std::vector<source_file>& sources) {
  std::vector<std::string> paths(sources.size());
  std::unordered_set<std::string> taken;
  for (std::size_t i = 0; i < sources.size(); ++i)
    if (http::check_file_path(sources[i].path) && taken.insert(sources[i].path).second)
      paths[i] = sources[i].path;
  std::unordered_map<std::string, std::uint32_t> next; // number to try, so that none is tried twice
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (!paths[i].empty()) continue;
    const auto wanted = http::nearest_file_path(sources[i].path);
    auto path = wanted;
    auto& number = next.try_emplace(wanted, 2u).first->second;
    while (!taken.insert(path).second)
      path = numbered(wanted, number++);
    paths[i] = std::move(path);
  }
  return paths;
}

} // namespace darkroom::app
