// `darkroom convert --dry-run`: reads headers and says what would be done, and how long that takes.
#include "actors/orchestra.hpp"
#include "app/cgroup.hpp"
#include "app/commands.hpp"
#include "app/cost_sample.hpp"
#include "app/exit_code.hpp"
#include "app/omissions.hpp"
#include "app/run_plan.hpp"
#include "app/standard_input.hpp"
#include "app/text.hpp"
#include "codecs/host/codec_host.hpp"
#include "persistence/read_view.hpp"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>

namespace darkroom::app {

namespace {

using codecs::host::codec_host;

codecs::result<codecs::image_info> probe(std::unique_ptr<codec_host>& host,
                                         codecs::host::zygote& hosts,
                                         const domain::file_entry& file) {
  if (!host || !host->alive()) {
    auto made = codec_host::start(hosts);
    if (!made) return codecs::fail(domain::failure_reason::internal, made.error());
    host = std::move(*made);
  }
  const base::unique_fd source{::open(file.source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!source) return codecs::fail(domain::failure_reason::io_error, "it cannot be opened");
  auto info = host->probe(source.get(), file.bytes, {});
  if (!info) return std::unexpected(info.error().error);
  return *info;
}

void say_failure(const domain::file_entry& file, const codecs::codec_error& error) {
  std::printf("%s: would fail: %s (%s)\n", printable(file.path).c_str(),
              std::string{to_string(error.reason)}.c_str(), printable(error.detail).c_str());
}

void say_plan(const domain::file_entry& file, const codecs::image_info& info,
              const codecs::conversion_plan& plan) {
  std::string line = printable(file.path) + ": " + std::string{info.format} + ' ' +
                     std::to_string(info.upright_width()) + 'x' +
                     std::to_string(info.upright_height()) + " ->";
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    const auto& r = plan.outputs[i].resize;
    line += (i == 0 ? " " : ", ") + printable(file.outputs[i]) + ' ' +
            std::to_string(r.canvas_width) + 'x' + std::to_string(r.canvas_height);
  }
  line += ", about " + size_text(plan.memory_bytes) + " of memory";
  std::printf("%s\n", line.c_str());
}

std::string range_text(const std::string& value, const std::string& low, const std::string& high) {
  if (low == high) return value;
  auto text = value;
  return text.append(" (").append(low).append(" to ").append(high).append(")");
}

// What the run would take, by what was learnt here before and by a sample.
void say_estimate(actors::cost_calibration& known, const std::vector<sample_file>& files,
                  const convert_options& options, codecs::host::zygote& hosts) {
  if (files.empty()) return;
  const auto busy = std::min(options.slots, usable_cores());
  const auto converted =
      learn_from_sample(known, files, options.spec, busy,
                        actors::lease_memory_bytes(options.memory_bytes, options.slots), hosts);
  std::vector<actors::cost_prediction> predicted;
  predicted.reserve(files.size());
  for (const auto& file : files)
    predicted.push_back(file.predicted);
  const auto [us, bytes] = actors::estimate_run(known, predicted, busy);
  const auto time = [](double amount) { return duration_text(amount / 1e6); };
  const auto size = [](double amount) { return size_text(static_cast<std::uint64_t>(amount)); };
  const bool measured = std::ranges::any_of(
      predicted, [&](const auto& file) { return known.files_of(file.kind) > 0; });
  const auto source = converted != 0 ? count_text(converted, "file") + " converted as a sample"
                      : measured     ? std::string{"earlier runs into this folder"}
                                     : std::string{"headers alone"};
  std::printf("about %s, %s of outputs; by %s\n",
              range_text(time(us.value), time(us.low), time(us.high)).c_str(),
              range_text(size(bytes.value), size(bytes.low), size(bytes.high)).c_str(),
              source.c_str());
}

} // namespace

int run_dry(convert_options& options, codecs::host::zygote& hosts) {
  const auto out = absolute_path(options.out);
  const bool from_stream = take_standard_stream(options.sources);
  auto sources = find_sources(options.sources, out);
  if (!sources) return complain(sources.error(), exit_usage);
  base::result<standard_input, std::string> input = standard_input{};
  if (from_stream) input = read_standard_input();
  if (!input) return complain(input.error(), exit_usage);
  if (from_stream) sources->files.push_back(input->file);
  const auto journal = persistence::read_view::open(journal_directory(out));
  if (!journal && journal.error().fault != persistence::journal_fault::missing)
    return complain(journal.error().detail, exit_of(journal.error()));
  if (sources->empty()) return complain(nothing_found_text(*sources), exit_usage);
  say_omissions(*sources, false);
  const auto plan = plan_run(sources->files, out, options.spec, journal ? journal->get() : nullptr);
  if (!plan) return complain(plan.error(), exit_usage);
  if (plan->resumed) {
    std::printf("an interrupted run would go on\n");
    return exit_all;
  }
  actors::cost_calibration known;
  if (journal) {
    auto ratios = (*journal)->cost_ratios();
    if (!ratios) return complain(ratios.error().detail, exit_of(ratios.error()));
    for (auto& one : *ratios)
      known.restore(std::move(one));
  }
  std::vector<sample_file> convertible;
  std::size_t failures = 0;
  std::vector<std::uint64_t> peaks;
  std::unique_ptr<codec_host> host;
  for (const auto& file : plan->entries) {
    const auto info = probe(host, hosts, file);
    const auto planned = info ? codecs::plan_conversion(*info, file.bytes, options.spec)
                              : std::unexpected(info.error());
    if (planned) {
      say_plan(file, *info, *planned);
      peaks.push_back(planned->memory_bytes);
      convertible.push_back({&file, actors::predict_cost(*info, file.bytes, options.spec, *planned),
                             planned->memory_bytes, planned->cpu_ms_max});
    } else {
      say_failure(file, planned.error());
      failures += 1;
    }
  }
  for (const auto& renamed : plan->renamed)
    std::printf("renamed: %s\n", printable(renamed).c_str());
  std::ranges::sort(peaks, std::greater{});
  std::uint64_t together = 0;
  for (std::size_t i = 0; i < peaks.size() && i < options.slots; ++i)
    together += peaks[i];
  std::printf("%s to convert, %zu would fail, %zu done before, %zu renamed%s; "
              "at most %s of memory for %s at a time\n",
              count_text(plan->entries.size(), "file").c_str(), failures, plan->already_done,
              plan->renamed.size(),
              omissions_text(sources->unreadable.size(), sources->skipped.size()).c_str(),
              size_text(together).c_str(), count_text(options.slots, "file").c_str());
  host.reset();
  say_estimate(known, convertible, options, hosts);
  return exit_all;
}

} // namespace darkroom::app
