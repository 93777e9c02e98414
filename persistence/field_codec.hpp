// Described structures (domain/field.hpp) as protobuf messages: each field under its tag. Numbers,
// enums and sets are varints; texts and structures are length-delimited; lists repeat their tag.
// The source of the encoding: https://protobuf.dev/programming-guides/encoding.
#pragma once

#include "base/enum_names.hpp"
#include "domain/batch_attributes.hpp"
#include "domain/conversion_spec.hpp"
#include "persistence/enum_codec.hpp"

#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::persistence {

// Appends fields to the bytes of a message.
class message_writer {
public:
  explicit message_writer(std::string& to) : to_(to) {}
  void varint(std::uint32_t tag, std::uint64_t value);
  void bytes(std::uint32_t tag, std::string_view value);

private:
  std::string& to_;
};

// The fields of a message, read at once; later visits find them by tag.
class message_reader {
public:
  // Nothing when the bytes are no message.
  static std::optional<message_reader> read(std::string_view bytes);

  // The last value with this tag.
  std::optional<std::uint64_t> varint(std::uint32_t tag) const;
  std::optional<std::string_view> bytes(std::uint32_t tag) const;
  std::vector<std::string_view> all_bytes(std::uint32_t tag) const;
  std::string in_tag_order() const;

private:
  struct entry {
    std::uint32_t tag = 0;
    bool is_varint = false;
    std::uint64_t number = 0;
    std::string_view text;  // of a length-delimited field
    std::string_view whole; // with its key
  };
  std::vector<entry> entries_;
};

// Which of a field's tags counts, by the message that the structure lies in.
using tag_choice = std::uint32_t (*)(const domain::field&);
inline std::uint32_t own_tag(const domain::field& f) {
  return f.tag;
}
inline std::uint32_t snapshot_tag(const domain::field& f) {
  return f.snapshot_tag != 0 ? f.snapshot_tag : f.tag;
}
inline std::uint32_t summary_tag(const domain::field& f) {
  return f.summary_tag != 0 ? f.summary_tag : f.tag;
}

inline std::uint32_t packed(domain::rgb_colour c) {
  return std::uint32_t{c.red} << 16 | std::uint32_t{c.green} << 8 | c.blue;
}

// The same message with its fields in the order of their tags, as protobuf writes them. The bytes
// must be a message.
std::string in_tag_order(std::string_view message);

std::string encode_fields(const auto& structure, tag_choice tag_of);
bool decode_fields(std::string_view bytes, tag_choice tag_of, auto& structure);

class field_encoder {
public:
  field_encoder(tag_choice tag_of, std::string& to) : tag_of_(tag_of), to_(to) {}

  template<std::unsigned_integral Number>
  void operator()(const domain::field& f, const Number& value) {
    number(f, value);
  }
  template<base::named_enum Enum>
  void operator()(const domain::field& f, const Enum& value) {
    number(f, enum_number(value));
  }
  void operator()(const domain::field& f, const domain::rgb_colour& colour) {
    number(f, packed(colour));
  }
  void operator()(const domain::field& f, const domain::loss_set& losses) {
    number(f, losses.bits);
  }
  void operator()(const domain::field& f, const std::string& text) {
    if (!text.empty() || written_always(f)) to_.bytes(tag_of_(f), text);
  }
  template<class Element>
  void operator()(const domain::field& f, const std::vector<Element>& list) {
    for (const auto& element : list)
      one(f, element);
  }
  template<class Structure>
  void operator()(const domain::field& f, const std::optional<Structure>& structure) {
    if (structure) one(f, *structure);
  }

private:
  static bool written_always(const domain::field& f) { return f.tag >= domain::first_explicit_tag; }
  void number(const domain::field& f, std::uint64_t value) {
    if (value != 0 || written_always(f)) to_.varint(tag_of_(f), value);
  }
  void one(const domain::field& f, const std::string& text) { to_.bytes(tag_of_(f), text); }
  void one(const domain::field& f, const auto& structure) {
    to_.bytes(tag_of_(f), encode_fields(structure, tag_of_));
  }

  tag_choice tag_of_;
  message_writer to_;
};

// Checks everything that the descriptions say: bytes from a disk may be anything.
class field_decoder {
public:
  field_decoder(tag_choice tag_of, const message_reader& from) : tag_of_(tag_of), from_(from) {}
  bool ok = true;

  void operator()(const domain::field& f, bool& to) {
    if (const auto value = number(f)) to = *value != 0;
  }
  template<std::unsigned_integral Number>
  void operator()(const domain::field& f, Number& to) {
    const auto value = number(f);
    if (!value) return;
    ok = ok && *value <= f.most && *value <= std::numeric_limits<Number>::max();
    to = static_cast<Number>(*value);
  }
  template<base::named_enum Enum>
  void operator()(const domain::field& f, Enum& to) {
    const auto value = number(f);
    if (!value) return;
    const auto known = base::enum_from_number<Enum>(*value);
    ok = ok && known;
    if (known) to = *known;
  }
  void operator()(const domain::field& f, domain::rgb_colour& to) {
    if (const auto value = number(f))
      to = {static_cast<std::uint8_t>(*value >> 16), static_cast<std::uint8_t>(*value >> 8),
            static_cast<std::uint8_t>(*value)};
  }
  void operator()(const domain::field& f, domain::loss_set& to) {
    if (const auto value = number(f)) to.bits = static_cast<std::uint32_t>(*value);
  }
  void operator()(const domain::field& f, std::string& to) {
    const auto text = from_.bytes(tag_of_(f));
    if (text)
      to = *text;
    else if (f.tag < domain::first_explicit_tag)
      to.clear();
  }
  template<class Element>
  void operator()(const domain::field& f, std::vector<Element>& to) {
    to.clear();
    for (const auto bytes : from_.all_bytes(tag_of_(f)))
      one(bytes, to.emplace_back());
  }
  template<class Structure>
  void operator()(const domain::field& f, std::optional<Structure>& to) {
    to.reset();
    if (const auto bytes = from_.bytes(tag_of_(f))) one(*bytes, to.emplace());
  }

private:
  std::optional<std::uint64_t> number(const domain::field& f) const {
    const auto value = from_.varint(tag_of_(f));
    if (value || f.tag >= domain::first_explicit_tag) return value;
    return 0;
  }
  static void one(std::string_view bytes, std::string& to) { to = bytes; }
  void one(std::string_view bytes, auto& to) { ok = decode_fields(bytes, tag_of_, to) && ok; }

  tag_choice tag_of_;
  const message_reader& from_;
};

std::string encode_fields(const auto& structure, tag_choice tag_of) {
  std::string bytes;
  for_each_field(structure, field_encoder(tag_of, bytes));
  return in_tag_order(bytes);
}

// False when a value is not possible; unknown tags are passed by.
bool decode_fields(std::string_view bytes, tag_choice tag_of, auto& structure) {
  const auto message = message_reader::read(bytes);
  if (!message) return false;
  field_decoder decoder(tag_of, *message);
  for_each_field(structure, decoder);
  return decoder.ok;
}

} // namespace darkroom::persistence
