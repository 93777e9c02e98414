#include "codecs/metadata/iptc.hpp"

#include "base/byte_order.hpp"
#include "codecs/metadata/text_encoding.hpp"
#include "codecs/metadata/xmp.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace darkroom::codecs {

namespace {

enum resource_id : std::uint16_t {
  resource_iim = 0x0404,
  resource_copyright_flag = 0x040a,
  resource_address = 0x040b,
};
constexpr std::string_view resource_signature = "8BIM";
constexpr std::uint8_t iim_marker = 0x1c;
constexpr std::uint8_t envelope_record = 1, application_record = 2;
constexpr std::uint8_t character_set = 90;    // of the envelope
constexpr std::size_t list_items_max = 1'000; // that become items of a property, such as keywords

// What is done with a dataset of record 2.
enum class meaning : std::uint8_t {
  none,
  harmless,
  copyright,
  contact, // often an address: kept with the copyright, removed with the location
  location,
};

struct dataset_row {
  std::uint8_t number;
  meaning is;
  xmp_node::form kind = xmp_node::form::text; // a bag or sequence takes every such dataset
  // The property of XMP with the same meaning, if there is one.
  std::string_view uri = {};
  std::string_view property = {};
};

constexpr auto single = xmp_node::form::text, bag = xmp_node::form::bag, seq = xmp_node::form::seq,
               alt = xmp_node::form::alt;

constexpr dataset_row iptc_rows[] = {
    {0, meaning::harmless},
    {3, meaning::harmless},
    {4, meaning::harmless},
    {5, meaning::harmless, alt, xmp_uri::dc, "title"},
    {7, meaning::harmless},
    {8, meaning::harmless},
    {10, meaning::harmless, single, xmp_uri::photoshop, "Urgency"},
    {12, meaning::harmless},
    {15, meaning::harmless, single, xmp_uri::photoshop, "Category"},
    {20, meaning::harmless, bag, xmp_uri::photoshop, "SupplementalCategories"},
    {22, meaning::harmless},
    {25, meaning::harmless, bag, xmp_uri::dc, "subject"},
    {26, meaning::location},
    {27, meaning::location},
    {30, meaning::harmless},
    {35, meaning::harmless},
    {37, meaning::harmless},
    {38, meaning::harmless},
    {40, meaning::harmless, single, xmp_uri::photoshop, "Instructions"},
    {42, meaning::harmless},
    {47, meaning::harmless},
    {55, meaning::harmless},
    {60, meaning::harmless},
    {62, meaning::harmless},
    {63, meaning::harmless},
    {65, meaning::harmless},
    {70, meaning::harmless},
    {75, meaning::harmless},
    {80, meaning::copyright, seq, xmp_uri::dc, "creator"},
    {85, meaning::copyright, single, xmp_uri::photoshop, "AuthorsPosition"},
    {90, meaning::location, single, xmp_uri::photoshop, "City"},
    {92, meaning::location, single, xmp_uri::iptc_core, "Location"},
    {95, meaning::location, single, xmp_uri::photoshop, "State"},
    {100, meaning::location, single, xmp_uri::iptc_core, "CountryCode"},
    {101, meaning::location, single, xmp_uri::photoshop, "Country"},
    {103, meaning::harmless, single, xmp_uri::photoshop, "TransmissionReference"},
    {105, meaning::harmless, single, xmp_uri::photoshop, "Headline"},
    {110, meaning::copyright, single, xmp_uri::photoshop, "Credit"},
    {115, meaning::copyright, single, xmp_uri::photoshop, "Source"},
    {116, meaning::copyright, alt, xmp_uri::dc, "rights"},
    {118, meaning::contact},
    {120, meaning::harmless, alt, xmp_uri::dc, "description"},
    {121, meaning::harmless},
    {122, meaning::harmless, single, xmp_uri::photoshop, "CaptionWriter"},
    {130, meaning::harmless},
    {131, meaning::harmless},
    {135, meaning::harmless},
};

const dataset_row* row_of(std::uint8_t number) {
  const auto* row = std::ranges::find(iptc_rows, number, &dataset_row::number);
  return row == std::end(iptc_rows) ? nullptr : row;
}

struct dataset {
  std::uint8_t record = 0, number = 0;
  std::span<const std::uint8_t> whole, value;
};

// Walks the datasets of an IIM record, up to the first that does not fit.
template<class Visit>
void each_dataset(std::span<const std::uint8_t> iim, Visit visit) {
  constexpr std::size_t head_bytes = 5;
  while (iim.size() >= head_bytes && iim[0] == iim_marker) {
    std::uint64_t size = base::read_u16_be(&iim[3]);
    std::size_t head = head_bytes;
    if ((size & 0x8000) != 0) { // extended: the size stands in the next bytes
      const std::size_t bytes = size & 0x7fff;
      if (bytes == 0 || bytes > 4 || iim.size() < head + bytes) return;
      size = 0;
      for (std::size_t i = 0; i < bytes; ++i)
        size = size << 8 | iim[head + i];
      head += bytes;
    }
    if (size > iim.size() - head) return;
    const auto whole = static_cast<std::size_t>(head + size);
    visit(dataset{iim[1], iim[2], iim.first(whole), iim.subspan(head, whole - head)});
    iim = iim.subspan(whole);
  }
}

// Walks the image resources: signature, id, a name padded to an even size, size, data padded too.
template<class Visit>
void each_resource(std::span<const std::uint8_t> bytes, Visit visit) {
  while (bytes.size() >= 12) {
    const bool known = as_text(bytes.first(4)) == resource_signature;
    const auto id = base::read_u16_be(&bytes[4]);
    const std::size_t name = (std::size_t{bytes[6]} + 2) / 2 * 2;
    if (bytes.size() < 6 + name + 4) return;
    const std::uint64_t size = base::read_u32_be(&bytes[6 + name]);
    const std::size_t head = 6 + name + 4;
    if (size > bytes.size() - head) return;
    const auto data = bytes.subspan(head, static_cast<std::size_t>(size));
    if (known) visit(id, data);
    bytes = bytes.subspan(std::min(bytes.size(), head + data.size() + data.size() % 2));
  }
}

void put_resource(byte_vector& to, std::uint16_t id, std::span<const std::uint8_t> data) {
  const std::size_t at = to.size();
  to.resize(at + 12);
  std::ranges::copy(resource_signature, to.begin() + static_cast<std::ptrdiff_t>(at));
  to[at + 4] = static_cast<std::uint8_t>(id >> 8);
  to[at + 5] = static_cast<std::uint8_t>(id);
  base::write_u32_be(&to[at + 8], static_cast<std::uint32_t>(data.size()));
  to.insert(to.end(), data.begin(), data.end());
  to.resize(to.size() + data.size() % 2);
}

std::string text_of(const dataset& d) {
  return utf8_for_xml(as_text(d.value));
}

} // namespace

byte_vector kept_resources(std::span<const std::uint8_t> resources) {
  byte_vector kept;
  each_resource(resources, [&](std::uint16_t id, std::span<const std::uint8_t> data) {
    if (id == resource_iim || id == resource_copyright_flag || id == resource_address)
      put_resource(kept, id, data);
  });
  return kept;
}

byte_vector as_resource(std::span<const std::uint8_t> iim) {
  byte_vector resources;
  put_resource(resources, resource_iim, iim);
  return resources;
}

selected_iptc select_iptc(std::span<const std::uint8_t> resources, metadata_selection selection) {
  selected_iptc out;
  const auto is_kept = [&](const dataset& d) {
    if (d.record == envelope_record && d.number == character_set && d.value.size() <= 8)
      return true;
    const auto* row = d.record == application_record ? row_of(d.number) : nullptr;
    const auto is = row == nullptr ? meaning::none : row->is;
    if (is == meaning::location) out.location_removed = true;
    const bool without_location = selection == metadata_selection::without_location;
    if (is == meaning::none || (is == meaning::contact && without_location))
      out.other_removed = true;
    return is == meaning::copyright || (is == meaning::contact && !without_location) ||
           (is == meaning::harmless && without_location);
  };
  each_resource(resources, [&](std::uint16_t id, std::span<const std::uint8_t> data) {
    if (id == resource_address || (id == resource_copyright_flag && data.size() <= 2))
      put_resource(out.resources, id, data);
    if (id != resource_iim) return;
    byte_vector kept;
    bool any = false;
    each_dataset(data, [&](const dataset& d) {
      if (!is_kept(d)) return;
      kept.insert(kept.end(), d.whole.begin(), d.whole.end());
      any = any || d.record == application_record;
    });
    if (any) put_resource(out.resources, resource_iim, kept);
  });
  return out;
}

bool iim_has_location(std::span<const std::uint8_t> iim) {
  bool found = false;
  each_dataset(iim, [&](const dataset& d) {
    const auto* row = d.record == application_record ? row_of(d.number) : nullptr;
    found = found || (row != nullptr && row->is == meaning::location);
  });
  return found;
}

bool iptc_has_location(std::span<const std::uint8_t> resources) {
  bool found = false;
  each_resource(resources, [&](std::uint16_t id, std::span<const std::uint8_t> data) {
    found = found || (id == resource_iim && iim_has_location(data));
  });
  return found;
}

void add_iptc_to_xmp(std::span<const std::uint8_t> resources, xmp_packet& packet) {
  each_resource(resources, [&](std::uint16_t id, std::span<const std::uint8_t> data) {
    if (id != resource_iim) return;
    for (const auto& row : iptc_rows) {
      if (row.property.empty()) continue;
      std::vector<std::string> values;
      each_dataset(data, [&](const dataset& d) {
        const bool is_row = d.record == application_record && d.number == row.number;
        if (is_row && values.size() < list_items_max) values.push_back(text_of(d));
      });
      if (values.empty()) continue;
      if (row.kind == alt)
        add_language_alternative(packet, row.uri, row.property, values.front());
      else if (row.kind == xmp_node::form::text)
        add_text(packet, row.uri, row.property, values.front());
      else
        add_list(packet, row.uri, row.property, row.kind, values);
    }
  });
}

} // namespace darkroom::codecs
