#include "codecs/metadata/xmp_packet.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>

namespace darkroom::codecs {

namespace {

constexpr std::string_view rdf_uri = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
constexpr std::string_view xml_uri = "http://www.w3.org/XML/1998/namespace";
constexpr std::string_view meta_uri = "adobe:ns:meta/";
using form = xmp_node::form;

// Reads the tree's elements into a packet, whose texts are moved out of it.
class rdf_reader {
public:
  explicit rdf_reader(xml_tree&& tree) : tree_(std::move(tree)) {
    packet_.spaces = tree_.spaces;
    const auto index_of = [&](std::string_view uri) {
      return intern_space(packet_.spaces, uri, {});
    };
    rdf_ = index_of(rdf_uri);
    xml_ = index_of(xml_uri);
    meta_ = index_of(meta_uri);
  }

  std::optional<xmp_packet> read() {
    if (tree_.root.name.space == meta_)
      for (auto& a : tree_.root.attributes)
        if (a.name.local == "xmptk") packet_.toolkit = std::move(a.value);
    xml_element* rdf = find_rdf();
    if (rdf == nullptr) return std::nullopt;
    for (auto& node : rdf->children)
      if (!read_description(node)) return std::nullopt;
    return std::move(packet_);
  }

private:
  bool is(const xml_name& name, std::uint32_t space, std::string_view local) const {
    return name.space == space && name.local == local;
  }

  xml_element* find_rdf() {
    if (is(tree_.root.name, rdf_, "RDF")) return &tree_.root;
    for (auto& child : tree_.root.children)
      if (is(child.name, rdf_, "RDF")) return &child;
    return nullptr;
  }

  bool read_description(xml_element& node) {
    if (!is(node.name, rdf_, "Description")) return false;
    for (auto& a : node.attributes) {
      if (is(a.name, rdf_, "about") || is(a.name, 0, "about")) {
        if (packet_.about.empty()) packet_.about = std::move(a.value);
      } else if (is_property(a.name)) {
        packet_.properties.push_back(text_node(a));
      }
    }
    for (auto& child : node.children)
      if (!read_property(child, packet_.properties.emplace_back())) return false;
    return true;
  }

  // Attributes of RDF and XML themselves name no property; one without a namespace is none either.
  bool is_property(const xml_name& name) const {
    return name.space != rdf_ && name.space != xml_ && name.space != 0;
  }

  static xmp_node text_node(xml_attribute& a) {
    xmp_node node;
    node.space = a.name.space;
    node.name = std::move(a.name.local);
    node.text = std::move(a.value);
    return node;
  }

  static std::optional<form> array_form(std::string_view name) {
    if (name == "Bag") return form::bag;
    if (name == "Seq") return form::seq;
    if (name == "Alt") return form::alt;
    return std::nullopt;
  }

  bool read_property(xml_element& e, xmp_node& out) {
    // No name of RDF (section 2.14), and one that could not be written again.
    if (e.name.space == 0 || e.name.space == xml_) return false;
    out.space = e.name.space;
    out.name = std::move(e.name.local);
    bool is_resource = false, has_fields = false;
    for (auto& a : e.attributes) {
      if (is(a.name, xml_, "lang")) {
        out.language = a.value;
      } else if (is(a.name, rdf_, "resource")) {
        out.kind = form::uri;
        out.text = a.value;
      } else if (is(a.name, rdf_, "parseType")) {
        if (a.value != "Resource") return false;
        is_resource = true;
      } else {
        has_fields = has_fields || is_property(a.name) || is(a.name, rdf_, "value");
      }
    }
    if (is_resource) return read_fields(e, out);
    if (e.children.empty()) {
      if (has_fields) return read_fields(e, out);
      if (out.kind != form::uri) out.text = std::move(e.text);
      return true;
    }
    if (e.children.size() != 1) return false;
    auto& value = e.children.front();
    if (is(value.name, rdf_, "Description")) return read_fields(value, out);
    const auto kind = value.name.space == rdf_ ? array_form(value.name.local) : std::nullopt;
    if (!kind) return false;
    out.kind = *kind;
    out.children.reserve(value.children.size());
    for (auto& item : value.children) {
      if (!is(item.name, rdf_, "li")) return false;
      auto& made = out.children.emplace_back();
      if (!read_property(item, made)) return false;
      made.space = 0;
      made.name.clear();
    }
    return true;
  }

  // The attributes and children of `e` are fields of a structure; or, beside an rdf:value, they
  // are qualifiers of that.
  bool read_fields(xml_element& e, xmp_node& out) {
    std::vector<xmp_node> fields;
    std::optional<xmp_node> value;
    for (auto& a : e.attributes) {
      if (is(a.name, rdf_, "value"))
        value = text_node(a);
      else if (is(a.name, rdf_, "resource") && out.kind == form::uri)
        value = xmp_node{.kind = form::uri, .text = std::move(a.value)};
      else if (is_property(a.name))
        fields.push_back(text_node(a));
    }
    for (auto& child : e.children) {
      const bool is_value = is(child.name, rdf_, "value");
      xmp_node field;
      if (!read_property(child, field)) return false;
      if (is_value)
        value = std::move(field);
      else
        fields.push_back(std::move(field));
    }
    if (!value) {
      out.kind = form::structure;
      out.text.clear();
      out.children = std::move(fields);
      return true;
    }
    out.kind = value->kind;
    out.text = std::move(value->text);
    out.children = std::move(value->children);
    if (!value->language.empty()) out.language = std::move(value->language);
    out.qualifiers = std::move(value->qualifiers);
    std::ranges::move(fields, std::back_inserter(out.qualifiers));
    return true;
  }

  xml_tree tree_;
  xmp_packet packet_;
  std::uint32_t rdf_ = 0, xml_ = 0, meta_ = 0;
};

bool is_plain_prefix(std::string_view prefix) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !prefix.empty() && letter(prefix.front()) && prefix.find("xml") != 0 &&
         std::ranges::all_of(prefix, [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

class rdf_writer {
public:
  explicit rdf_writer(const xmp_packet& packet) : packet_(packet), used_(packet.spaces.size()) {
    for (const auto& p : packet.properties) {
      mark_used(p);
      ++names_[{p.space, p.name}];
    }
    choose_prefixes();
  }

  byte_vector write() {
    put("<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"");
    if (!packet_.toolkit.empty()) put(" x:xmptk=\"" + xml_escaped(packet_.toolkit) + '"');
    put(">\n<rdf:RDF xmlns:rdf=\"");
    put(rdf_uri);
    put("\">\n<rdf:Description rdf:about=\"" + xml_escaped(packet_.about) + '"');
    for (std::size_t i = 0; i < used_.size(); ++i)
      if (used_[i])
        put("\n xmlns:" + prefixes_[i] + "=\"" + xml_escaped(packet_.spaces[i].uri) + '"');
    for (const auto& p : packet_.properties)
      if (is_attribute(p)) put("\n " + tag_of(p) + "=\"" + xml_escaped(p.text) + '"');
    put(">\n");
    for (const auto& p : packet_.properties)
      if (!is_attribute(p)) write_node(p, tag_of(p));
    put("</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"w\"?>");
    return std::move(out_);
  }

private:
  void put(std::string_view text) { out_.insert(out_.end(), text.begin(), text.end()); }

  void mark_used(const xmp_node& node) {
    if (!node.name.empty()) used_[node.space] = true;
    for (const auto& child : node.children)
      mark_used(child);
    for (const auto& qualifier : node.qualifiers)
      mark_used(qualifier);
  }

  // The shorter form; a name stands in it once at most.
  bool is_attribute(const xmp_node& p) const {
    return p.kind == form::text && p.language.empty() && p.qualifiers.empty() &&
           names_.find({p.space, p.name})->second == 1 && packet_.uri_of(p) != rdf_uri;
  }

  void choose_prefixes() {
    std::set<std::string, std::less<>> taken{"rdf", "x"};
    for (std::size_t i = 0; i < used_.size(); ++i) {
      std::string prefix = packet_.spaces[i].prefix;
      if (!is_plain_prefix(prefix) || taken.contains(prefix)) prefix = "ns" + std::to_string(i);
      taken.insert(prefix);
      prefixes_.push_back(std::move(prefix));
    }
  }

  std::string tag_of(const xmp_node& node) const { return prefixes_[node.space] + ':' + node.name; }

  void write_node(const xmp_node& node, const std::string& tag) {
    put("<" + tag);
    if (!node.language.empty()) put(" xml:lang=\"" + xml_escaped(node.language) + '"');
    if (node.qualifiers.empty()) return write_value(node, tag);
    put(" rdf:parseType=\"Resource\">\n<rdf:value");
    write_value(node, "rdf:value");
    for (const auto& qualifier : node.qualifiers)
      write_node(qualifier, tag_of(qualifier));
    put("</" + tag + ">\n");
  }

  // The rest of an element whose begin and language are written.
  void write_value(const xmp_node& node, const std::string& tag) {
    if (node.kind == form::uri) {
      put(" rdf:resource=\"" + xml_escaped(node.text) + "\">");
    } else if (node.kind == form::structure) {
      put(" rdf:parseType=\"Resource\">");
      for (const auto& field : node.children)
        write_node(field, tag_of(field));
    } else if (node.kind == form::text) {
      put(">" + xml_escaped(node.text));
    } else {
      write_array(node);
    }
    put("</" + tag + ">\n");
  }

  void write_array(const xmp_node& node) {
    constexpr std::array<std::string_view, 3> names{"rdf:Bag", "rdf:Seq", "rdf:Alt"};
    const std::string tag{
        names[static_cast<std::size_t>(node.kind) - static_cast<std::size_t>(form::bag)]};
    put(">\n<" + tag + ">\n");
    for (const auto& item : node.children)
      write_node(item, "rdf:li");
    put("</" + tag + ">\n");
  }

  const xmp_packet& packet_;
  std::vector<bool> used_;                                          // by space
  std::map<std::pair<std::uint32_t, std::string_view>, int> names_; // of the properties
  std::vector<std::string> prefixes_;
  byte_vector out_;
};

} // namespace

xmp_node* xmp_packet::find(std::string_view uri, std::string_view name) {
  const auto at =
      std::ranges::find_if(properties, [&](const xmp_node& p) { return is(p, uri, name); });
  return at == properties.end() ? nullptr : &*at;
}

std::optional<xmp_packet> parse_xmp(std::span<const std::uint8_t> bytes) {
  auto tree = parse_xml(bytes);
  if (!tree) return std::nullopt;
  return rdf_reader(std::move(*tree)).read();
}

byte_vector write_xmp(const xmp_packet& packet) {
  return rdf_writer(packet).write();
}

} // namespace darkroom::codecs
