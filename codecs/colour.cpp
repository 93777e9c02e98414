#include "codecs/colour.hpp"

#include "base/byte_order.hpp"
#include "codecs/limits.hpp"

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

cmsUInt32Number lcms_intent(domain::rendering_intent intent) {
  switch (intent) {
  case domain::rendering_intent::perceptual:
    return INTENT_PERCEPTUAL;
  case domain::rendering_intent::saturation:
    return INTENT_SATURATION;
  case domain::rendering_intent::absolute:
    return INTENT_ABSOLUTE_COLORIMETRIC;
  case domain::rendering_intent::relative:
    break;
  }
  return INTENT_RELATIVE_COLORIMETRIC;
}

// The profile's bytes, the same in every run.
byte_vector bytes_of(const profile_handle& made) {
  cmsUInt32Number size = 0;
  if (!made || cmsSaveProfileToMem(made.get(), nullptr, &size) == 0) return {};
  byte_vector icc(size);
  if (cmsSaveProfileToMem(made.get(), icc.data(), &size) == 0) return {};
  // The creation time is the one thing in it that would differ between two runs (bytes 24 to 35).
  std::memset(icc.data() + 24, 0, 12);
  return icc;
}

using curve = std::unique_ptr<cmsToneCurve, free_curve>;

constexpr cmsCIExyY white_d65{0.3127, 0.3290, 1};
constexpr cmsCIExyYTRIPLE primaries_bt709{{0.64, 0.33, 1}, {0.30, 0.60, 1}, {0.15, 0.06, 1}};

byte_vector rgb_profile(const cmsCIExyY& white, const cmsCIExyYTRIPLE& primaries,
                        cmsToneCurve* transfer) {
  cmsToneCurve* curves[] = {transfer, transfer, transfer};
  return bytes_of(profile_handle{cmsCreateRGBProfile(&white, &primaries, curves)});
}

// Code points of ITU-T H.273.
std::optional<cmsCIExyYTRIPLE> primaries_of(std::uint8_t code) {
  switch (code) {
  case 1:
    return primaries_bt709;
  case 9: // BT.2020
    return cmsCIExyYTRIPLE{{0.708, 0.292, 1}, {0.170, 0.797, 1}, {0.131, 0.046, 1}};
  case 12: // Display P3
    return cmsCIExyYTRIPLE{{0.680, 0.320, 1}, {0.265, 0.690, 1}, {0.150, 0.060, 1}};
  default:
    return std::nullopt;
  }
}

curve transfer_of(std::uint8_t code) {
  // y = (a x + b)^g from d on, c x below: lcms's type 4.
  constexpr cmsFloat64Number srgb[] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
  constexpr cmsFloat64Number bt709[] = {1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081};
  switch (code) {
  case 1:
  case 6:
  case 14:
  case 15: // BT.709, BT.601 and BT.2020 have one curve
    return curve{cmsBuildParametricToneCurve(nullptr, 4, bt709)};
  case 4:
    return curve{cmsBuildGamma(nullptr, 2.2)};
  case 5:
    return curve{cmsBuildGamma(nullptr, 2.8)};
  case 8:
    return curve{cmsBuildGamma(nullptr, 1.0)};
  case 13:
    return curve{cmsBuildParametricToneCurve(nullptr, 4, srgb)};
  default:
    return nullptr;
  }
}

constexpr std::array<std::uint8_t, 4> cicp_srgb{1, 13, 0, 1};

byte_vector profile_of_cicp(const std::array<std::uint8_t, 4>& cicp, bool grey) {
  const auto [primaries, transfer, matrix, full_range] = cicp;
  // RGB of the full range; PNG allows nothing else (its third edition, section 11.3.2.6).
  if (matrix != 0 || full_range != 1 || cicp == cicp_srgb) return {};
  const auto found = primaries_of(primaries);
  const auto made = transfer_of(transfer);
  if (!found || !made) return {};
  if (grey) return bytes_of(profile_handle{cmsCreateGrayProfile(&white_d65, made.get())});
  return rgb_profile(white_d65, *found, made.get());
}

const char* space_of(pixel_layout layout) {
  if (layout == pixel_layout::cmyk) return "CMYK";
  return is_grey(layout) ? "GRAY" : "RGB ";
}

} // namespace

bool check_profile(byte_vector& icc) {
  constexpr std::size_t header_bytes = 128, tag_bytes = 12;
  if (icc.size() < header_bytes + 4 || icc.size() > limits::icc_bytes_max) return false;
  const std::uint32_t size = base::read_u32_be(icc.data()),
                      tags = base::read_u32_be(icc.data() + header_bytes);
  if (size < header_bytes + 4 || size > icc.size()) return false;
  if (std::memcmp(icc.data() + 36, "acsp", 4) != 0) return false;
  // Device links, abstract and named colour profiles describe no picture.
  for (const auto* other : {"link", "abst", "nmcl"})
    if (std::memcmp(icc.data() + 12, other, 4) == 0) return false;
  if (tags > limits::icc_tags_max || header_bytes + 4 + tags * tag_bytes > size) return false;
  for (std::uint32_t i = 0; i < tags; ++i) {
    const std::uint8_t* tag = icc.data() + header_bytes + 4 + i * tag_bytes;
    const std::uint64_t begin = base::read_u32_be(tag + 4);
    if (begin + base::read_u32_be(tag + 8) > size) return false;
  }
  icc.resize(size);
  return open(icc) != nullptr;
}

bool profile_fits(const byte_vector& icc, pixel_layout layout) {
  return icc.size() >= 128 && std::memcmp(icc.data() + 16, space_of(layout), 4) == 0;
}

result<std::optional<image>> to_srgb(const image& pixels, const byte_vector& icc,
                                     domain::rendering_intent intent) {
  const profile_handle from = open(icc);
  const profile_handle srgb{cmsCreate_sRGBProfile()};
  if (!from || !srgb) return std::nullopt;
  const bool alpha = has_alpha(pixels.layout());
  const auto layout = alpha ? pixel_layout::rgba : pixel_layout::rgb;
  // Black point compensation changes only the relative intent: shadows keep their steps.
  const cmsUInt32Number flags =
      (alpha ? cmsFLAGS_COPY_ALPHA : 0u) | cmsFLAGS_BLACKPOINTCOMPENSATION;
  const transform convert{cmsCreateTransform(from.get(), lcms_type(pixels.layout(), pixels.depth()),
                                             srgb.get(), lcms_type(layout, pixels.depth()),
                                             lcms_intent(intent), flags)};
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
  constexpr double unit = 100'000;                             // PNG's fixed point
  if (colour.cicp) return profile_of_cicp(*colour.cicp, grey); // goes before all others
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
  const curve transfer{cmsBuildGamma(nullptr, exponent)};
  if (!transfer) return {};
  if (grey) return bytes_of(profile_handle{cmsCreateGrayProfile(&white, transfer.get())});
  return rgb_profile(white, primaries, transfer.get());
}

bool is_hdr(const colorimetry& colour) {
  constexpr std::uint8_t pq = 16, hlg = 18;
  return colour.cicp && ((*colour.cicp)[1] == pq || (*colour.cicp)[1] == hlg);
}

byte_vector profile_of_grey_in_rgb(const byte_vector& grey) {
  const profile_handle from = open(grey);
  if (!from || cmsGetColorSpace(from.get()) != cmsSigGrayData) return {};
  // Belongs to the profile.
  auto* transfer = static_cast<cmsToneCurve*>(cmsReadTag(from.get(), cmsSigGrayTRCTag));
  return transfer == nullptr ? byte_vector{} : rgb_profile(white_d65, primaries_bt709, transfer);
}

std::string colour_library_version() {
  return "lcms " + std::to_string(LCMS_VERSION / 1000) + "." +
         std::to_string(LCMS_VERSION % 1000 / 10);
}

} // namespace darkroom::codecs
