// XML as a tree, read with expat. Names are resolved to their namespaces, whatever the prefixes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::limits {

// An element or attribute takes about 200 bytes of memory. Large packets of photo editors, which
// list every ancestor of a document, have about 10,000.
inline constexpr std::uint32_t xml_nodes_max = 32'768;
inline constexpr std::uint32_t xml_depth_max = 64; // XMP of cameras and editors: below 20
inline constexpr std::uint32_t xml_spaces_max = 256;

} // namespace darkroom::limits

namespace darkroom::codecs {

struct xml_space {
  std::string uri, prefix; // the first prefix that was bound to it; may be empty
};

struct xml_name {
  std::uint32_t space = 0; // index into `xml_tree::spaces`; 0 is no namespace
  std::string local;
};

struct xml_attribute {
  xml_name name;
  std::string value;
};

struct xml_element {
  xml_name name;
  std::vector<xml_attribute> attributes;
  std::vector<xml_element> children;
  std::string text; // of this element itself
};

struct xml_tree {
  std::vector<xml_space> spaces{{}};
  xml_element root;
};

// UTF-8, UTF-16 and UTF-32, with or without a byte order mark; zeros and blanks at the end are
// ignored. Nothing for malformed text, for one with a document type (entities), and for one beyond
// the limits above.
std::optional<xml_tree> parse_xml(std::span<const std::uint8_t> bytes);

// The index of a namespace, which is added under this prefix where it is new.
std::uint32_t intern_space(std::vector<xml_space>& spaces, std::string_view uri,
                           std::string_view prefix);

// For text and for attributes in double quotes.
std::string xml_escaped(std::string_view text);

} // namespace darkroom::codecs
