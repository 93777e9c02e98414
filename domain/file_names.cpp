#include "domain/file_names.hpp"

#include "base/result.hpp"

namespace darkroom::domain {

file_names::file_names(const conversion_spec& spec, std::vector<std::string> extensions)
    : planner_(spec, std::move(extensions)) {}

file_names::path_place file_names::place_of(std::string_view path, file_index index) {
  const auto hash = hash_of(path);
  return {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(hash), index};
}

std::optional<file_index> file_names::find(std::string_view path) const {
  const auto at = paths_.find(place_of(path));
  return at == paths_.end() ? std::nullopt : std::optional{at->index};
}

base::result<std::vector<std::string>, name_collision> file_names::add(std::string_view path,
                                                                       file_index index) {
  auto outputs = planner_.plan(path);
  if (outputs) paths_.insert(place_of(path, index));
  return outputs;
}

void file_names::take(const file_entry& file, file_index index) {
  paths_.insert(place_of(file.path, index));
  for (const auto& output : file.outputs)
    planner_.reserve(output);
}

base::result<std::vector<std::string>, name_collision> file_names::replan(std::string_view path) {
  return planner_.plan(path);
}

void file_names::remove(const file_entry& file) {
  paths_.erase(place_of(file.path));
  for (const auto& output : file.outputs)
    planner_.release(output);
}

} // namespace darkroom::domain
