#include "domain/output_planner.hpp"

#include "base/result.hpp"
#include "domain/limits.hpp"

namespace darkroom::domain {

namespace {

// `a/b.tar.gz` → `a/b.tar`; a name that only has a leading dot keeps it.
std::string_view without_extension(std::string_view path) {
  const auto name = path.rfind('/') + 1; // 0 where there is no slash
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos || dot <= name ? path : path.substr(0, dot);
}

} // namespace

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t h = 14'695'981'039'346'656'037u;
  for (const char c : text)
    h = (h ^ static_cast<unsigned char>(c)) * 1'099'511'628'211u;
  return h;
}

output_planner::output_planner(conversion_spec spec, std::vector<std::string> extensions)
    : spec_(std::move(spec)), extensions_(std::move(extensions)) {}

bool output_planner::take(std::string_view path) {
  return taken_.insert(hash_of(path)).second;
}

void output_planner::reserve(std::string_view path) {
  take(path);
}

void output_planner::release(std::string_view path) {
  taken_.erase(hash_of(path));
}

base::result<std::vector<std::string>, name_collision> output_planner::plan(std::string_view path) {
  std::vector<std::string> outputs;
  for (std::size_t i = 0; i < spec_.outputs.size(); ++i) {
    const std::string stem = std::string{without_extension(path)} + spec_.outputs[i].suffix;
    std::string name = stem + '.' + extensions_[i];
    for (std::uint32_t n = 2; !take(name); ++n) {
      if (spec_.collision == collision_policy::fail || n > limits::name_suffix_tries_max)
        return std::unexpected(name_collision{std::string{path}, name});
      name = stem + '-' + std::to_string(n) + '.' + extensions_[i];
    }
    outputs.push_back(std::move(name));
  }
  return outputs;
}

} // namespace darkroom::domain
