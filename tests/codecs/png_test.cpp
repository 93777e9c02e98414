// PNG by its chunks: what is damaged, too large or out of place, and what has to arrive.
#include "base/units.hpp"
#include "codecs/limits.hpp"

#include "pictures.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <zlib.h>

#include <algorithm>
#include <cstring>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace darkroom::tests;
using domain::failure_reason;
using domain::loss;

namespace {

std::string u32(std::size_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
          static_cast<char>(v)};
}

std::string chunk(const std::string& name, const std::string& data) {
  const auto body = name + data;
  const auto sum =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return u32(data.size()) + body + u32(sum);
}

struct named_chunk {
  std::string name, data;
  std::size_t at; // of its length
};

std::vector<named_chunk> chunks_of(const std::string& file) {
  std::vector<named_chunk> all;
  for (std::size_t at = 8; at + 12 <= file.size();) {
    std::size_t size = 0;
    for (int i = 0; i < 4; ++i)
      size = size << 8 | static_cast<std::uint8_t>(file[at + i]);
    all.push_back({file.substr(at + 4, 4), file.substr(at + 8, size), at});
    at += size + 12;
  }
  return all;
}

std::size_t count(const std::string& file, const std::string& name) {
  return static_cast<std::size_t>(std::ranges::count(chunks_of(file), name, &named_chunk::name));
}

// Puts a chunk before the first one of that name.
std::string with(std::string file, const std::string& before, const std::string& more) {
  const auto all = chunks_of(file);
  const auto there = std::ranges::find(all, before, &named_chunk::name);
  REQUIRE(there != all.end());
  return file.insert(there->at, more);
}

std::string packed(const std::string& text) {
  std::string out(compressBound(text.size()), 0);
  uLongf size = out.size();
  REQUIRE(compress(reinterpret_cast<Bytef*>(out.data()), &size,
                   reinterpret_cast<const Bytef*>(text.data()), text.size()) == Z_OK);
  return out.substr(0, size);
}

std::string text_of(const byte_vector& bytes) {
  return {bytes.begin(), bytes.end()};
}

std::string exif_text(std::uint8_t orientation) {
  return text_of(sample_exif(orientation));
}

// As ImageMagick writes it.
std::string raw_profile(const std::string& name, const std::string& bytes) {
  constexpr char digits[] = "0123456789abcdef";
  auto text = "\n" + name + "\n    " + std::to_string(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 36 == 0) text += '\n';
    text += digits[static_cast<std::uint8_t>(bytes[i]) >> 4];
    text += digits[static_cast<std::uint8_t>(bytes[i]) & 15];
  }
  return text + "\n";
}

const std::string zero(1, '\0');

std::string plain(std::uint32_t width = 40, std::uint32_t height = 30) {
  return encoded("png", gradient(pixel_layout::rgb, width, height));
}

decoded_image arrived(const std::string& file) {
  auto done = decoded(file);
  INFO((done ? "" : done.error().detail));
  REQUIRE(done);
  return std::move(*done);
}

} // namespace

TEST_CASE("EXIF is written once") {
  metadata meta;
  meta.exif = sample_exif(1);
  for (const bool interlaced : {false, true})
    CHECK(count(encoded("png", gradient(pixel_layout::rgb, 20, 10), meta,
                        {.progressive = interlaced}),
                "eXIf") == 1);
}

TEST_CASE("a profile is carried as it is, whatever libpng would say of it") {
  metadata meta;
  meta.icc.assign(1'234, 7);
  const auto file = encoded("png", gradient(pixel_layout::grey, 20, 10), meta);
  CHECK(count(file, "iCCP") == 1);
  const auto back = decoded(file, true);
  REQUIRE(back);
  CHECK(back->meta.icc == meta.icc);
  CHECK(back->losses.empty());
}

TEST_CASE("a profile that is late, damaged or endless is dropped, and nothing else is said") {
  const auto profile = "p" + zero + zero + packed(std::string(500, 'x'));
  auto wrong_sum = chunk("iCCP", profile);
  wrong_sum.back() ^= 1;
  const std::string files[] = {
      with(plain(), "IEND", chunk("iCCP", profile)),
      with(plain(), "IDAT", wrong_sum),
      with(plain(), "IDAT", chunk("iCCP", "no zero")),
      with(plain(), "IDAT", chunk("iCCP", "p" + zero + zero + "not deflated")),
      with(plain(), "IDAT", chunk("iCCP", "p" + zero + zero + packed(std::string(50'000'000, 0)))),
  };
  for (const auto& file : files) {
    const auto back = arrived(file);
    CHECK(back.meta.icc.empty());
    CHECK(back.losses.list() == std::vector{loss::icc_dropped});
  }
}

TEST_CASE(
    "metadata never fails the picture: what is too large is dropped, what is not kept skipped") {
  const std::string large(5'000'000, 'x');
  const std::string xmp_head = "XML:com.adobe.xmp" + std::string(5, '\0');
  const std::pair<std::string, std::vector<loss>> cases[] = {
      {chunk("eXIf", large), {loss::exif_dropped}},
      {chunk("iTXt", xmp_head + large), {loss::xmp_dropped}},
      {chunk("zTXt", "Raw profile type exif" + zero + zero + packed(raw_profile("exif", large))),
       {loss::exif_dropped}},
      {chunk("tEXt", "Comment" + zero + large), {loss::text_dropped}},
      {chunk("zTXt", "Comment" + zero + zero + packed(std::string(100'000'000, ' '))),
       {loss::text_dropped}},
      {chunk("sPLT", large), {}},
      {chunk("prVt", large), {loss::other_metadata_dropped}},
      {chunk("prVT", "x"), {loss::other_metadata_dropped}},
      {chunk("caBX", large), {loss::c2pa_dropped}},
      {chunk("zTXt", "Raw profile type iptc" + zero + zero + packed(std::string(100'000'000, ' '))),
       {loss::iptc_dropped}},
  };
  for (const auto& [more, losses] : cases) {
    INFO(more.substr(4, 30));
    const auto file = with(plain(), "IDAT", more);
    REQUIRE(probed(file));
    CHECK(arrived(file).losses.list() == losses);
    CHECK(convert(file, spec_to("png")));
  }
}

TEST_CASE("what follows the end of a PNG is declared, padding is not") {
  CHECK(arrived(plain() + "appended by a camera").losses.list() ==
        std::vector{loss::other_metadata_dropped});
  CHECK(arrived(plain() + std::string(100, '\0') + "\r\n").losses.empty());
}

TEST_CASE("all metadata together is bounded: what comes first is kept") {
  const auto part = limits::metadata_bytes_max / 2 + 1;
  auto file =
      with(plain(), "IDAT", chunk("iCCP", "p" + zero + zero + packed(std::string(part, 1))));
  file = with(file, "IDAT", chunk("eXIf", std::string(part, 1)));
  const auto back = arrived(file);
  CHECK(back.meta.icc.size() == part);
  CHECK(back.meta.exif.empty());
  CHECK(back.losses.list() == std::vector{loss::exif_dropped});
}

TEST_CASE("orientation is found wherever EXIF can be, also behind the pixels") {
  const auto exif = exif_text(6);
  const auto prefixed = std::string("Exif\0\0", 6) + exif;
  const std::string key = "Raw profile type exif" + zero;
  const std::string app1 = "Raw profile type APP1" + zero;
  const std::string before = GENERATE("IDAT", "IEND");
  const std::string chunks[] = {
      chunk("eXIf", exif),
      chunk("eXIf", prefixed),
      chunk("zTXt", key + zero + packed(raw_profile("exif", exif))),
      chunk("zTXt", key + zero + packed(raw_profile("exif", prefixed))),
      chunk("tEXt", key + raw_profile("exif", prefixed)),
      chunk("iTXt", key + std::string(4, '\0') + raw_profile("exif", exif)),
      chunk("iTXt", key + "\1" + std::string(3, '\0') + packed(raw_profile("exif", exif))),
      chunk("zTXt", app1 + zero + packed(raw_profile("generic", prefixed))),
  };
  for (const auto& more : chunks) {
    INFO(more.substr(4, 30) << " before " << before);
    const auto file = with(plain(), before, more);
    CHECK(probed(file)->orientation == 6);
    const auto back = arrived(file);
    CHECK(back.orientation == 6);
    CHECK(text_of(back.meta.exif) == exif);
    CHECK(back.losses.empty());
    const auto turned = convert(file, spec_to("png"));
    REQUIRE(turned);
    CHECK(turned->report.outputs[0].width == 30);
    CHECK(probed(turned->outputs[0])->orientation == 1);
    CHECK(count(turned->outputs[0], "eXIf") == 1);
  }
}

TEST_CASE("eXIf counts more than a raw profile; one that cannot be read is a loss") {
  const auto text =
      chunk("tEXt", "Raw profile type exif" + zero + raw_profile("exif", exif_text(3)));
  auto file = with(plain(), "IDAT", text);
  CHECK(probed(with(file, "IEND", chunk("eXIf", exif_text(8))))->orientation == 8);
  CHECK(probed(with(file, "IHDR", chunk("eXIf", exif_text(8))))->orientation == 8);
  const auto broken = chunk("tEXt", "Raw profile type exif" + zero + "\nexif\n  12\nxyz");
  CHECK(arrived(with(plain(), "IDAT", broken)).losses.list() == std::vector{loss::exif_dropped});
}

TEST_CASE("compressed XMP is read") {
  const auto text = chunk("iTXt", "XML:com.adobe.xmp" + zero + "\1" + std::string(3, '\0') +
                                      packed("<x:xmpmeta/>"));
  CHECK(text_of(arrived(with(plain(), "IDAT", text)).meta.xmp) == "<x:xmpmeta/>");
}

TEST_CASE("cICP is read and written as it is") {
  metadata meta;
  meta.colour.cicp = {12, 13, 0, 1};
  const auto file = encoded("png", gradient(pixel_layout::rgb, 20, 10), meta);
  CHECK(arrived(file).meta.colour.cicp == meta.colour.cicp);
  CHECK(chunks_of(file)[1].name == "cICP");
  const auto late = with(plain(), "IEND", chunk("cICP", std::string("\1\2\0\1", 4)));
  CHECK_FALSE(arrived(late).meta.colour.cicp);
}

TEST_CASE("an APNG of absurdly many frames has a default image like any other") {
  const auto file = with(plain(), "IDAT", chunk("acTL", "\xff\xff\xff\xff" + std::string(4, '\0')));
  CHECK(probed(file)->frames == 0xffffffff);
  CHECK(convert(file, spec_to("png")).error().reason == failure_reason::unsupported_format);
  auto first = spec_to("png");
  first.animation = domain::animation_policy::first_frame;
  const auto done = convert(file, first);
  REQUIRE(done);
  CHECK(done->report.losses.list() == std::vector{loss::animation_dropped});
}

TEST_CASE("a palette or transparency that has to be repaired is declared") {
  const auto two = encoded("png", [] {
    auto picture = solid(pixel_layout::rgb, 8, 8, {10, 20, 30});
    picture.data()[0] = 200;
    return picture;
  }());
  REQUIRE(count(two, "PLTE") == 1);
  const std::string files[] = {
      with(two, "IDAT", chunk("tRNS", std::string(200, '\x7f'))), // more than there are colours
      with(plain(), "IDAT", chunk("tRNS", "x")),
      with(plain(), "IEND", chunk("tRNS", std::string(6, '\0'))),
  };
  for (const auto& file : files) {
    INFO("file " << &file - files);
    CHECK(arrived(file).losses.list() == std::vector{loss::damage_salvaged});
    REQUIRE_FALSE(decoded(file, true));
    CHECK(decoded(file, true).error().reason == failure_reason::corrupt_input);
  }
  const auto rgba = encoded("png", noise(pixel_layout::rgba, 40, 30));
  CHECK(arrived(with(rgba, "IDAT", chunk("tRNS", std::string(6, '\0')))).losses.empty());
}

TEST_CASE("a wrong checksum over pixels that can be read is declared, or refused if strict") {
  const auto picture = noise(pixel_layout::rgb, 50, 50);
  auto file = encoded("png", picture);
  const auto crc = chunks_of(file).back().at - 1;
  file[crc] = static_cast<char>(file[crc] ^ 1);
  const auto back = arrived(file);
  CHECK(equal(back.pixels, picture));
  CHECK(back.losses.list() == std::vector{loss::damage_salvaged});
  CHECK(decoded(file, true).error().reason == failure_reason::corrupt_input);
}

TEST_CASE("a PNG whose data cannot be inflated is corrupt, not truncated") {
  auto file = encoded("png", noise(pixel_layout::rgb, 50, 50));
  std::memset(file.data() + file.size() / 2, 0xff, 200);
  CHECK(decoded(file).error().reason == failure_reason::corrupt_input);
}

TEST_CASE("the share that arrived is told; less than one row in a hundred is a failure") {
  const auto file = encoded("png", noise(pixel_layout::rgb, 100, 300));
  const auto begin = chunks_of(file)[1].at;
  const auto cut = [&](double share) {
    return file.substr(0, begin + static_cast<std::size_t>(double(file.size() - begin) * share));
  };
  CHECK(arrived(file).arrived_percent == 100);
  const auto half = arrived(cut(0.5));
  CHECK(half.losses.list() == std::vector{loss::truncated_salvaged});
  CHECK(half.arrived_percent > 40);
  CHECK(half.arrived_percent < 60);
  CHECK(convert(cut(0.5), spec_to("webp"))->report.arrived_percent == half.arrived_percent);
  const auto almost_none = decoded(cut(0.008));
  REQUIRE_FALSE(almost_none);
  CHECK(almost_none.error().reason == failure_reason::truncated_input);
}

TEST_CASE("an interlaced picture cut short shows blocks, not holes") {
  auto marked = noise(pixel_layout::rgb, 64, 64);
  for (std::size_t i = 0; i < marked.bytes(); ++i)
    marked.data()[i] |= 64; // no sample is 0
  const auto file = encoded("png", marked, {}, {.progressive = true});
  const auto back = arrived(file.substr(0, file.size() * 2 / 5));
  CHECK(back.losses.list() == std::vector{loss::truncated_salvaged});
  CHECK(back.arrived_percent > 20);
  CHECK(back.arrived_percent < 50);
  const auto* pixels = back.pixels.data();
  CHECK(std::count(pixels, pixels + back.pixels.bytes(), 0) == 0);
}

TEST_CASE(
    "pixels go exactly through every effort, in place, copied or streamed, the same each time") {
  const auto layout =
      GENERATE(pixel_layout::grey, pixel_layout::grey_alpha, pixel_layout::rgb, pixel_layout::rgba);
  const std::uint8_t depth = GENERATE(std::uint8_t{8}, std::uint8_t{16});
  const auto picture = gradient(layout, 333, 401, depth);
  const auto file = encoded("png", picture);
  std::vector<std::size_t> sizes;
  for (std::uint8_t effort = 0; effort <= limits::effort_max; ++effort) {
    INFO("effort " << static_cast<int>(effort));
    const auto spec = spec_to("png", [&](auto& o) { o.effort = effort; });
    const auto once = convert(file, spec), again = convert(file, spec);
    REQUIRE(once);
    CHECK(equal(arrived(once->outputs[0]).pixels, picture));
    CHECK(once->outputs[0] == again->outputs[0]);
    // All but the last of the same pixels are copied or streamed.
    auto both = spec;
    both.outputs.push_back(both.outputs[0]);
    const auto twice = convert(file, both);
    REQUIRE(twice);
    CHECK(equal(arrived(twice->outputs[0]).pixels, picture));
    CHECK(twice->outputs[1] == once->outputs[0]);
    sizes.push_back(once->outputs[0].size());
  }
  CHECK(sizes.back() <= sizes.front());
}

TEST_CASE("noise that outgrows its prediction arrives all the same") {
  auto picture = noise(pixel_layout::rgba, 400, 300);
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < picture.bytes(); ++i)
    picture.data()[i] =
        static_cast<std::uint8_t>((state = state * 1'664'525 + 1'013'904'223) >> 24);
  const auto done = convert(encoded("png", picture), spec_to("png"));
  REQUIRE(done);
  CHECK(equal(arrived(done->outputs[0]).pixels, picture));
}

TEST_CASE("few colours in place, at every bit depth and odd widths") {
  for (const std::uint32_t colours : {2u, 3u, 11u, 250u})
    for (const std::uint32_t width : {1u, 7u, 33u}) {
      INFO(colours << " colours, " << width << " wide");
      auto picture = solid(pixel_layout::rgba, width, 50, {1, 2, 3, 255});
      for (std::uint32_t i = 0; i < width * 50; ++i)
        picture.data()[i * 4] = static_cast<std::uint8_t>(i * 7 % colours);
      const auto done = convert(encoded("png", picture), spec_to("png"));
      REQUIRE(done);
      CHECK(count(done->outputs[0], "PLTE") == 1);
      const auto back = convert(done->outputs[0], spec_to("png"));
      REQUIRE(back);
      CHECK(back->outputs[0] == done->outputs[0]);
      const auto pixels = arrived(done->outputs[0]).pixels;
      for (std::uint32_t i = 0; i < width * 50; ++i)
        if (pixels.data()[i * pixels.channels()] != picture.data()[i * 4]) FAIL("pixel " << i);
    }
}
