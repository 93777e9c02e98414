#include "domain/loss.hpp"

namespace darkroom::domain {

std::vector<loss> loss_set::list() const {
  std::vector<loss> all;
  for (const auto l : base::enum_values<loss>())
    if (has(l)) all.push_back(l);
  return all;
}

loss_set losses_beside_picture() {
  loss_set all;
  for (const auto l :
       {loss::exif_dropped, loss::xmp_dropped, loss::iptc_dropped, loss::comment_dropped,
        loss::text_dropped, loss::density_dropped, loss::c2pa_dropped, loss::gain_map_dropped,
        loss::video_dropped, loss::images_dropped, loss::other_metadata_dropped})
    all.add(l);
  return all;
}

} // namespace darkroom::domain
