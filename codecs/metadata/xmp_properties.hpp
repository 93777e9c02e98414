// The properties of XMP that are known to contain no location, and those that tell whose a picture
// is.
#pragma once

#include <span>
#include <string_view>

namespace darkroom::codecs {

// Of one namespace: local names, separated by blanks. Names of members of structures stand in the
// same list.
struct known_properties {
  std::string_view uri;
  std::string_view prefix; // the usual one
  std::string_view harmless;
  std::string_view copyright; // also where they hold an address: the policy asks for the contact
};

std::span<const known_properties> xmp_property_table();

} // namespace darkroom::codecs
