#include "http/zip_names.hpp"

#include "domain/limits.hpp"
#include "domain/output_planner.hpp"
#include "domain/portable_names.hpp"

#include <algorithm>

namespace darkroom::http {

bool zip_names::take(const std::string& name) {
  return taken_.insert(domain::hash_of(domain::folded_name(name))).second;
}

std::string zip_names::next(const std::string& output) {
  const auto wanted = domain::portable_path(output);
  auto name = wanted;
  const auto begin = wanted.rfind('/') + 1; // 0 where there is no slash
  const auto dot = std::max(std::min(wanted.rfind('.'), wanted.size()), begin);
  for (std::uint32_t number = 2; !take(name); ++number) {
    const auto end = '-' + std::to_string(number) + wanted.substr(dot);
    const auto room =
        limits::name_part_bytes_max - std::min(end.size(), limits::name_part_bytes_max);
    name = wanted.substr(0, begin);
    name += domain::cut_text(std::string_view(wanted).substr(begin, dot - begin), room);
    name += end;
  }
  renamed_ = renamed_ || name != output;
  return name;
}

} // namespace darkroom::http
