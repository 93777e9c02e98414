#include "codecs/host/spec_packing.hpp"

#include <algorithm>
#include <concepts>
#include <cstring>
#include <stdexcept>
#include <string>

namespace darkroom::codecs::host {

namespace {

using domain::field;

class packer {
public:
  explicit packer(packed_spec& to) : to_(to) {}

  template<std::unsigned_integral Number>
  void operator()(const field& f, const Number& value) {
    if (f.for_codec_hosts) put(&value, sizeof value);
  }
  template<base::named_enum Enum>
  void operator()(const field& f, const Enum& value) {
    if (f.for_codec_hosts) put(&value, sizeof value);
  }
  void operator()(const field& f, const domain::rgb_colour& c) {
    if (f.for_codec_hosts) put(&c, sizeof c);
  }
  void operator()(const field& f, const domain::loss_set& losses) {
    if (f.for_codec_hosts) put(&losses.bits, sizeof losses.bits);
  }
  void operator()(const field& f, const std::string& text) {
    if (!f.for_codec_hosts) return;
    count(text.size());
    put(text.data(), text.size());
  }
  template<class Structure>
  void operator()(const field& f, const std::vector<Structure>& list) {
    if (!f.for_codec_hosts) return;
    count(list.size());
    for (const auto& element : list)
      for_each_field(element, *this);
  }
  template<class Structure>
  void operator()(const field& f, const std::optional<Structure>& structure) {
    if (!f.for_codec_hosts) return;
    count(structure ? 1 : 0);
    if (structure) for_each_field(*structure, *this);
  }

private:
  void count(std::size_t n) {
    if (n > 255) throw std::length_error("a spec that no host can be given");
    const auto byte = static_cast<std::uint8_t>(n);
    put(&byte, 1);
  }
  void put(const void* data, std::size_t size) {
    if (size > to_.bytes.size() - to_.size)
      throw std::length_error("a spec that no host can be given");
    std::memcpy(to_.bytes.data() + to_.size, data, size);
    to_.size += static_cast<std::uint32_t>(size);
  }

  packed_spec& to_;
};

class unpacker {
public:
  explicit unpacker(std::span<const std::uint8_t> from) : from_(from) {}
  bool ok() const { return ok_; }
  bool at_end() const { return from_.empty(); }

  void operator()(const field& f, bool& value) {
    std::uint8_t byte = 0;
    if (!f.for_codec_hosts) return;
    take(&byte, 1);
    value = byte != 0;
  }
  template<std::unsigned_integral Number>
  void operator()(const field& f, Number& value) {
    if (!f.for_codec_hosts) return;
    take(&value, sizeof value);
    ok_ = ok_ && value >= f.least && value <= f.most;
  }
  template<base::named_enum Enum>
  void operator()(const field& f, Enum& value) {
    if (!f.for_codec_hosts) return;
    std::underlying_type_t<Enum> number{};
    take(&number, sizeof number);
    const auto known = base::enum_from_number<Enum>(number);
    ok_ = ok_ && known;
    if (known) value = *known;
  }
  void operator()(const field& f, domain::rgb_colour& c) {
    if (f.for_codec_hosts) take(&c, sizeof c);
  }
  void operator()(const field& f, domain::loss_set& losses) {
    if (f.for_codec_hosts) take(&losses.bits, sizeof losses.bits);
  }
  void operator()(const field& f, std::string& text) {
    if (!f.for_codec_hosts) return;
    text.resize(count());
    take(text.data(), text.size());
  }
  template<class Structure>
  void operator()(const field& f, std::vector<Structure>& list) {
    if (!f.for_codec_hosts) return;
    list.resize(std::min<std::size_t>(count(), f.most));
    for (auto& element : list)
      for_each_field(element, *this);
  }
  template<class Structure>
  void operator()(const field& f, std::optional<Structure>& structure) {
    if (f.for_codec_hosts && count() != 0) for_each_field(structure.emplace(), *this);
  }

private:
  std::size_t count() {
    std::uint8_t byte = 0;
    take(&byte, 1);
    return byte;
  }
  void take(void* to, std::size_t size) {
    ok_ = ok_ && size <= from_.size();
    if (!ok_) return;
    std::memcpy(to, from_.data(), size);
    from_ = from_.subspan(size);
  }

  std::span<const std::uint8_t> from_;
  bool ok_ = true;
};

} // namespace

packed_spec pack(const domain::conversion_spec& spec) {
  packed_spec packed;
  for_each_field(spec, packer(packed));
  return packed;
}

std::optional<domain::conversion_spec> unpack(const packed_spec& packed) {
  if (packed.size > packed.bytes.size()) return std::nullopt;
  domain::conversion_spec spec;
  unpacker from(std::span(packed.bytes).first(packed.size));
  for_each_field(spec, from);
  if (!from.ok() || !from.at_end()) return std::nullopt;
  return spec;
}

} // namespace darkroom::codecs::host
