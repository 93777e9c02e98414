// Pixels to PNG with libpng. Every call sequence into the library stands in one `noexcept` function
// with only trivial locals: the library leaves it by longjmp.
#include "base/units.hpp"
#include "codecs/png_compress.hpp"
#include "codecs/png_fence.hpp"
#include "codecs/png_format.hpp"
#include "codecs/png_palette.hpp"
#include "codecs/png_texts.hpp"

#include <png.h>
#include <zlib.h>

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

// Of the IDAT chunks that we write ourselves.
constexpr std::size_t data_piece_bytes = 256 * limits::KiB;

class png_writer {
public:
  png_writer(const encode_request& request, const png_palette* palette, output_sink& sink)
      : request_(request), palette_(palette), sink_(sink) {}
  ~png_writer() {
    png_destroy_write_struct(&png_, &info_);
    deflateEnd(&stream_);
  }
  png_writer(const png_writer&) = delete;
  png_writer& operator=(const png_writer&) = delete;

  // Everything before the pixels. `xmp` ends with a zero, `profile` is compressed; each may be
  // empty.
  bool begin(std::span<const std::uint8_t> xmp, std::span<const std::uint8_t> profile,
             std::span<const private_chunk> chunks) noexcept {
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
    if (!xmp.empty()) set_xmp(xmp);
    png_write_info_before_PLTE(png_, info_);
    write_raw_metadata(profile);
    for (const auto& chunk : chunks)
      png_write_chunk(png_, name_of(chunk.name.data()), chunk.bytes.data(), chunk.bytes.size());
    png_write_info(png_, info_);
    return true;
  }

  // The pixels by zlib, row by row, and the end.
  bool write_rows(std::uint8_t* index_row) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    const image& pixels = request_.pixels;
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
    png_write_end(png_, nullptr);
    return true;
  }

  // The pixels as a stream that is there already, and the end.
  bool write_stream(std::span<const std::uint8_t> stream) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    for (std::size_t at = 0; at < stream.size(); at += data_piece_bytes)
      write_data(stream.data() + at, std::min(stream.size() - at, data_piece_bytes));
    png_write_chunk(png_, name_of("IEND"), nullptr, 0);
    return true;
  }

  // Filtered rows that libdeflate could not make small enough, by zlib; `piece` has
  // `data_piece_bytes` of room.
  bool deflate_rows(std::span<const std::uint8_t> rows, std::uint8_t* piece) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    if (deflateInit(&stream_, Z_BEST_SPEED) != Z_OK) png_error(png_, "no memory for zlib");
    for (std::size_t at = 0; at < rows.size(); at += data_piece_bytes) {
      const std::size_t size = std::min(rows.size() - at, data_piece_bytes);
      const bool last = at + size == rows.size();
      stream_.next_in = const_cast<Bytef*>(rows.data() + at);
      stream_.avail_in = static_cast<uInt>(size);
      do {
        stream_.next_out = piece;
        stream_.avail_out = data_piece_bytes;
        deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
        write_data(piece, data_piece_bytes - stream_.avail_out);
      } while (stream_.avail_out == 0);
      request_.progress.at(rows.size() + at + size, 2 * rows.size());
    }
    png_write_chunk(png_, name_of("IEND"), nullptr, 0);
    return true;
  }

  const char* error_text() const { return errors_.text; }

private:
  static png_const_bytep name_of(const char* name) {
    return reinterpret_cast<png_const_bytep>(name);
  }

  void write_data(const std::uint8_t* bytes, std::size_t size) {
    if (size > 0) png_write_chunk(png_, name_of("IDAT"), bytes, size);
  }

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
    if (meta.icc.empty() && meta.colour.srgb_intent)
      png_set_sRGB(png_, info_, *meta.colour.srgb_intent);
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
  }

  // What libpng does not know, would refuse by rules of its own (profiles), or writes twice (EXIF,
  // in 1.6.39).
  void write_raw_metadata(std::span<const std::uint8_t> profile) {
    const metadata& meta = request_.meta;
    if (meta.colour.cicp) png_write_chunk(png_, name_of("cICP"), meta.colour.cicp->data(), 4);
    if (meta.colour.mastering)
      png_write_chunk(png_, name_of("mDCV"), meta.colour.mastering->data(), 24);
    if (meta.colour.light_level)
      png_write_chunk(png_, name_of("cLLI"), meta.colour.light_level->data(), 8);
    if (!profile.empty()) {
      png_write_chunk_start(png_, name_of("iCCP"),
                            static_cast<png_uint_32>(profile_head.size() + profile.size()));
      png_write_chunk_data(png_, name_of(profile_head.data()), profile_head.size());
      png_write_chunk_data(png_, profile.data(), profile.size());
      png_write_chunk_end(png_);
    }
    if (!meta.exif.empty())
      png_write_chunk(png_, name_of("eXIf"), meta.exif.data(), meta.exif.size());
  }

  void set_xmp(std::span<const std::uint8_t> xmp) {
    png_text text{};
    char key[32];
    std::memcpy(key, png_xmp_keyword.data(), png_xmp_keyword.size());
    key[png_xmp_keyword.size()] = 0;
    text.compression = PNG_ITXT_COMPRESSION_NONE;
    text.key = key;
    text.text = reinterpret_cast<char*>(const_cast<std::uint8_t*>(xmp.data()));
    text.itxt_length = xmp.size() - 1;
    char empty[] = "";
    text.lang = empty;
    text.lang_key = empty;
    png_set_text(png_, info_, &text, 1);
  }

  static constexpr std::string_view profile_head{"icc\0\0", 5}; // name, 0, method

  const encode_request& request_;
  const png_palette* palette_;
  output_sink& sink_;
  png_errors errors_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  z_stream stream_{};
};

// Pixels whose memory the filtered rows may have; nothing where the rows have to be streamed.
std::optional<image> pixels_to_take(const encode_request& request) {
  if (request.output.progressive) return std::nullopt;
  if (request.disposable != nullptr) return std::move(*request.disposable);
  const image& pixels = request.pixels;
  if (pixels.bytes() > limits::png_copy_bytes_max) return std::nullopt;
  auto copy = image::make(pixels.layout(), pixels.width(), pixels.height(), pixels.depth());
  if (!copy) return std::nullopt;
  std::copy_n(pixels.data(), pixels.bytes(), copy->data());
  return std::move(*copy);
}

bool write_pixels(png_writer& writer, const encode_request& request, const png_palette* palette) {
  auto pixels = pixels_to_take(request);
  if (!pixels) {
    byte_vector index_row(palette != nullptr ? request.pixels.width() : 0);
    return writer.write_rows(index_row.data());
  }
  const auto picture_bytes = pixels->bytes();
  auto rows = filter_pixels(std::move(*pixels), palette, request.output.effort);
  request.progress.at(1, 4);
  // As much as was predicted for the output: later, when that is in the sink, the rows are gone.
  const auto bytes_max = png_output_bytes(request.output, 0, picture_bytes) + 4 * limits::KiB;
  const auto stream = compress_rows(rows, request.output.effort, bytes_max);
  if (!stream) {
    byte_vector piece(data_piece_bytes);
    return writer.deflate_rows(rows.bytes(), piece.data());
  }
  rows = {};
  request.progress.at(3, 4);
  return writer.write_stream(stream->bytes());
}

} // namespace

result<void> encode_png(const encode_request& request, output_sink& out) {
  byte_vector xmp = request.meta.xmp;
  if (!xmp.empty()) xmp.push_back(0); // libpng takes text that ends with a zero
  std::optional<compressed_bytes> profile;
  if (!request.meta.icc.empty()) {
    profile = compress_profile(request.meta.icc);
    if (!profile) return fail(limit_memory, "no memory for the profile");
  }
  const auto chunks = chunks_of(request.meta);
  if (!chunks) return fail(limit_memory, "no memory for the texts");
  const auto palette = find_palette(request.pixels);
  const auto* used = palette ? &*palette : nullptr;
  png_writer writer(request, used, out);
  if (writer.begin(xmp, profile ? profile->bytes() : std::span<const std::uint8_t>{}, *chunks) &&
      write_pixels(writer, request, used) && out.flush())
    return {};
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

std::uint64_t png_encode_bytes(const domain::output_spec&, std::uint32_t width,
                               std::uint32_t height, std::uint32_t channels, std::uint8_t depth) {
  // Filtered rows take the place of pixels, and their stream that of the output. A trial of filters
  // has twice eight rows or less than the compressor; zlib has a window and buffers.
  const std::uint64_t row = std::uint64_t{width} * channels * (depth / 8);
  const std::uint64_t picture = row * height;
  return row * 20 + png_compressor_bytes +
         (picture <= limits::png_copy_bytes_max ? 2 * picture : 0);
}

} // namespace darkroom::codecs
