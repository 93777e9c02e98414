#include "codecs/metadata/texts.hpp"

#include "codecs/metadata/text_encoding.hpp"
#include "codecs/metadata/xmp.hpp"

#include <algorithm>
#include <optional>

namespace darkroom::codecs {

namespace {

struct keyword_row {
  std::string_view keyword; // PNG, third edition, section 11.3.3
  std::string_view uri = {}, property = {};
  xmp_node::form kind = xmp_node::form::text;
  bool copyright = false;
};

constexpr keyword_row keyword_rows[] = {
    {"Title", xmp_uri::dc, "title", xmp_node::form::alt, false},
    {"Author", xmp_uri::dc, "creator", xmp_node::form::seq, true},
    {"Description", xmp_uri::dc, "description", xmp_node::form::alt, false},
    {"Copyright", xmp_uri::dc, "rights", xmp_node::form::alt, true},
    {"Creation Time", xmp_uri::photoshop, "DateCreated"},
    {"Software", xmp_uri::xmp, "CreatorTool"},
    {"Disclaimer"},
    {"Warning"},
    {"Source"},
    {comment_keyword},
};

const keyword_row* row_of(std::string_view keyword) {
  const auto* row = std::ranges::find(keyword_rows, keyword, &keyword_row::keyword);
  return row == std::end(keyword_rows) ? nullptr : row;
}

// "2026-11-28…" or "2026:11:28 10:15:00…" as a date of XMP (ISO 8601); nothing for others.
std::optional<std::string> iso_date(std::string text) {
  constexpr std::string_view shape = "dddd-dd-dd";
  if (text.size() < shape.size()) return std::nullopt;
  for (const std::size_t at : {4u, 7u})
    if (text[at] == ':') text[at] = '-';
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != '-') return std::nullopt;
  if (text.size() > shape.size() && text[shape.size()] == ' ') text[shape.size()] = 'T';
  return text;
}

} // namespace

bool select_texts(std::vector<text_entry>& texts, metadata_selection selection) {
  const auto removed = std::erase_if(texts, [&](const text_entry& text) {
    const auto* row = row_of(text.keyword);
    return row == nullptr || (selection == metadata_selection::copyright && !row->copyright);
  });
  for (auto& text : texts) {
    text.translated_keyword.clear();
    if (!is_language_tag(text.language)) text.language.clear();
  }
  return removed != 0;
}

bool add_text_to_xmp(const text_entry& text, xmp_packet& packet) {
  const auto* row = row_of(text.keyword);
  if (row == nullptr || row->property.empty()) return false;
  const auto value = utf8_for_xml(text.text);
  if (row->property == "DateCreated") {
    const auto date = iso_date(value);
    return date && add_text(packet, row->uri, row->property, *date);
  }
  if (row->kind == xmp_node::form::alt)
    return add_language_alternative(packet, row->uri, row->property, value);
  if (row->kind == xmp_node::form::text) return add_text(packet, row->uri, row->property, value);
  return add_list(packet, row->uri, row->property, row->kind, {value});
}

} // namespace darkroom::codecs
