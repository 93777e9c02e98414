#include "codecs/metadata/xml_tree.hpp"

#include <expat.h>

#include <algorithm>
#include <exception>
#include <memory>

namespace darkroom::codecs {

namespace {

// Between URI, local name and prefix, as expat gives them: no URI and no name may contain it.
constexpr char triplet_separator = '\n';
// Any but 0, for which expat would ask the system for a random number, which hosts may not. The
// nodes are limited, so that names chosen to collide cost little.
constexpr unsigned long hash_salt = 0x9e3779b9;

struct free_parser {
  void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

class tree_builder {
public:
  explicit tree_builder(XML_Parser parser) : parser_(parser) {
    XML_SetUserData(parser_, this);
    XML_SetReturnNSTriplet(parser_, XML_TRUE);
    XML_SetHashSalt(parser_, hash_salt);
    XML_SetElementHandler(parser_, on_start, on_end);
    XML_SetCharacterDataHandler(parser_, on_text);
    XML_SetStartDoctypeDeclHandler(parser_, on_doctype);
  }

  std::optional<xml_tree> parse(std::span<const std::uint8_t> bytes) {
    const auto status = XML_Parse(parser_, reinterpret_cast<const char*>(bytes.data()),
                                  static_cast<int>(bytes.size()), XML_TRUE);
    if (status != XML_STATUS_OK || refused_) return std::nullopt;
    return std::move(tree_);
  }

private:
  // C code lies between these and our caller, which no exception may cross.
  template<class Step>
  static void guarded(void* self, Step step) noexcept {
    auto& builder = *static_cast<tree_builder*>(self);
    if (builder.refused_) return;
    try {
      step(builder);
    } catch (const std::exception&) {
      builder.refuse();
    }
  }
  static void on_start(void* self, const char* name, const char** attributes) {
    guarded(self, [&](tree_builder& b) { b.start(name, attributes); });
  }
  static void on_end(void* self, const char*) {
    guarded(self, [](tree_builder& b) { b.open_.pop_back(); });
  }
  static void on_text(void* self, const char* text, int size) {
    guarded(self, [&](tree_builder& b) {
      b.open_.back()->text.append(text, static_cast<std::size_t>(size));
    });
  }
  static void on_doctype(void* self, const char*, const char*, const char*, int) {
    guarded(self, [](tree_builder& b) { b.refuse(); });
  }

  void refuse() {
    refused_ = true;
    XML_StopParser(parser_, XML_FALSE);
  }

  void start(const char* name, const char** attributes) {
    if (open_.size() >= limits::xml_depth_max) return refuse();
    // The parent's vector may grow only while none of its elements is open: this one is the first
    // to open after the last was closed.
    xml_element* made = &tree_.root;
    if (!open_.empty()) made = &open_.back()->children.emplace_back();
    made->name = name_of(name);
    open_.push_back(made);
    for (++nodes_; *attributes != nullptr; attributes += 2, ++nodes_) {
      made->attributes.push_back({name_of(attributes[0]), attributes[1]});
      if (is_too_large()) return refuse();
    }
    if (is_too_large()) refuse();
  }

  bool is_too_large() const {
    return nodes_ > limits::xml_nodes_max || tree_.spaces.size() > limits::xml_spaces_max;
  }

  // "uri\nlocal\nprefix", without the prefix where it is the default one, or just "local".
  xml_name name_of(std::string_view triplet) {
    const auto first = triplet.find(triplet_separator);
    if (first == std::string_view::npos) return {0, std::string{triplet}};
    const auto second = triplet.find(triplet_separator, first + 1);
    const auto local =
        triplet.substr(first + 1, second == std::string_view::npos ? second : second - first - 1);
    const auto prefix =
        second == std::string_view::npos ? std::string_view{} : triplet.substr(second + 1);
    return {intern_space(tree_.spaces, triplet.substr(0, first), prefix), std::string{local}};
  }

  XML_Parser parser_;
  xml_tree tree_;
  std::vector<xml_element*> open_;
  std::uint32_t nodes_ = 0;
  bool refused_ = false;
};

void append_utf8(std::string& to, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put(0xe0 | c >> 12);
    } else {
      put(0xf0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3f));
    }
    put(0x80 | (c >> 6 & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

// expat knows UTF-8 and UTF-16. Nothing where the bytes are not UTF-32.
std::optional<std::string> from_utf32(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < 8 || bytes.size() % 4 != 0) return std::nullopt;
  const bool big = bytes[0] == 0 && bytes[1] == 0;
  const bool little = bytes[2] == 0 && bytes[3] == 0;
  if (big == little) return std::nullopt;
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 4) {
    const auto byte = [&](std::size_t i) { return std::uint32_t{bytes[at + (big ? i : 3 - i)]}; };
    const std::uint32_t c = byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return std::nullopt;
    append_utf8(text, c);
  }
  return text;
}

// Padding behind the text, in units of its encoding.
std::span<const std::uint8_t> without_padding(std::span<const std::uint8_t> bytes) {
  const auto blank = [](std::uint8_t b) { return b == 0 || b == ' ' || b == '\n' || b == '\r'; };
  auto size = bytes.size();
  while (size > 0 && blank(bytes[size - 1]))
    --size;
  // The zero that ends a little-endian '>' is part of it.
  if (bytes.size() >= 4 && bytes[1] == 0 && bytes[3] == 0 && size % 2 != 0) ++size;
  if (bytes.size() >= 4 && bytes[0] == 0xff && bytes[1] == 0xfe && size % 2 != 0) ++size;
  return bytes.first(std::min(size, bytes.size()));
}

} // namespace

std::optional<xml_tree> parse_xml(std::span<const std::uint8_t> bytes) {
  if (const auto text = from_utf32(bytes))
    return parse_xml({reinterpret_cast<const std::uint8_t*>(text->data()), text->size()});
  const auto text = without_padding(bytes);
  if (text.empty() || text.size() > INT32_MAX) return std::nullopt;
  const std::unique_ptr<XML_ParserStruct, free_parser> parser(
      XML_ParserCreateNS(nullptr, triplet_separator));
  if (!parser) return std::nullopt;
  return tree_builder(parser.get()).parse(text);
}

std::uint32_t intern_space(std::vector<xml_space>& spaces, std::string_view uri,
                           std::string_view prefix) {
  const auto known = std::ranges::find(spaces, uri, &xml_space::uri);
  if (known != spaces.end()) return static_cast<std::uint32_t>(known - spaces.begin());
  spaces.push_back({std::string{uri}, std::string{prefix}});
  return static_cast<std::uint32_t>(spaces.size() - 1);
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text)
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\n': // in an attribute it would become a blank
      out += "&#10;";
      break;
    case '\r':
      out += "&#13;";
      break;
    case '\t':
      out += "&#9;";
      break;
    default:
      out += c;
    }
  return out;
}

} // namespace darkroom::codecs
