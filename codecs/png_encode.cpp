// Pixels to PNG with libpng. Every call sequence into the library stands in one `noexcept` function
// with only trivial locals: the library leaves it by longjmp.
#include "base/units.hpp"
#include "codecs/png_fence.hpp"
#include "codecs/png_format.hpp"
#include "codecs/png_palette.hpp"

#include <png.h>

#include <bit>
#include <cerrno>
#include <csetjmp>
#include <cstring>

namespace darkroom::codecs {

namespace {

using enum domain::failure_reason;

void on_write(png_structp png, png_bytep bytes, size_t size) {
  auto& sink = *static_cast<output_sink*>(png_get_io_ptr(png));
  if (!sink.write({bytes, size})) png_error(png, "the output could not be written");
}

void on_flush(png_structp) {}

int compression_level(std::uint8_t effort) {
  constexpr int levels[] = {1, 2, 3, 4, 6, 8, 9};
  return levels[std::min<std::size_t>(effort, std::size(levels) - 1)];
}

int colour_type(pixel_layout layout) {
  switch (layout) {
  case pixel_layout::grey:
    return PNG_COLOR_TYPE_GRAY;
  case pixel_layout::grey_alpha:
    return PNG_COLOR_TYPE_GRAY_ALPHA;
  case pixel_layout::rgba:
    return PNG_COLOR_TYPE_RGB_ALPHA;
  default:
    return PNG_COLOR_TYPE_RGB;
  }
}

class png_writer {
public:
  png_writer(const encode_request& request, const png_palette* palette, output_sink& sink)
      : request_(request), palette_(palette), sink_(sink) {}
  ~png_writer() { png_destroy_write_struct(&png_, &info_); }
  png_writer(const png_writer&) = delete;
  png_writer& operator=(const png_writer&) = delete;

  bool write(std::uint8_t* index_row) noexcept {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, &errors_, on_png_error, on_png_warning);
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    if (info_ == nullptr) return false;
    if (setjmp(errors_.escape) != 0) return false;
    const image& pixels = request_.pixels;
    png_set_write_fn(png_, &sink_, on_write, on_flush);
    png_set_compression_level(png_, compression_level(request_.output.effort));
    png_set_IHDR(png_, info_, pixels.width(), pixels.height(),
                 palette_ != nullptr ? palette_->bit_depth : pixels.depth(),
                 palette_ != nullptr ? PNG_COLOR_TYPE_PALETTE : colour_type(pixels.layout()),
                 request_.output.progressive ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (palette_ != nullptr) set_palette();
    set_metadata();
    png_write_info(png_, info_);
    if (palette_ != nullptr) png_set_packing(png_);
    if (pixels.depth() == 16 && std::endian::native == std::endian::little) png_set_swap(png_);
    const int passes = png_set_interlace_handling(png_);
    const auto all = std::uint64_t{pixels.height()} * static_cast<unsigned>(passes);
    std::uint64_t rows = 0;
    for (int pass = 0; pass < passes; ++pass)
      for (std::uint32_t y = 0; y < pixels.height(); ++y) {
        if (palette_ != nullptr) palette_->index(pixels, y, index_row);
        png_write_row(png_, palette_ != nullptr ? index_row : pixels.row(y));
        request_.progress.at(++rows, all);
      }
    png_write_end(png_, info_);
    return true;
  }

  const char* error_text() const { return errors_.text; }

private:
  void set_palette() {
    png_color colours[256]{};
    png_byte alphas[256]{};
    int transparent = 0;
    for (std::size_t i = 0; i < palette_->size; ++i) {
      const std::uint32_t c = palette_->colours[i];
      colours[i] = {static_cast<png_byte>(c), static_cast<png_byte>(c >> 8),
                    static_cast<png_byte>(c >> 16)};
      alphas[i] = static_cast<png_byte>(c >> 24);
      if (alphas[i] != 255) transparent = static_cast<int>(i) + 1;
    }
    png_set_PLTE(png_, info_, colours, static_cast<int>(palette_->size));
    if (transparent != 0) png_set_tRNS(png_, info_, alphas, transparent, nullptr);
  }

  void set_metadata() {
    const metadata& meta = request_.meta;
    if (!meta.icc.empty()) {
      png_set_iCCP(png_, info_, "icc", PNG_COMPRESSION_TYPE_BASE, meta.icc.data(),
                   static_cast<png_uint_32>(meta.icc.size()));
    } else if (meta.colour.srgb_intent) {
      png_set_sRGB(png_, info_, *meta.colour.srgb_intent);
    }
    if (meta.colour.gamma)
      png_set_gAMA_fixed(png_, info_, static_cast<png_fixed_point>(*meta.colour.gamma));
    if (meta.colour.chromaticity) {
      png_fixed_point c[8];
      for (int i = 0; i < 8; ++i)
        c[i] = static_cast<png_fixed_point>((*meta.colour.chromaticity)[i]);
      png_set_cHRM_fixed(png_, info_, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]);
    }
    if (meta.density)
      png_set_pHYs(png_, info_, meta.density->x, meta.density->y,
                   meta.density->metric ? PNG_RESOLUTION_METER : PNG_RESOLUTION_UNKNOWN);
    if (!meta.exif.empty())
      png_set_eXIf_1(png_, info_, static_cast<png_uint_32>(meta.exif.size()),
                     const_cast<png_bytep>(meta.exif.data()));
    if (!meta.xmp.empty()) set_xmp(meta.xmp);
  }

  void set_xmp(const byte_vector& xmp) {
    png_text text{};
    char key[32];
    std::memcpy(key, png_xmp_keyword.data(), png_xmp_keyword.size());
    key[png_xmp_keyword.size()] = 0;
    text.compression = PNG_ITXT_COMPRESSION_NONE;
    text.key = key;
    text.text = reinterpret_cast<char*>(const_cast<std::uint8_t*>(xmp.data()));
    text.itxt_length = xmp.size();
    char empty[] = "";
    text.lang = empty;
    text.lang_key = empty;
    png_set_text(png_, info_, &text, 1);
  }

  const encode_request& request_;
  const png_palette* palette_;
  output_sink& sink_;
  png_errors errors_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

} // namespace

result<void> encode_png(const encode_request& request, output_sink& out) {
  metadata meta = request.meta;
  meta.xmp.push_back(0); // libpng takes text that ends with a zero
  if (meta.xmp.size() == 1) meta.xmp.clear();
  const encode_request with_text{request.pixels, meta, request.output, request.progress};

  const auto palette = find_palette(request.pixels);
  byte_vector index_row(palette ? request.pixels.width() : 0);
  png_writer writer(with_text, palette ? &*palette : nullptr, out);
  if (writer.write(index_row.data()) && out.flush()) return {};
  if (out.error() == EFBIG) return fail(encode_failed, "the output is larger than allowed");
  if (out.error() == ENOSPC) return fail(disk_full, "no room for the output");
  if (out.error() != 0) return fail(io_error, "writing the output failed");
  const std::string_view text = writer.error_text();
  const bool memory = text.empty() || text.find("memory") != std::string_view::npos;
  return fail(memory ? limit_memory : encode_failed, std::string{text});
}

std::uint64_t png_output_bytes(const domain::output_spec&, std::uint64_t,
                               std::uint64_t picture_bytes) {
  return picture_bytes * 3 / 4; // photos were measured at half to three quarters of their pixels
}

std::uint64_t png_encode_bytes(const domain::output_spec&, std::uint32_t width, std::uint32_t,
                               std::uint32_t channels, std::uint8_t depth) {
  // Five filtered rows, and zlib's window and buffers.
  return std::uint64_t{width} * channels * (depth / 8) * 6 + 512 * limits::KiB;
}

} // namespace darkroom::codecs
