#include "app/convert_stream.hpp"

#include "actors/host_slot.hpp"
#include "actors/orchestra.hpp"
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/memory_output.hpp"
#include "app/sources.hpp"
#include "app/standard_input.hpp"
#include "app/text.hpp"
#include "base/result.hpp"
#include "codecs/host/codec_host.hpp"
#include "domain/failure_reason.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <unistd.h>

namespace darkroom::app {

namespace {

persistence::file_result<void> write_to_standard_output(int content) {
  std::array<std::uint8_t, 64 * 1024> piece;
  for (off_t at = 0;;) {
    const auto n = ::pread(content, piece.data(), piece.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(persistence::last_error("reading the output"));
    if (n == 0) return {};
    const auto ok = persistence::write_all(
        STDOUT_FILENO, std::span(piece).first(static_cast<std::size_t>(n)), "standard output");
    if (!ok) return ok;
    at += n;
  }
}

int fail(const std::string& path, const codecs::codec_error& error) {
  return complain(printable(path) + ": " + std::string{to_string(error.reason)} + ", " +
                      std::string{domain::explain(error.reason)} +
                      (error.detail.empty() ? "" : " (" + printable(error.detail) + ")"),
                  exit_all_failed);
}

int convert_one(const convert_options& options, const source_file& source,
                codecs::host::zygote& hosts) {
  const auto file = std::make_shared<const domain::file_entry>(domain::file_entry{
      source.path, source.absolute, source.bytes, source.modified_ns, {source.path}});
  auto output = std::make_shared<memory_output>();
  actors::host_slot slot(hosts, output, {});
  const auto info = slot.probe({"local", file});
  if (!info) return fail(source.path, info.error());
  const auto plan = codecs::plan_conversion(*info, source.bytes, options.spec);
  if (!plan) return fail(source.path, plan.error());
  const auto memory = actors::lease_memory_bytes(options.memory_bytes, 1);
  if (plan->memory_bytes > memory)
    return fail(source.path, {domain::failure_reason::limit_memory, ""});
  actors::conversion_job job;
  job.lease = 1;
  job.owner = "local";
  job.file = file;
  job.spec = std::make_shared<const domain::conversion_spec>(options.spec);
  job.memory_bytes = memory;
  job.cpu_ms = plan->cpu_ms_max;
  const auto outcome = slot.convert(job, [](const domain::conversion_progress&) {});
  if (const auto* failed = std::get_if<actors::conversion_failed>(&outcome))
    return fail(source.path, failed->error);
  if (!std::holds_alternative<actors::file_converted>(outcome))
    return complain(printable(source.path) + ": the conversion was interrupted", exit_interrupted);
  if (const auto ok = write_to_standard_output(output->content()); !ok)
    return complain(ok.error().text(), exit_output);
  return exit_all;
}

} // namespace

int convert_to_standard_output(convert_options& options, codecs::host::zygote& hosts) {
  if (::isatty(STDOUT_FILENO) != 0)
    return complain("-o - writes an image, and standard output is a terminal; redirect it",
                    exit_usage);
  const bool from_stream = take_standard_stream(options.sources);
  const auto named = find_sources(options.sources, "");
  if (!named) return complain(named.error(), exit_usage);
  if (!named->unreadable.empty())
    return complain(printable(named->unreadable[0].named) + ": " + named->unreadable[0].why,
                    exit_all_failed);
  if (named->files.size() + (from_stream ? 1u : 0u) != 1)
    return complain("-o - writes one image: name one file, or - for standard input", exit_usage);
  if (!from_stream) return convert_one(options, named->files[0], hosts);
  const auto input = read_standard_input();
  if (!input) return complain(input.error(), exit_usage);
  return convert_one(options, input->file, hosts);
}

} // namespace darkroom::app
