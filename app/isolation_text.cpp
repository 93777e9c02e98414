#include "app/isolation_text.hpp"

#include "base/enum_names.hpp"

namespace darkroom::app {

namespace {

std::string layers_text(codecs::host::isolation_layers layers) {
  std::string names;
  for (const auto layer : base::enum_values<codecs::host::isolation_layer>()) {
    if ((layers & bit(layer)) == 0) continue;
    if (!names.empty()) names += ", ";
    names += base::to_string(layer);
  }
  return names;
}

} // namespace

std::string active_layers_text(codecs::host::isolation_layers missing) {
  return layers_text(~missing);
}

std::string missing_layers_text(codecs::host::isolation_layers missing) {
  return layers_text(missing);
}

} // namespace darkroom::app
