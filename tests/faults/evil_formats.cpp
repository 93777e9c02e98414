// The product with one more format, whose decoder does what hostile bytes would make a broken
// decoder do: see tests/codecs/toy_formats.hpp.
#include "tests/codecs/toy_formats.hpp"

namespace {

const bool added = [] {
  darkroom::tests::add_toy_formats();
  return true;
}();

} // namespace
