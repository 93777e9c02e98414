#include "codecs/metadata/xmp.hpp"

#include "codecs/metadata/text_encoding.hpp"
#include "codecs/metadata/xmp_properties.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace darkroom::codecs {

namespace {

using form = xmp_node::form;

constexpr std::string_view hdr_gain_map_uri = "http://ns.adobe.com/hdr-gain-map/1.0/";
constexpr std::string_view container_uri = "http://ns.google.com/photos/1.0/container/";
constexpr std::string_view container_item_uri = "http://ns.google.com/photos/1.0/container/item/";
constexpr std::string_view camera_uri = "http://ns.google.com/photos/1.0/camera/";
constexpr std::string_view note_uri = "http://ns.adobe.com/xmp/note/";
constexpr std::string_view extension_uris[] = {
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.google.com/photos/1.0/audio/",
};

bool set_text(xmp_packet& packet, std::string_view uri, std::string_view name,
              const std::string& value) {
  bool changed = false;
  for (auto& p : packet.properties) {
    if (!packet.is(p, uri, name) || (p.kind == form::text && p.text == value)) continue;
    p.kind = form::text;
    p.text = value;
    p.children.clear();
    changed = true;
  }
  return changed;
}

template<class Predicate>
bool remove_properties(xmp_packet& packet, Predicate is_gone) {
  return std::erase_if(packet.properties, is_gone) != 0;
}

std::string_view semantic_of(const xmp_packet& packet, const xmp_node& item) {
  // An item is a structure that holds one member, which is a structure of what it says.
  for (const auto& member : item.children) {
    if (packet.is(member, container_item_uri, "Semantic")) return member.text;
    for (const auto& field : member.children)
      if (packet.is(field, container_item_uri, "Semantic")) return field.text;
  }
  return {};
}

// Google's list of what stands in the file, one picture behind another.
bool shorten_directory(xmp_packet& packet, const xmp_changes& changes) {
  xmp_node* directory = packet.find(container_uri, "Directory");
  if (directory == nullptr) return false;
  const auto is_gone = [&](const xmp_node& item) {
    const auto semantic = semantic_of(packet, item);
    if (semantic == "Primary") return false;
    if (semantic == "GainMap") return changes.gain_map_gone;
    return changes.video_gone || semantic != "MotionPhoto";
  };
  const bool changed = std::erase_if(directory->children, is_gone) != 0;
  const bool alone = directory->children.size() <= 1;
  if (alone)
    remove_properties(packet, [&](const xmp_node& p) { return packet.uri_of(p) == container_uri; });
  return changed || alone;
}

bool has_word(std::string_view words, std::string_view wanted) {
  for (std::size_t at = 0; at < words.size();) {
    const auto end = std::min(words.find(' ', at), words.size());
    if (words.substr(at, end - at) == wanted) return true;
    at = end + 1;
  }
  return false;
}

bool is_kept(std::string_view uri, std::string_view name, metadata_selection selection) {
  return std::ranges::any_of(xmp_property_table(), [&](const known_properties& known) {
    return known.uri == uri &&
           has_word(selection == metadata_selection::copyright ? known.copyright : known.harmless,
                    name);
  });
}

void note_removal(const xmp_node& node, xmp_removals& removed) {
  if (names_location(node.name)) {
    removed.location = true;
    return;
  }
  for (const auto& child : node.children)
    note_removal(child, removed);
  removed.other = true;
}

std::string_view usual_prefix(std::string_view uri) {
  for (const auto& known : xmp_property_table())
    if (known.uri == uri) return known.prefix;
  return {};
}

// Returns whether anything of the node is left.
bool select_node(const xmp_packet& packet, xmp_node& node, metadata_selection selection,
                 xmp_removals& removed) {
  if (!node.name.empty() && !is_kept(packet.uri_of(node), node.name, selection)) {
    note_removal(node, removed);
    return false;
  }
  if (!node.qualifiers.empty()) removed.other = true;
  node.qualifiers.clear();
  if (!is_language_tag(node.language)) node.language.clear();
  const bool had_children = !node.children.empty();
  std::erase_if(node.children,
                [&](xmp_node& child) { return !select_node(packet, child, selection, removed); });
  return !had_children || !node.children.empty();
}

xmp_node& add_property(xmp_packet& packet, std::string_view uri, std::string_view name, form kind) {
  auto& made = packet.properties.emplace_back();
  made.kind = kind;
  made.space = intern_space(packet.spaces, uri, usual_prefix(uri));
  made.name = name;
  return made;
}

} // namespace

bool names_location(std::string_view local_name) {
  constexpr std::string_view parts[] = {
      "GPS",       "Gps",           "Latitude",    "Longitude",      "Location",
      "City",      "Country",       "Province",    "Landmark",       "coverage",
      "CiAdr",     "StreetAddress", "WorldRegion", "LicensorRegion", "ExtendedAddress",
      "PostalCode"};
  constexpr std::string_view whole[] = {"lat", "long", "lat_long", "lon", "State"};
  if (std::ranges::find(whole, local_name) != std::end(whole)) return true;
  // These hold such a word and mean something else.
  if (local_name.find("ISOSpeedLatitude") != std::string_view::npos) return false;
  return std::ranges::any_of(parts, [&](std::string_view part) {
    return local_name.find(part) != std::string_view::npos;
  });
}

bool change_xmp(xmp_packet& packet, const xmp_changes& changes) {
  bool changed = false;
  const auto set = [&](std::string_view uri, std::string_view name, std::uint32_t value) {
    changed |= set_text(packet, uri, name, std::to_string(value));
  };
  if (changes.orientation) set(xmp_uri::tiff, "Orientation", *changes.orientation);
  if (changes.width != 0) {
    set(xmp_uri::tiff, "ImageWidth", changes.width);
    set(xmp_uri::exif, "PixelXDimension", changes.width);
  }
  if (changes.height != 0) {
    set(xmp_uri::tiff, "ImageLength", changes.height);
    set(xmp_uri::exif, "PixelYDimension", changes.height);
  }
  if (changes.srgb) set(xmp_uri::exif, "ColorSpace", 1);
  changed |= shorten_directory(packet, changes);
  if (changes.gain_map_gone)
    changed |= remove_properties(
        packet, [&](const xmp_node& p) { return packet.uri_of(p) == hdr_gain_map_uri; });
  if (changes.video_gone)
    changed |= remove_properties(packet, [&](const xmp_node& p) {
      return packet.uri_of(p) == camera_uri &&
             (p.name.starts_with("MotionPhoto") || p.name.starts_with("MicroVideo"));
    });
  if (changes.extension_gone)
    changed |= remove_properties(packet, [&](const xmp_node& p) {
      return packet.is(p, note_uri, "HasExtendedXMP") ||
             std::ranges::find(extension_uris, packet.uri_of(p)) != std::end(extension_uris);
    });
  return changed;
}

xmp_removals select_xmp(xmp_packet& packet, metadata_selection selection) {
  xmp_removals removed;
  std::erase_if(packet.properties,
                [&](xmp_node& p) { return !select_node(packet, p, selection, removed); });
  // These could be anything, and say nothing that other programs read.
  packet.about.clear();
  packet.toolkit.clear();
  for (auto& space : packet.spaces)
    space.prefix = usual_prefix(space.uri);
  return removed;
}

bool promises_parts(std::span<const std::uint8_t> bytes) {
  const auto text = as_text(bytes);
  return std::ranges::any_of(
      std::array{hdr_gain_map_uri, container_uri, camera_uri, note_uri},
      [&](std::string_view uri) { return text.find(uri) != std::string_view::npos; });
}

bool promises_video(const xmp_packet& packet) {
  return std::ranges::any_of(packet.properties, [&](const xmp_node& p) {
    return packet.uri_of(p) == camera_uri && (p.name == "MotionPhoto" || p.name == "MicroVideo") &&
           p.text == "1";
  });
}

bool add_text(xmp_packet& packet, std::string_view uri, std::string_view name,
              std::string_view text) {
  if (const auto* there = packet.find(uri, name)) return there->text == text;
  add_property(packet, uri, name, form::text).text = text;
  return true;
}

bool add_language_alternative(xmp_packet& packet, std::string_view uri, std::string_view name,
                              std::string_view text) {
  if (const auto* there = packet.find(uri, name))
    return there->text == text || std::ranges::any_of(there->children, [&](const xmp_node& item) {
             return item.text == text;
           });
  auto& made = add_property(packet, uri, name, form::alt);
  auto& item = made.children.emplace_back();
  item.language = "x-default";
  item.text = text;
  return true;
}

bool add_list(xmp_packet& packet, std::string_view uri, std::string_view name, form list,
              const std::vector<std::string>& items) {
  if (const auto* there = packet.find(uri, name)) {
    std::set<std::string_view> texts{there->text};
    for (const auto& item : there->children)
      texts.insert(item.text);
    return std::ranges::all_of(items, [&](const auto& wanted) { return texts.contains(wanted); });
  }
  auto& made = add_property(packet, uri, name, list);
  for (const auto& item : items)
    made.children.emplace_back().text = item;
  return true;
}

} // namespace darkroom::codecs
