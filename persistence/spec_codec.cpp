#include "persistence/spec_codec.hpp"

#include "persistence/field_codec.hpp"

namespace darkroom::persistence {

std::string encode_spec(const domain::conversion_spec& spec) {
  return encode_fields(spec, own_tag);
}

std::optional<domain::conversion_spec> decode_spec(std::string_view bytes) {
  domain::conversion_spec spec;
  if (!decode_fields(bytes, own_tag, spec)) return std::nullopt;
  return spec;
}

} // namespace darkroom::persistence
