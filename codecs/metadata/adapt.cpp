#include "codecs/metadata/adapt.hpp"

#include "codecs/limits.hpp"
#include "codecs/metadata/exif.hpp"
#include "codecs/metadata/exif_directories.hpp"
#include "codecs/metadata/iptc.hpp"
#include "codecs/metadata/profile_tags.hpp"
#include "codecs/metadata/texts.hpp"
#include "codecs/metadata/xmp.hpp"

#include <algorithm>
#include <utility>

namespace darkroom::codecs {

namespace {

using domain::loss;
using domain::metadata_policy;

void drop_gain_map(metadata& meta, domain::loss_set& losses) {
  if (meta.gain) losses.add(loss::gain_map_dropped);
  meta.gain.reset();
}

void select_all(metadata& meta, metadata_selection selection, domain::loss_set& losses) {
  const bool copyright = selection == metadata_selection::copyright;
  bool location = false, other = false;
  if (!meta.exif.empty()) {
    auto kept = select_exif(meta.exif, selection);
    if (!kept.readable) losses.add(loss::exif_dropped);
    location = location || kept.location_removed;
    other = other || kept.other_removed;
    meta.exif = std::move(kept.bytes);
  }
  if (!meta.xmp.empty()) {
    auto packet = parse_xmp(meta.xmp);
    meta.xmp.clear();
    if (packet) {
      const auto removed = select_xmp(*packet, selection);
      location = location || removed.location;
      other = other || removed.other;
      if (!packet->properties.empty()) meta.xmp = write_xmp(*packet);
    } else {
      losses.add(loss::xmp_dropped);
    }
  }
  if (!meta.iptc.empty()) {
    auto kept = select_iptc(meta.iptc, selection);
    location = location || kept.location_removed;
    other = other || kept.other_removed;
    meta.iptc = std::move(kept.resources);
  }
  if (!meta.icc.empty() && !copyright) {
    auto kept = select_profile_tags(meta.icc);
    other = other || kept.removed;
    if (kept.bytes.empty()) losses.add(loss::icc_dropped);
    meta.icc = std::move(kept.bytes);
  }
  if (select_texts(meta.texts, selection)) other = true;
  if (!meta.chunks.empty()) other = true;
  meta.chunks.clear();
  if (copyright) return;
  if (location) losses.add(loss::location_stripped);
  if (other) losses.add(loss::metadata_reduced);
}

bool is_turned(const output_picture& picture) {
  return picture.upright && picture.stored_orientation >= 5;
}

void adapt_exif(metadata& meta, const output_picture& picture, std::uint64_t bytes_max,
                domain::loss_set& losses) {
  if (!meta.exif.empty()) {
    meta.exif = change_exif(
        meta.exif, {.orientation = picture.upright ? std::uint8_t{1} : picture.stored_orientation,
                    .width = picture.width,
                    .height = picture.height,
                    .srgb = meta.became_srgb,
                    .turned = is_turned(picture)});
    if (meta.exif.empty() || meta.exif.size() > bytes_max) {
      meta.exif.clear();
      losses.add(loss::exif_dropped);
    }
  }
  // Without its orientation a picture that stays as it is stored would lie on its side.
  if (meta.exif.empty() && !picture.upright && picture.stored_orientation != 1)
    meta.exif = orientation_exif(picture.stored_orientation);
}

// What readers assume where nothing is said (CIPA DC-008, XResolution).
bool is_default_density(const pixel_density& density) {
  const auto is_72_dpi = [](std::uint32_t per_metre) {
    return per_metre == 2834 || per_metre == 2835;
  };
  return density.metric ? is_72_dpi(density.x) && is_72_dpi(density.y) : density.x == density.y;
}

// From 1 to 65,535 an inch, which is what JPEG can say.
bool is_plausible(const pixel_density& density) {
  constexpr std::uint32_t least = 39, most = 2'580'118; // a metre
  return std::min(density.x, density.y) >= least && std::max(density.x, density.y) <= most;
}

// Equal but for rounding to whole pixels an inch or a centimetre.
bool is_about(std::uint32_t a, std::uint32_t b) {
  return (a > b ? a - b : b - a) <= 100;
}

void adapt_density(metadata& meta, const output_picture& picture, const format_row& format,
                   domain::loss_set& losses) {
  if (meta.density && is_turned(picture)) std::swap(meta.density->x, meta.density->y);
  if (meta.density && meta.density->metric && !is_plausible(*meta.density)) {
    meta.density.reset();
    losses.add(loss::density_dropped);
  }
  const auto said = exif_density(meta.exif);
  if (format.holds.density) {
    if (!meta.density) meta.density = said;
    return;
  }
  const auto density = std::exchange(meta.density, std::nullopt);
  if (!density || is_default_density(*density) || picture.policy == metadata_policy::strip) return;
  if (said && density->metric && is_about(said->x, density->x) && is_about(said->y, density->y))
    return;
  if (density->metric && meta.exif.empty())
    meta.exif = density_exif(*density);
  else
    losses.add(loss::density_dropped);
}

// Whether the format can hold the text as it is.
bool holds_text(const format_row& format, const text_entry& text, std::uint64_t bytes_max) {
  if (format.holds.texts) return text.text.find('\0') == std::string::npos;
  return format.holds.comment && text.keyword == comment_keyword && text.text.size() <= bytes_max;
}

// Moves texts that the format cannot hold to XMP, where it has a property for them.
void move_texts(metadata& meta, const format_row& format, std::uint64_t bytes_max,
                xmp_packet* packet, domain::loss_set& losses) {
  std::erase_if(meta.texts, [&](const text_entry& text) {
    if (holds_text(format, text, bytes_max)) return false;
    if (packet == nullptr || !add_text_to_xmp(text, *packet))
      losses.add(text.keyword == comment_keyword ? loss::comment_dropped : loss::text_dropped);
    return true;
  });
}

void adapt_xmp(metadata& meta, const output_picture& picture, const format_row& format,
               std::uint64_t bytes_max, domain::loss_set& losses) {
  auto packet = meta.xmp.empty() ? std::optional(xmp_packet{}) : parse_xmp(meta.xmp);
  xmp_changes changes{.width = picture.width,
                      .height = picture.height,
                      .srgb = meta.became_srgb,
                      .gain_map_gone = !meta.gain,
                      .video_gone = true,
                      .extension_gone = meta.xmp_extension_lost};
  // An orientation that only XMP has turns no picture, here or in other readers, and stays.
  if (picture.upright && picture.stored_orientation != 1) changes.orientation = 1;
  const bool changed = packet && change_xmp(*packet, changes);
  const auto properties = packet ? packet->properties.size() : 0;
  move_texts(meta, format, bytes_max, packet ? &*packet : nullptr, losses);
  const bool texts_added = packet && packet->properties.size() != properties;
  if (!meta.iptc.empty() && !format.holds.iptc) {
    losses.add(loss::iptc_dropped);
    if (packet) add_iptc_to_xmp(meta.iptc, *packet);
    meta.iptc.clear();
  }
  const auto write = [&] {
    meta.xmp = packet->properties.empty() ? byte_vector{} : write_xmp(*packet);
  };
  if (packet) {
    const bool added = packet->properties.size() != properties;
    if (changed || added) write();
    if (added && meta.xmp.size() > bytes_max) { // what the source's packet said takes precedence
      packet->properties.resize(properties);
      write();
      if (texts_added) losses.add(loss::text_dropped);
    }
  } else if (!picture.same_geometry || meta.became_srgb || promises_parts(meta.xmp)) {
    // It may say what is not true any longer, and cannot be corrected.
    meta.xmp.clear();
    losses.add(loss::xmp_dropped);
  }
  if (meta.xmp.size() <= bytes_max) return;
  meta.xmp.clear();
  losses.add(loss::xmp_dropped);
}

} // namespace

void apply_policy(metadata& meta, metadata_policy policy, domain::loss_set& losses) {
  if (policy == metadata_policy::keep) return;
  drop_gain_map(meta, losses); // the metadata inside of it cannot be selected
  if (policy == metadata_policy::strip) {
    meta.exif.clear();
    meta.xmp.clear();
    meta.iptc.clear();
    meta.texts.clear();
    meta.chunks.clear();
  } else {
    select_all(meta,
               policy == metadata_policy::copyright ? metadata_selection::copyright
                                                    : metadata_selection::without_location,
               losses);
  }
  if (policy == metadata_policy::strip_location) return;
  for (const auto l : {loss::comment_dropped, loss::c2pa_dropped, loss::other_metadata_dropped})
    losses.remove(l);
  if (policy == metadata_policy::copyright) return; // there may have been a copyright in the others
  for (const auto l :
       {loss::exif_dropped, loss::xmp_dropped, loss::iptc_dropped, loss::text_dropped})
    losses.remove(l);
}

void adapt_metadata(metadata& meta, const output_picture& picture, const format_row& format,
                    domain::loss_set& losses) {
  const auto bytes_max =
      std::min<std::uint64_t>(format.metadata_bytes_max, limits::metadata_bytes_max);
  // A map fits the pixels that it was made for.
  if (!format.holds.gain_map || !picture.same_geometry || meta.became_srgb)
    drop_gain_map(meta, losses);
  adapt_exif(meta, picture, bytes_max, losses);
  adapt_xmp(meta, picture, format, bytes_max, losses);
  adapt_density(meta, picture, format, losses);
  if (!meta.chunks.empty() && !format.holds.private_chunks) {
    losses.add(loss::other_metadata_dropped);
    meta.chunks.clear();
  }
}

} // namespace darkroom::codecs
