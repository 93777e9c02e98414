#include "codecs/colour.hpp"

#include <lcms2.h>

#include <cmath>
#include <cstring>

namespace darkroom::codecs {

namespace {

struct close_profile {
  void operator()(void* p) const { cmsCloseProfile(p); }
};
struct delete_transform {
  void operator()(void* p) const { cmsDeleteTransform(p); }
};
struct free_curve {
  void operator()(cmsToneCurve* c) const { cmsFreeToneCurve(c); }
};
using profile_handle = std::unique_ptr<void, close_profile>;
using transform = std::unique_ptr<void, delete_transform>;

profile_handle open(const byte_vector& icc) {
  return profile_handle{
      cmsOpenProfileFromMem(icc.data(), static_cast<cmsUInt32Number>(icc.size()))};
}

cmsUInt32Number lcms_type(pixel_layout layout, std::uint8_t depth) {
  const auto bytes = BYTES_SH(depth / 8u);
  switch (layout) {
  case pixel_layout::grey:
    return COLORSPACE_SH(PT_GRAY) | CHANNELS_SH(1) | bytes;
  case pixel_layout::grey_alpha:
    return COLORSPACE_SH(PT_GRAY) | CHANNELS_SH(1) | EXTRA_SH(1) | bytes;
  case pixel_layout::rgba:
    return COLORSPACE_SH(PT_RGB) | CHANNELS_SH(3) | EXTRA_SH(1) | bytes;
  case pixel_layout::cmyk: // 0 is full ink
    return COLORSPACE_SH(PT_CMYK) | CHANNELS_SH(4) | FLAVOR_SH(1) | bytes;
  default:
    return COLORSPACE_SH(PT_RGB) | CHANNELS_SH(3) | bytes;
  }
}

const char* space_of(pixel_layout layout) {
  if (layout == pixel_layout::cmyk) return "CMYK";
  return is_grey(layout) ? "GRAY" : "RGB ";
}

} // namespace

bool profile_fits(const byte_vector& icc, pixel_layout layout) {
  return icc.size() >= 128 && std::memcmp(icc.data() + 16, space_of(layout), 4) == 0;
}

result<std::optional<image>> to_srgb(const image& pixels, const byte_vector& icc) {
  const profile_handle from = open(icc);
  const profile_handle srgb{cmsCreate_sRGBProfile()};
  if (!from || !srgb) return std::nullopt;
  const bool alpha = has_alpha(pixels.layout());
  const auto layout = alpha ? pixel_layout::rgba : pixel_layout::rgb;
  const transform convert{cmsCreateTransform(from.get(), lcms_type(pixels.layout(), pixels.depth()),
                                             srgb.get(), lcms_type(layout, pixels.depth()),
                                             INTENT_PERCEPTUAL, alpha ? cmsFLAGS_COPY_ALPHA : 0)};
  if (!convert) return std::nullopt;
  auto out = image::make(layout, pixels.width(), pixels.height(), pixels.depth());
  if (!out) return std::unexpected(out.error());
  for (std::uint32_t y = 0; y < pixels.height(); ++y)
    cmsDoTransform(convert.get(), pixels.row(y), out->row(y), pixels.width());
  return std::optional<image>{std::move(*out)};
}

result<image> cmyk_to_rgb(const image& pixels) {
  auto out = image::make(pixel_layout::rgb, pixels.width(), pixels.height(), 8);
  if (!out) return out;
  const std::uint8_t* in = pixels.data();
  std::uint8_t* to = out->data();
  for (std::uint64_t i = 0; i < std::uint64_t{pixels.width()} * pixels.height(); ++i) {
    for (int c = 0; c < 3; ++c)
      to[c] = static_cast<std::uint8_t>((in[c] * in[3] + 127) / 255);
    in += 4;
    to += 3;
  }
  return out;
}

byte_vector profile_of(const colorimetry& colour, bool grey) {
  constexpr double unit = 100'000; // PNG's fixed point
  if (colour.srgb_intent || colour.empty()) return {};
  const bool gamma_of_srgb =
      !colour.gamma || (*colour.gamma > 45'000 && *colour.gamma < 46'000); // 1/2.2
  if (gamma_of_srgb && !colour.chromaticity) return {};
  if (colour.gamma && (*colour.gamma < 1'000 || *colour.gamma > 1'000'000)) return {};

  std::array<std::uint32_t, 8> c{31'270, 32'900, 64'000, 33'000, 30'000, 60'000, 15'000, 6'000};
  if (colour.chromaticity) c = *colour.chromaticity;
  for (int i = 0; i < 8; i += 2)
    if (c[i] > 100'000 || c[i + 1] == 0 || c[i + 1] > 100'000) return {};
  const cmsCIExyY white{c[0] / unit, c[1] / unit, 1};
  const cmsCIExyYTRIPLE primaries{
      {c[2] / unit, c[3] / unit, 1}, {c[4] / unit, c[5] / unit, 1}, {c[6] / unit, c[7] / unit, 1}};
  const double exponent = colour.gamma ? unit / *colour.gamma : 2.2;
  const std::unique_ptr<cmsToneCurve, free_curve> curve{cmsBuildGamma(nullptr, exponent)};
  if (!curve) return {};
  cmsToneCurve* curves[] = {curve.get(), curve.get(), curve.get()};
  const profile_handle made{grey ? cmsCreateGrayProfile(&white, curve.get())
                                 : cmsCreateRGBProfile(&white, &primaries, curves)};
  cmsUInt32Number size = 0;
  if (!made || cmsSaveProfileToMem(made.get(), nullptr, &size) == 0) return {};
  byte_vector icc(size);
  if (cmsSaveProfileToMem(made.get(), icc.data(), &size) == 0) return {};
  // The creation time is the one thing in it that would differ between two runs (bytes 24 to 35).
  std::memset(icc.data() + 24, 0, 12);
  return icc;
}

std::string colour_library_version() {
  return "lcms " + std::to_string(LCMS_VERSION / 1000) + "." +
         std::to_string(LCMS_VERSION % 1000 / 10);
}

} // namespace darkroom::codecs
