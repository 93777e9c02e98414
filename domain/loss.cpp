#include "domain/loss.hpp"

#include "domain/names.hpp"

namespace darkroom::domain {

namespace {

constexpr name_table<loss, loss_count> loss_names{
    "alpha_flattened",   "animation_dropped", "bit_depth_reduced",  "icc_converted",
    "icc_dropped",       "cmyk_converted",    "exif_dropped",       "xmp_dropped",
    "location_stripped", "upscaled",          "truncated_salvaged", "damage_salvaged",
    "kept_original",     "existing_kept"};
static_assert(static_cast<int>(loss::existing_kept) + 1 == loss_count);
static_assert(loss_count <= 32);

} // namespace

std::string_view to_string(loss l) {
  return name_of(loss_names, l);
}

std::optional<loss> parse_loss(std::string_view name) {
  return value_of<loss>(loss_names, name);
}

std::vector<loss> loss_set::list() const {
  std::vector<loss> all;
  for (int i = 0; i < loss_count; ++i)
    if (has(static_cast<loss>(i))) all.push_back(static_cast<loss>(i));
  return all;
}

} // namespace darkroom::domain
