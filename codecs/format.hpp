// What a format is to us: one row, which holds all that is known of it. Adding a format is adding
// a row; no other code names one.
#pragma once

#include "codecs/image.hpp"
#include "codecs/input_limits.hpp"
#include "codecs/input_stream.hpp"
#include "codecs/metadata/metadata.hpp"
#include "codecs/output_sink.hpp"
#include "codecs/progress_meter.hpp"
#include "domain/conversion_spec.hpp"
#include "domain/output_format.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::codecs {

// What a header says. Untrusted once it has crossed a process border: only sizes for planning.
struct image_info {
  std::string_view format;             // name of its row
  std::uint32_t width = 0, height = 0; // pixels as stored, before orientation
  std::uint8_t channels = 0;
  std::uint8_t depth = 8;       // bits a sample
  std::uint8_t orientation = 1; // EXIF: 1 to 8
  std::uint32_t frames = 1;     // more than one: animated
  bool alpha = false;
  bool progressive = false; // or interlaced
  bool lossless = false;
  bool cmyk = false;
  bool yuv420 = false;      // can be decoded to `pixel_layout::yuv420`
  bool colorimetry = false; // without a profile, the samples may still not be sRGB
  std::uint32_t icc_bytes = 0, exif_bytes = 0, xmp_bytes = 0;

  std::uint64_t pixels() const { return std::uint64_t{width} * height; }
  bool turned() const { return orientation >= 5; } // upright, width and height change places
  std::uint32_t upright_width() const { return turned() ? height : width; }
  std::uint32_t upright_height() const { return turned() ? width : height; }
};

struct decode_options {
  input_limits limits;
  bool strict = false; // no salvage, no warnings
  progress_meter progress;
};

// What the decoder is to do, decided when it has read the header.
struct decode_way {
  bool yuv420 = false; // decode to `yuv420` (only if the info says that it can be)
  // The decoder may return a smaller picture, but no smaller than this; 0: the full size. In
  // pixels as stored, before orientation.
  std::uint32_t width_min = 0, height_min = 0;
};

// Checks limits and plans; its refusal ends the decode before pixels are allocated.
using decode_planner = std::function<result<decode_way>(const image_info& info)>;

struct decoded_image {
  image pixels;
  metadata meta;
  std::uint8_t orientation = 1;
  domain::loss_set losses; // salvaged, animation dropped, …
  // How much of the picture arrived, where the source ended too early; less than 1 is a failure.
  std::uint8_t arrived_percent = 100;
};

struct encode_request {
  const image& pixels;
  const metadata& meta; // all of it is written, as far as the format can hold it
  const domain::output_spec& output;
  progress_meter progress;
  // These pixels, where nobody needs them afterwards: the encoder may use their memory for
  // something else.
  image* disposable = nullptr;
};

// A limit that only one format has.
struct format_limit {
  std::string_view name; // as in /v1/formats
  std::uint64_t most;
};

// What a format can hold beside EXIF, XMP and a profile.
struct metadata_support {
  bool iptc = false;           // Photoshop image resources
  bool texts = false;          // by keyword
  bool comment = false;        // texts without a keyword
  bool density = false;        // in a field of its own, with the shape of a pixel
  bool gain_map = false;       // a second picture
  bool private_chunks = false; // `metadata::chunks`
};

struct format_row {
  std::string_view name;                    // as in a spec
  std::string_view label;                   // as people write it
  std::vector<std::string_view> aliases;    // other names that a command line may use
  std::string_view extension;               // of files that we write, without dot
  std::vector<std::string_view> extensions; // that files of this format have
  std::string_view media_type;
  std::uint32_t side_pixels_max; // of what it can hold
  bool holds_alpha = false;
  bool holds_16_bit = false;
  bool holds_grey = false;                   // else grey becomes RGB
  bool holds_colorimetry = false;            // else gamma and chromaticities become a profile
  std::size_t metadata_bytes_max = SIZE_MAX; // of EXIF, and of XMP
  metadata_support holds;
  domain::output_options options; // of a spec, that the encoder follows
  // How a small picture for a browser is written. The first row that has one provides previews.
  std::optional<domain::output_spec> preview;
  std::vector<format_limit> limits;
  std::span<const std::uint8_t> sample; // a tiny file of this format, for self-tests

  // Whether these first bytes (at least 16, unless the file is shorter) are this format.
  bool (*sniff)(std::span<const std::uint8_t> head);
  result<image_info> (*probe)(input_stream& in, const input_limits& limits);
  result<decoded_image> (*decode)(input_stream& in, const decode_options& options,
                                  const decode_planner& plan);
  result<void> (*encode)(const encode_request& request, output_sink& out);

  // Whether the encoder takes `yuv420` for such an output.
  bool (*takes_yuv420)(const domain::output_spec& output);
  bool decode_needs_whole_input = false; // in memory
  // Peak bytes of working memory beside the decoded image, and beside the image to encode.
  std::uint64_t (*decode_bytes)(const image_info& info, std::uint32_t scale_denominator);
  std::uint64_t (*encode_bytes)(const domain::output_spec& output, std::uint32_t width,
                                std::uint32_t height, std::uint32_t channels, std::uint8_t depth);
  // Predicted bytes of an output of so many pixels, which take `picture_bytes` in memory.
  std::uint64_t (*output_bytes)(const domain::output_spec& output, std::uint64_t pixels,
                                std::uint64_t picture_bytes);
  // Predicted cost; picoseconds of one core, about right for photos.
  std::uint64_t decode_ps_per_pixel = 12'500;
  std::uint64_t encode_ps_per_pixel = 50'000;
  // Whether the encoder may take `cpu_slow_factor` times as long for such an output.
  bool (*is_slow)(const domain::output_spec& output);
  // Largest m of 1/m at which `decode` may return a smaller picture for these minima; 1 if never.
  std::uint32_t (*decode_scale)(const image_info& info, std::uint32_t width_min,
                                std::uint32_t height_min);
  std::string (*version)(); // of the library behind it
};

// All formats, in the order in which they are sniffed. Rows are added before work begins.
std::span<const format_row> formats();
void add_format(const format_row& row);
const format_row* find_format(std::string_view name);
// Also by one of its aliases.
const format_row* find_format_or_alias(std::string_view word);
const format_row* sniff_format(std::span<const std::uint8_t> head);
// Whether the extension of `path` is one that names another format than `row`.
bool extension_differs(std::string_view path, const format_row& row);

// Those that can be written, as specs are checked against them.
std::vector<domain::output_format> output_formats();
// The output that a preview is: its resize is not set.
domain::output_spec preview_output();

// For rows: lossless outputs and those of high effort take long with every encoder so far.
bool lossless_or_high_effort(const domain::output_spec& output);

// Refuses what the limits do not allow, before anything is allocated for it.
result<void> check_limits(const image_info& info, const input_limits& limits);

} // namespace darkroom::codecs
