#include "app/convert_options.hpp"

#include "actors/limits.hpp"
#include "actors/orchestra.hpp"
#include "app/format_help.hpp"
#include "app/memory_option.hpp"
#include "app/text.hpp"
#include "base/result.hpp"
#include "codecs/format.hpp"
#include "config/limits.hpp"

#include <CLI/CLI.hpp>

#include <sched.h>

namespace darkroom::app {

namespace {

std::size_t processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::size_t>(std::max(CPU_COUNT(&set), 1));
}

template<class T>
bool take(std::optional<T> value, T& to) {
  if (value) to = *value;
  return value.has_value();
}

base::result<domain::output_spec, std::string> read_output(const convert_options::words& given,
                                                           const std::string& format) {
  domain::output_spec output;
  const auto* known = codecs::find_format_or_alias(format);
  if (known == nullptr || known->encode == nullptr)
    return std::unexpected("--to " + format +
                           ": not a format that can be written; see `darkroom formats`");
  output.format = known->name;
  output.quality = static_cast<std::uint8_t>(std::min(given.quality, 255u));
  output.effort = static_cast<std::uint8_t>(std::min(given.effort, 255u));
  output.lossless = given.lossless;
  output.progressive = given.progressive;
  output.suffix = given.suffix;
  if (!take(domain::parse_chroma_subsampling(given.chroma), output.chroma))
    return std::unexpected("--chroma is 420 or 444");
  if (given.resize.empty()) return output;
  output.resize = domain::parse_resize(given.resize);
  if (!output.resize)
    return std::unexpected("--resize wants WIDTHxHEIGHT in pixels, as in 1600x1600, 1600x or x900");
  output.resize->upscale = given.upscale;
  if (!take(domain::parse_resize_mode(given.mode), output.resize->mode))
    return std::unexpected("--mode is fit, fill, pad or stretch");
  return output;
}

} // namespace

base::result<void, std::string> read_spec(const convert_options::words& given,
                                          domain::conversion_spec& spec) {
  for (const auto& format : given.to) {
    auto output = read_output(given, format);
    if (!output) return std::unexpected(output.error());
    spec.outputs.push_back(std::move(*output));
  }
  if (!take(domain::parse_metadata_policy(given.metadata), spec.metadata))
    return std::unexpected("--metadata is keep, strip or strip_location");
  if (!take(domain::parse_icc_policy(given.icc), spec.icc))
    return std::unexpected("--icc is preserve or srgb");
  if (!take(domain::parse_colour(given.background), spec.background))
    return std::unexpected("--background is a colour as in #ffffff");
  if (!take(domain::parse_animation_policy(given.animation), spec.animation))
    return std::unexpected("--animation is fail or first_frame");
  if (!take(domain::parse_collision_policy(given.collision), spec.collision))
    return std::unexpected("--collision is rename or fail");
  if (!take(domain::parse_existing_policy(given.existing), spec.existing))
    return std::unexpected("--existing is fail, skip or overwrite");
  if (!take(domain::parse_orient_policy(given.orient), spec.orient))
    return std::unexpected("--orient is auto or none");
  spec.strict = given.strict ? domain::strictness::strict : domain::strictness::tolerant;
  spec.min_saving_percent = static_cast<std::uint8_t>(std::min(given.min_saving_percent, 255u));
  for (const auto& name : given.fail_on) {
    const auto loss = domain::parse_loss(name);
    if (!loss) return std::unexpected("--fail-on " + name + ": there is no such loss");
    spec.fail_on.add(*loss);
  }
  auto ok = domain::validate(spec);
  if (ok) ok = domain::check_formats(spec, codecs::output_formats());
  if (!ok)
    return std::unexpected(ok.error().pointer.substr(ok.error().pointer.rfind('/') + 1) + " " +
                           ok.error().detail);
  return {};
}

namespace {

// Each slot's idle host takes memory that then no picture can have.
base::result<void, std::string> read_slots(convert_options& o) {
  const auto too_many = [&] {
    return actors::lease_memory_bytes(o.memory_bytes, o.slots) < limits::memory_lease_min_bytes;
  };
  if (!o.given.slots) {
    o.slots = std::min<std::size_t>(processors(), limits::slots_max);
    while (o.slots > 1 && too_many())
      --o.slots;
    return {};
  }
  o.slots = *o.given.slots;
  if (o.slots < 1 || o.slots > limits::slots_max)
    return std::unexpected("-j is from 1 to " + std::to_string(limits::slots_max));
  if (too_many())
    return std::unexpected("-j " + std::to_string(o.slots) +
                           " leaves no memory for pictures; raise --memory");
  return {};
}

bool ends_with_any(const std::string& path) {
  return path.ends_with(".json") || path.ends_with(".ndjson") || path.ends_with(".csv");
}

} // namespace

void declare_spec(CLI::App& command, convert_options::words& g) {
  const auto help = make_format_help(codecs::output_formats());
  command.add_option("--to", g.to, help.to)->required();
  command.add_option("-q,--quality", g.quality, "0 to 100")->capture_default_str();
  command.add_flag("--lossless", g.lossless, help.lossless);
  command.add_option("--effort", g.effort, "0 fastest to 6 smallest")->capture_default_str();
  command.add_option("--chroma", g.chroma, help.chroma)->capture_default_str();
  command.add_flag("--progressive", g.progressive, help.progressive);
  command.add_option("--resize", g.resize, "WIDTHxHEIGHT in pixels; one may be left out");
  command.add_option("--mode", g.mode, "How to resize: fit, fill, pad or stretch")
      ->capture_default_str();
  command.add_flag("--upscale", g.upscale, "Also enlarge smaller pictures");
  command.add_option("--orient", g.orient, "auto: turn upright; none: leave as stored")
      ->capture_default_str();
  command.add_option("--metadata", g.metadata, "keep, strip or strip_location")
      ->capture_default_str();
  command.add_option("--icc", g.icc, "preserve the colour profile, or convert to srgb")
      ->capture_default_str();
  command.add_option("--background", g.background, "Colour behind transparency, and of padding")
      ->capture_default_str();
  command.add_option("--animation", g.animation, "Animated sources: fail or first_frame")
      ->capture_default_str();
  command.add_flag("--strict", g.strict, "Fail damaged pictures instead of salvaging them");
  command.add_option("--fail-on", g.fail_on, "A loss that fails the file; may be repeated");
  command
      .add_option("--min-saving", g.min_saving_percent,
                  "Keep the source's bytes if an output of its own format saves less percent")
      ->capture_default_str();
  command.add_option("--collision", g.collision, "Two outputs of one name: rename or fail")
      ->capture_default_str();
  command
      .add_option("--existing", g.existing,
                  "Something else at an output's path: fail, skip or overwrite")
      ->capture_default_str();
  command.add_option("--suffix", g.suffix, "Added to output names, before the extension");
}

void declare(CLI::App& command, convert_options& o) {
  auto& g = o.given;
  command.add_option("SRC", o.sources, "Files, folders (with all below them) and quoted globs")
      ->required();
  command.add_option("-o,--out", o.out, "Folder for the outputs; its run can be resumed")
      ->required();
  declare_spec(command, g);
  command.add_option("-j,--jobs", g.slots,
                     "Conversions at a time (default: one for each processor)");
  command.add_option("--memory", g.memory, "Memory for everything together (default 1GiB)");
  command.add_flag("--dry-run", o.dry_run, "Say what would be done, and do nothing");
  command.add_option("--report", g.report, "Write a report: FILE.json, FILE.ndjson or FILE.csv");
  command.add_flag("--json", o.json, "Events as lines of JSON on standard output");
  command.add_flag("--quiet", o.quiet, "Say nothing but errors");
}

base::result<void, std::string> read(convert_options& o) {
  if (auto ok = read_spec(o.given, o.spec); !ok) return ok;
  const auto memory = read_memory(o.given.memory);
  if (!memory) return std::unexpected(memory.error());
  o.memory_bytes = *memory;
  if (auto ok = read_slots(o); !ok) return ok;
  if (!o.given.report.empty()) {
    if (!ends_with_any(o.given.report))
      return std::unexpected("--report wants a name that ends in .json, .ndjson or .csv");
    o.report = o.given.report;
  }
  return {};
}

} // namespace darkroom::app
