// Pictures made in code, so that the tests need no files.
#pragma once

#include "codecs/pipeline.hpp"

#include <functional>
#include <string>

namespace darkroom::tests {

// A smooth picture with something in every corner, so that turns and mirrors show.
codecs::image gradient(codecs::pixel_layout layout, std::uint32_t width, std::uint32_t height,
                       std::uint8_t depth = 8);

// A picture that does not compress well, the same each time.
codecs::image noise(codecs::pixel_layout layout, std::uint32_t width, std::uint32_t height);

codecs::image solid(codecs::pixel_layout layout, std::uint32_t width, std::uint32_t height,
                    std::initializer_list<std::uint16_t> samples, std::uint8_t depth = 8);

std::string encoded(const std::string& format, const codecs::image& pixels,
                    const codecs::metadata& meta = {}, domain::output_spec options = {});

codecs::result<codecs::decoded_image> decoded(const std::string& file, bool strict = false,
                                              codecs::decode_way way = {});
codecs::result<codecs::image_info> probed(const std::string& file,
                                          const codecs::input_limits& limits = {});

struct converted {
  codecs::conversion report;
  std::vector<std::string> outputs;
};
codecs::result<converted> convert(const std::string& file, const domain::conversion_spec& spec,
                                  const codecs::input_limits& limits = {},
                                  const std::optional<codecs::pixel_area>& crop = {});
domain::conversion_spec spec_to(const std::string& format,
                                const std::function<void(domain::output_spec&)>& change = {});

// Peak signal to noise, in dB, over all samples; infinite when equal. The pictures must have the
// same size, layout and depth.
double psnr(const codecs::image& a, const codecs::image& b);
bool equal(const codecs::image& a, const codecs::image& b);

// A TIFF structure with an orientation, a GPS directory and a thumbnail, in either byte order.
codecs::byte_vector sample_exif(std::uint8_t orientation, bool big_endian = false);

// The corpus of real images, if it is there; else the test is skipped.
std::string corpus(const std::string& below);

} // namespace darkroom::tests
