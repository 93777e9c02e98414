#include "domain/output_planner.hpp"

#include "base/result.hpp"
#include "domain/limits.hpp"
#include "domain/portable_names.hpp"

#include <algorithm>

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
  return taken_.insert(hash_of(folded_name(path))).second;
}

void output_planner::reserve(std::string_view path) {
  take(path);
}

void output_planner::release(std::string_view path) {
  taken_.erase(hash_of(folded_name(path)));
}

// The stem with its number and extension. What would be too long to be written loses the end of the
// source's name, and keeps the suffix.
std::string output_planner::numbered(std::string_view stem, std::size_t output,
                                     std::uint32_t number) const {
  const auto name = stem.rfind('/') + 1; // 0 where there is no slash
  const auto suffix = std::min(spec_.outputs[output].suffix.size(), stem.size() - name);
  std::string end{stem.substr(stem.size() - suffix)};
  if (number > 1) end += '-' + std::to_string(number);
  end += '.' + extensions_[output];
  stem.remove_suffix(suffix);
  const auto room = limits::name_part_bytes_max - std::min(end.size(), limits::name_part_bytes_max);
  return std::string{stem.substr(0, name)} + std::string{cut_text(stem.substr(name), room)} + end;
}

// Takes the first name that is free; `wanted`: the name that it should have been.
std::optional<std::string> output_planner::free_name(std::string_view stem, std::size_t output,
                                                     std::string& wanted) {
  wanted = numbered(stem, output, 1);
  if (take(wanted)) return wanted;
  if (spec_.collision == collision_policy::fail) return std::nullopt;
  auto& next = next_numbers_.try_emplace(hash_of(folded_name(wanted)), 2u).first->second;
  while (next <= limits::name_suffix_tries_max) {
    auto name = numbered(stem, output, next++);
    if (take(name)) return name;
  }
  return std::nullopt;
}

base::result<std::vector<std::string>, name_collision> output_planner::plan(std::string_view path) {
  std::vector<std::string> outputs;
  for (std::size_t i = 0; i < spec_.outputs.size(); ++i) {
    const auto stem = portable_path(std::string{without_extension(path)} + spec_.outputs[i].suffix);
    std::string wanted;
    auto name = free_name(stem, i, wanted);
    if (!name) {
      for (const auto& taken : outputs)
        release(taken);
      return std::unexpected(name_collision{std::string{path}, wanted});
    }
    outputs.push_back(std::move(*name));
  }
  return outputs;
}

} // namespace darkroom::domain
