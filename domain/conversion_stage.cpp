#include "domain/conversion_stage.hpp"

#include <array>

namespace darkroom::domain {

std::string_view to_string(conversion_stage stage) {
  constexpr std::array<std::string_view, conversion_stage_count> names{
      "starting", "decoding", "transforming", "encoding", "storing"};
  return names[static_cast<std::size_t>(stage)];
}

} // namespace darkroom::domain
