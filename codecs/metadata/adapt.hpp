// From a source's metadata to an output's: as the policy wants it, true of the new pixels, and no
// more than the format can hold. What is not kept is declared.
#pragma once

#include "codecs/format.hpp"
#include "codecs/metadata/metadata.hpp"
#include "domain/conversion_spec.hpp"
#include "domain/loss.hpp"

#include <cstdint>

namespace darkroom::codecs {

// Once for a source. What the policy is to remove is no loss, with two exceptions: a place, and
// what `strip_location` removes because it is not known.
void apply_policy(metadata& meta, domain::metadata_policy policy, domain::loss_set& losses);

struct output_picture {
  std::uint32_t width = 0, height = 0;
  std::uint8_t stored_orientation = 1; // of the source
  bool upright = true;                 // the pixels were turned as it says
  bool same_geometry = false;          // as the source's pixels are stored
  domain::metadata_policy policy = domain::metadata_policy::keep;
};

void adapt_metadata(metadata& meta, const output_picture& picture, const format_row& format,
                    domain::loss_set& losses);

} // namespace darkroom::codecs
