// An XMP packet as properties (ISO 16684-1, its data model and its form in RDF/XML), apart from how
// they are written: as attributes or elements, under whatever prefixes.
#pragma once

#include "codecs/image.hpp"
#include "codecs/metadata/xml_tree.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::codecs {

struct xmp_node {
  enum class form : std::uint8_t { text, uri, structure, bag, seq, alt };
  form kind = form::text;
  std::uint32_t space = 0;          // index into `xmp_packet::spaces`; of a property or field
  std::string name;                 // local; empty for items
  std::string text;                 // of a text or URI
  std::string language;             // xml:lang; may be empty
  std::vector<xmp_node> children;   // fields of a structure, items of an array
  std::vector<xmp_node> qualifiers; // others than the language
};

struct xmp_packet {
  std::vector<xml_space> spaces{{}};
  std::string about;   // rdf:about; mostly empty
  std::string toolkit; // x:xmptk: what wrote it
  std::vector<xmp_node> properties;

  std::string_view uri_of(const xmp_node& node) const { return spaces[node.space].uri; }
  bool is(const xmp_node& node, std::string_view uri, std::string_view name) const {
    return node.name == name && uri_of(node) == uri;
  }
  // The property of this name; null if there is none.
  xmp_node* find(std::string_view uri, std::string_view name);
};

// Nothing where the bytes are not XML, not RDF as XMP uses it, or beyond the limits of
// `xml_tree.hpp`.
std::optional<xmp_packet> parse_xmp(std::span<const std::uint8_t> bytes);

// UTF-8; a plain text is an attribute, every other property an element.
byte_vector write_xmp(const xmp_packet& packet);

} // namespace darkroom::codecs
