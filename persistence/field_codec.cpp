#include "persistence/field_codec.hpp"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <utility>

namespace darkroom::persistence {

namespace {

using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

// The lower three bits of a key.
enum wire_type : std::uint32_t { varint_type = 0, fixed64 = 1, delimited = 2, fixed32 = 5 };

void append_varint(std::string& to, std::uint64_t value) {
  std::uint8_t buffer[10];
  const auto* end = CodedOutputStream::WriteVarint64ToArray(value, buffer);
  to.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(end - buffer));
}

} // namespace

void message_writer::varint(std::uint32_t tag, std::uint64_t value) {
  append_varint(to_, tag << 3 | varint_type);
  append_varint(to_, value);
}

void message_writer::bytes(std::uint32_t tag, std::string_view value) {
  append_varint(to_, tag << 3 | delimited);
  append_varint(to_, value.size());
  to_ += value;
}

std::optional<message_reader> message_reader::read(std::string_view bytes) {
  message_reader message;
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  for (auto first = in.CurrentPosition(); const auto key = in.ReadTag();
       first = in.CurrentPosition()) {
    entry e{.tag = key >> 3};
    std::uint32_t length = 0;
    switch (key & 7) {
    case varint_type:
      e.is_varint = true;
      if (!in.ReadVarint64(&e.number)) return std::nullopt;
      break;
    case delimited: {
      if (!in.ReadVarint32(&length)) return std::nullopt;
      const auto at = static_cast<std::size_t>(in.CurrentPosition());
      if (length > bytes.size() - at || !in.Skip(static_cast<int>(length))) return std::nullopt;
      e.text = bytes.substr(at, length);
      break;
    }
    case fixed64:
      if (!in.Skip(8)) return std::nullopt;
      break;
    case fixed32:
      if (!in.Skip(4)) return std::nullopt;
      break;
    default:
      return std::nullopt;
    }
    const auto begin = static_cast<std::size_t>(first);
    e.whole = bytes.substr(begin, static_cast<std::size_t>(in.CurrentPosition()) - begin);
    message.entries_.push_back(e);
  }
  if (!in.ConsumedEntireMessage()) return std::nullopt;
  return message;
}

std::string message_reader::in_tag_order() const {
  auto sorted = entries_;
  // Fields with one tag keep their order, by where they are: libstdc++'s stable sort uses a
  // function that C++23 deprecates.
  std::ranges::sort(sorted, {}, [](const entry& e) { return std::pair(e.tag, e.whole.data()); });
  std::string bytes;
  for (const auto& e : sorted)
    bytes += e.whole;
  return bytes;
}

std::string in_tag_order(std::string_view message) {
  return message_reader::read(message)->in_tag_order();
}

std::optional<std::uint64_t> message_reader::varint(std::uint32_t tag) const {
  std::optional<std::uint64_t> found;
  for (const auto& e : entries_)
    if (e.tag == tag && e.is_varint) found = e.number;
  return found;
}

std::optional<std::string_view> message_reader::bytes(std::uint32_t tag) const {
  std::optional<std::string_view> found;
  for (const auto& e : entries_)
    if (e.tag == tag && e.text.data() != nullptr) found = e.text;
  return found;
}

std::vector<std::string_view> message_reader::all_bytes(std::uint32_t tag) const {
  std::vector<std::string_view> found;
  for (const auto& e : entries_)
    if (e.tag == tag && e.text.data() != nullptr) found.push_back(e.text);
  return found;
}

} // namespace darkroom::persistence
