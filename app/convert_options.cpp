#include "app/convert_options.hpp"

#include "actors/limits.hpp"
#include "actors/orchestra.hpp"
#include "app/cgroup.hpp"
#include "app/format_help.hpp"
#include "app/memory_option.hpp"
#include "app/standard_input.hpp"
#include "app/text.hpp"
#include "base/result.hpp"
#include "codecs/format.hpp"
#include "config/limits.hpp"

#include <CLI/CLI.hpp>

namespace darkroom::app {

base::result<void, std::string> read_spec(const convert_options::words& given,
                                          domain::conversion_spec& spec) {
  for (const auto& format : given.to) {
    auto& output = spec.outputs.emplace_back();
    const auto* known = codecs::find_format_or_alias(format);
    if (known == nullptr || known->encode == nullptr)
      return std::unexpected("--to " + format +
                             ": not a format that can be written; see `darkroom formats`");
    output.format = known->name;
  }
  if (auto ok = read_fields(given.spec, spec); !ok) return ok;
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
    o.slots = std::min<std::size_t>(usable_cores(), limits::slots_max);
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

// What needs a folder, and cannot be had on standard output.
base::result<void, std::string> check_stream(const convert_options& o) {
  if (o.out != standard_stream) return {};
  if (o.spec.outputs.size() != 1)
    return std::unexpected("-o - writes one output: name one format with --to");
  for (const auto& [given, option] :
       {std::pair{o.dry_run, "--dry-run"}, std::pair{!o.given.report.empty(), "--report"},
        std::pair{o.json, "--json"}, std::pair{o.keep_times, "--keep-times"}})
    if (given)
      return std::unexpected(std::string{option} + " needs a folder: -o - is standard output");
  return {};
}

bool ends_with_any(const std::string& path) {
  return path.ends_with(".json") || path.ends_with(".ndjson") || path.ends_with(".csv");
}

} // namespace

void declare_spec(CLI::App& command, convert_options::words& g) {
  const auto help = make_format_help(codecs::output_formats());
  command.add_option("--to", g.to, help.to)->required();
  declare_spec_fields(command, g.spec, help.fields);
}

void declare(CLI::App& command, convert_options& o) {
  auto& g = o.given;
  command
      .add_option("SRC", o.sources,
                  "Files, folders (with all below them) and quoted globs; - is standard input")
      ->required();
  command
      .add_option("-o,--out", o.out,
                  "Folder for the outputs, whose run can be resumed; - is standard output")
      ->required();
  declare_spec(command, g);
  command.add_option("-j,--jobs", g.slots,
                     "Conversions at a time (default: one for each processor)");
  command.add_option(
      "--memory", g.memory,
      "Memory for everything together; default the least of 1GiB and three quarters of what the "
      "control group and the machine have");
  command.add_flag(
      "--dry-run", o.dry_run,
      "Say what would be done and how long it takes, and write nothing; a few files are "
      "converted as a sample");
  command.add_option("--report", g.report, "Write a report: FILE.json, FILE.ndjson or FILE.csv");
  command.add_flag("--keep-times", o.keep_times, "Give outputs the times of their sources");
  command.add_flag("--json", o.json, "Events as lines of JSON on standard output");
  command.add_flag("--quiet", o.quiet, "Say nothing but errors");
}

base::result<void, std::string> read(convert_options& o) {
  if (auto ok = read_spec(o.given, o.spec); !ok) return ok;
  if (auto ok = check_stream(o); !ok) return ok;
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
