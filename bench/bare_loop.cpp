// The least that converting photos can cost: libjpeg-turbo and libwebp in a loop, in as many
// threads, without hosts, actors or journal, and without syncing what is written. What `darkroom
// convert` is measured against.
//
//   bench_bare_loop THREADS OUT FILE...
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <jpeglib.h>
#include <webp/encode.h>

namespace {

using bytes = std::vector<std::uint8_t>;

bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::array<std::uint8_t, 256> range_map(int centre_in, int centre_out, double factor) {
  std::array<std::uint8_t, 256> map{};
  for (int v = 0; v < 256; ++v)
    map[static_cast<std::size_t>(v)] =
        static_cast<std::uint8_t>(std::lround(centre_out + (v - centre_in) * factor));
  return map;
}

// 4:2:0 photos go from Y, U and V to Y, U and V, as in the product; others through RGB.
bool decode_yuv(jpeg_decompress_struct& info, WebPPicture& picture) {
  static const auto luma = range_map(0, 16, 219 / 255.0);
  static const auto chroma = range_map(128, 128, 224 / 255.0);
  info.raw_data_out = TRUE;
  info.out_color_space = JCS_YCbCr;
  jpeg_start_decompress(&info);
  if (WebPPictureAlloc(&picture) == 0) return false;
  const std::size_t row = (std::size_t{info.output_width} + 31) / 16 * 16;
  bytes scratch(row * 32);
  JSAMPROW rows[3][16];
  JSAMPARRAY planes[3] = {rows[0], rows[1], rows[2]};
  for (std::size_t i = 0; i < 16; ++i)
    rows[0][i] = scratch.data() + i * row;
  for (std::size_t i = 0; i < 8; ++i) {
    rows[1][i] = scratch.data() + (16 + i) * row;
    rows[2][i] = scratch.data() + (24 + i) * row;
  }
  const auto copy = [](const std::uint8_t* from, std::uint8_t* to, unsigned n, const auto& map) {
    for (unsigned x = 0; x < n; ++x)
      to[x] = map[from[x]];
  };
  const unsigned width = info.output_width, height = info.output_height;
  while (info.output_scanline < height) {
    const unsigned y = info.output_scanline;
    jpeg_read_raw_data(&info, planes, 16);
    for (unsigned i = 0; i < 16 && y + i < height; ++i)
      copy(rows[0][i], picture.y + std::size_t{y + i} * static_cast<unsigned>(picture.y_stride),
           width, luma);
    for (unsigned i = 0; i < 8 && y / 2 + i < (height + 1) / 2; ++i) {
      const auto at = std::size_t{y / 2 + i} * static_cast<unsigned>(picture.uv_stride);
      copy(rows[1][i], picture.u + at, (width + 1) / 2, chroma);
      copy(rows[2][i], picture.v + at, (width + 1) / 2, chroma);
    }
  }
  return true;
}

bool decode_rgb(jpeg_decompress_struct& info, WebPPicture& picture) {
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  const std::size_t stride = std::size_t{info.output_width} * 3;
  bytes pixels(stride * info.output_height);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = pixels.data() + info.output_scanline * stride;
    jpeg_read_scanlines(&info, &row, 1);
  }
  return WebPPictureImportRGB(&picture, pixels.data(), static_cast<int>(stride)) != 0;
}

bool is_420(const jpeg_decompress_struct& info) {
  const auto* c = info.comp_info;
  return info.num_components == 3 && info.jpeg_color_space == JCS_YCbCr &&
         c[0].h_samp_factor == 2 && c[0].v_samp_factor == 2 && c[1].h_samp_factor == 1 &&
         c[1].v_samp_factor == 1 && c[2].h_samp_factor == 1 && c[2].v_samp_factor == 1;
}

bool convert(const std::string& from, const std::string& to) {
  const bytes source = read_file(from);
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, source.data(), source.size());
  jpeg_read_header(&info, TRUE);
  WebPConfig config;
  WebPPicture picture;
  WebPMemoryWriter writer;
  WebPConfigInit(&config);
  WebPPictureInit(&picture);
  WebPMemoryWriterInit(&writer);
  config.quality = 80;
  config.method = 4;
  picture.width = static_cast<int>(info.image_width);
  picture.height = static_cast<int>(info.image_height);
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  bool ok = is_420(info) ? decode_yuv(info, picture) : decode_rgb(info, picture);
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  ok = ok && WebPEncode(&config, &picture) != 0;
  if (ok) {
    std::ofstream out(to, std::ios::binary);
    out.write(reinterpret_cast<const char*>(writer.mem), static_cast<std::streamsize>(writer.size));
  }
  WebPPictureFree(&picture);
  WebPMemoryWriterClear(&writer);
  return ok;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: bench_bare_loop THREADS OUT FILE...\n");
    return 1;
  }
  const std::string out = argv[2];
  std::atomic<int> next = 3;
  std::atomic<bool> ok = true;
  const int count = std::atoi(argv[1]);
  std::vector<std::jthread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&] {
      for (int f = next++; f < argc; f = next++) {
        const std::string path = argv[f];
        if (!convert(path, out + path.substr(path.rfind('/')) + ".webp")) ok = false;
      }
    });
  threads.clear();
  return ok ? 0 : 1;
}
