// Metadata by other people's eyes: exiftool says what a picture holds before and after.
#include "process.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace darkroom;
using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

// One of tests/clients, run to its end; what it printed is shown where it finds something.
void agrees(const std::string& script, const std::string& arguments) {
  if (!fs::exists("/usr/bin/exiftool")) SKIP("exiftool is not installed");
  const scratch out;
  const auto line = std::string{"timeout 600 /usr/bin/python3 "} + DARKROOM_SOURCE_DIR +
                    "/tests/clients/" + script + ' ' + DARKROOM_BINARY + ' ' + arguments + " > " +
                    (out / "out") + " 2>&1";
  const int code = std::system(line.c_str());
  const auto printed = content_of(out / "out");
  INFO(printed.substr(0, 4'000));
  CHECK(code == 0);
}

std::string expected_differences() {
  return std::string{DARKROOM_SOURCE_DIR} + "/tests/data/expected_differences.txt ";
}

// A small picture of each format with what photographers and editors write, by exiftool.
void make_tagged(const scratch& folder) {
  for (const auto* format : {"jpeg", "png", "webp"}) {
    const std::string name = format;
    const auto path = folder.write(name + (name == "jpeg" ? ".jpg" : "." + name),
                                   encoded(name, gradient(codecs::pixel_layout::rgb, 48, 32)));
    const std::string xmp =
        " -XMP-dc:Title=Dunes -XMP-dc:Title-de=Duenen -XMP-dc:Creator=Ann -XMP-dc:Subject=sand"
        " -XMP-dc:Subject=sky -XMP-xmp:Rating=4 -XMP-photoshop:City=Quillagua"
        " '-XMP-iptcExt:LocationShown={City=Quillagua,CountryName=Chile}'"
        " '-XMP-mwg-rs:RegionInfo={AppliedToDimensions={W=48,H=32,Unit=pixel},RegionList=[{Name="
        "Ann,"
        "Type=Face,Area={X=.5,Y=.5,W=.1,H=.1,Unit=normalized}}]}'"
        " -XMP-xmpMM:History='{Action=saved,When=2026:11:28 10:00:00}' -XMP-crs:Exposure2012=+0.5";
    const std::string exif =
        " -EXIF:Make=Maker -EXIF:Model=Model -EXIF:ExposureTime=1/250 -EXIF:FNumber=5.6 "
        "-EXIF:ISO=400"
        " -EXIF:LensModel='EF 50mm' -EXIF:Artist=Ann -EXIF:UserComment=Note -EXIF:XResolution=300"
        " -EXIF:YResolution=300 -EXIF:GPSLatitude=21.6 -EXIF:GPSLatitudeRef=S"
        " -EXIF:DateTimeOriginal='2026:11:28 10:15:00' -EXIF:XPKeywords=sand";
    const std::string iptc = " -IPTC:By-line=Ann -IPTC:Headline=Dunes -IPTC:Keywords=sand"
                             " -IPTC:Keywords=sky -IPTC:City=Quillagua -CodedCharacterSet=UTF8";
    const std::string texts = " -PNG:Title=Dunes -PNG:Author=Ann -PNG:Disclaimer=None"
                              " -PNG:Comment=Hand -PNG:CreationTime='2026:11:28 10:00:00'"
                              " -PNG-pHYs:PixelsPerUnitX=11811 -PNG-pHYs:PixelsPerUnitY=11811";
    const std::string comment = " -Comment='by hand' -JFIF:XResolution=300 -JFIF:YResolution=300"
                                " -JFIF:ResolutionUnit=inches";
    const auto line = "/usr/bin/exiftool -q -q -m -overwrite_original" + xmp + exif +
                      (path.ends_with(".webp") ? "" : iptc) +
                      (path.ends_with(".png")   ? texts
                       : path.ends_with(".jpg") ? comment
                                                : "") +
                      ' ' + path;
    REQUIRE(std::system(line.c_str()) == 0);
  }
}

} // namespace

TEST_CASE("every tag is kept, or a loss or a reason says why it is not") {
  if (!fs::exists("/usr/bin/exiftool")) SKIP("exiftool is not installed");
  const scratch folder;
  make_tagged(folder);
  agrees("metadata_tags.py", expected_differences() + folder.path());
}

TEST_CASE("every tag of the corpus is kept, or a loss or a reason says why it is not") {
  agrees("metadata_tags.py", expected_differences() + corpus("photos") + ' ' + corpus("pngsuite") +
                                 ' ' + corpus("valid"));
}

TEST_CASE("no place is left, in whatever way it was written") {
  const char* photos = std::getenv("DARKROOM_CORPUS");
  agrees("metadata_places.py", photos == nullptr ? "" : std::string{photos} + "/photos");
}

TEST_CASE("content credentials are kept with the source's bytes, and only with them") {
  const scratch folder;
  const std::string box = "JP and what is signed";
  const std::string marker{'\xff', '\xeb', '\0', static_cast<char>(box.size() + 2)};
  auto source = encoded("jpeg", gradient(codecs::pixel_layout::rgb, 48, 32), {}, {.quality = 60});
  source.insert(2, marker + box);
  folder.write("in/signed.jpg", source);
  const auto convert = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"convert", "in", "-o", more.front(), "--to", "jpeg", "--json"};
    words.insert(words.end(), more.begin() + 1, more.end());
    const auto done = run_darkroom(words, folder.path());
    CHECK(done.code == 0);
    return done.out;
  };
  CHECK(convert({"anew"}).find(R"("losses":["c2pa_dropped"])") != std::string::npos);
  CHECK(content_of(folder / "anew/signed.jpg").find(box) == std::string::npos);
  CHECK(convert({"kept", "--min-saving", "99"}).find(R"("losses":["kept_original"])") !=
        std::string::npos);
  CHECK(content_of(folder / "kept/signed.jpg") == source);
}
