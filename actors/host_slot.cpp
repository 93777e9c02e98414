#include "actors/host_slot.hpp"

#include "actors/limits.hpp"
#include "actors/store_error.hpp"
#include "base/errno_text.hpp"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace darkroom::actors {

namespace {

using enum domain::failure_reason;
using base::unique_fd;
using codecs::fail;

conversion_outcome failed(codecs::codec_error error) {
  return conversion_failed{std::move(error)};
}

std::uint32_t microseconds(std::chrono::steady_clock::duration took) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

// Nothing is asked of this output but that it be smaller.
bool asks_only_for_size(const domain::conversion_spec& spec, const domain::output_spec& output) {
  return !output.resize && spec.metadata == domain::metadata_policy::keep &&
         spec.icc == domain::icc_policy::preserve && !output.progressive;
}

bool saves_too_little(const domain::conversion_spec& spec, const domain::output_spec& output,
                      const codecs::conversion& done, std::size_t i, std::uint64_t source_bytes) {
  auto losses = done.losses;
  losses.remove(domain::losses_beside_picture());
  return spec.min_saving_percent != 0 && output.format == done.info.format &&
         done.info.orientation == 1 && losses.empty() && asks_only_for_size(spec, output) &&
         done.outputs[i].bytes * 100 > source_bytes * (100u - spec.min_saving_percent);
}

} // namespace

host_slot::host_slot(codecs::host::zygote& hosts,
                     std::shared_ptr<persistence::output_store> outputs,
                     codecs::input_limits limits, source_opener open_source,
                     std::shared_ptr<codecs::host::host_stock> stock)
    : hosts_(hosts), outputs_(std::move(outputs)), limits_(limits),
      open_source_(std::move(open_source)), stock_(std::move(stock)) {}

codecs::result<unique_fd> open_path(const domain::file_entry& file, bool) {
  unique_fd fd{::open(file.source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (!fd)
    return fail(errno == ENOENT || errno == ENOTDIR ? source_missing : io_error,
                file.source + ": " + base::errno_text(errno));
  struct stat about{};
  if (::fstat(fd.get(), &about) != 0) return fail(io_error, base::errno_text(errno));
  if (!S_ISREG(about.st_mode)) return fail(io_error, file.source + " is not a regular file");
  const std::int64_t modified_ns = about.st_mtim.tv_sec * 1'000'000'000 + about.st_mtim.tv_nsec;
  if (static_cast<std::uint64_t>(about.st_size) != file.bytes ||
      (file.modified_ns != 0 && modified_ns != file.modified_ns))
    return fail(source_changed, file.source);
  return fd;
}

// The host from now on; the one before ends when this returns.
void host_slot::replace_host(std::unique_ptr<codecs::host::codec_host> host) {
  const std::lock_guard lock(mutex_);
  std::swap(host_, host);
}

// A host that may serve this owner, new if need be. Only this slot's thread changes `host_`, so it
// reads it without the mutex, which must be free while a host starts.
codecs::result<codecs::host::codec_host*> host_slot::host_for(const std::string& owner,
                                                              codecs::host::host_role role) {
  if (host_ && (!host_->alive() || owner_ != owner || role_ != role)) replace_host(nullptr);
  if (!host_) {
    const bool from_stock = stock_ && role == codecs::host::host_role::conversion;
    auto made = from_stock ? stock_->take() : codecs::host::codec_host::start(hosts_, role);
    if (!made) return fail(internal, made.error());
    replace_host(std::move(*made));
    owner_ = owner;
    role_ = role;
  }
  return host_.get();
}

void host_slot::retire_if_due() {
  if (host_ && (!host_->alive() || host_->jobs_done() >= limits::host_jobs_before_recycling ||
                host_->resident_bytes() > limits::host_idle_bytes_max))
    replace_host(nullptr);
}

// From actors' threads: it must not wait. A host that starts meanwhile is given no work (`begin`).
void host_slot::interrupt(domain::lease_id lease) noexcept {
  const std::lock_guard lock(mutex_);
  interrupted_ = lease;
  if (running_ == lease && host_) host_->interrupt();
}

// From here on an interruption kills the host; false when one came before.
bool host_slot::begin(domain::lease_id lease) {
  const std::lock_guard lock(mutex_);
  if (interrupted_ == lease) return false;
  running_ = lease;
  return true;
}

// False when an interruption came meanwhile.
bool host_slot::end() {
  const std::lock_guard lock(mutex_);
  return interrupted_ != std::exchange(running_, 0);
}

codecs::result<codecs::image_info> host_slot::probe(const probe_job& job) {
  if (job.file->bytes > limits_.bytes)
    return fail(limit_input_bytes,
                "the file has more than " + std::to_string(limits_.bytes) + " bytes");
  auto source = open_source_(*job.file, false);
  if (!source) return std::unexpected(source.error());
  for (int tries = 1;; ++tries) {
    auto host = host_for(job.owner, codecs::host::host_role::interactive);
    if (!host) return std::unexpected(host.error());
    ::lseek(source->get(), 0, SEEK_SET); // a host that was killed had read some of it
    auto info = (*host)->probe(source->get(), job.file->bytes, limits_);
    retire_if_due();
    if (info) return *info;
    // Reading a header is no work worth giving back: once more, in a new host.
    if (info.error().end != codecs::host::host_end::by_others || tries == 2)
      return std::unexpected(info.error().error);
  }
}

base::result<codecs::conversion, host_slot::no_conversion>
host_slot::run_host(const conversion_job& job, codecs::host::host_role role, int source,
                    std::span<const int> contents, const codecs::progress_listener& on_progress,
                    const std::optional<codecs::pixel_area>& crop) {
  using codecs::host::host_end;
  auto host = host_for(job.owner, role);
  if (!host) return std::unexpected(no_conversion{std::nullopt, host.error()});
  if (!begin(job.lease)) return std::unexpected(no_conversion{domain::interruption::shutdown, {}});
  auto done = (*host)->convert(
      source, job.file->bytes, *job.spec, limits_, contents,
      {job.memory_bytes, job.cpu_ms, job.cpu_ms * limits::wall_per_cpu, !job.header_read},
      on_progress, crop);
  cpu_us_ = (*host)->job_cpu_us();
  const bool interrupted = !end() || (!done && done.error().end == host_end::by_us);
  retire_if_due();
  if (interrupted) return std::unexpected(no_conversion{domain::interruption::shutdown, {}});
  if (done) return std::move(*done);
  if (done.error().end == host_end::by_others)
    return std::unexpected(no_conversion{domain::interruption::host_killed, done.error().error});
  if (done.error().end == host_end::by_limits)
    return std::unexpected(
        no_conversion{domain::interruption::memory_raised, {}, job.memory_bytes});
  return std::unexpected(no_conversion{std::nullopt, done.error().error});
}

// With `skip`, a file whose outputs are all there is done before it begins.
std::optional<file_converted> host_slot::keep_existing(const conversion_job& job) const {
  if (job.spec->existing != domain::existing_policy::skip || job.file->replaces ||
      job.may_be_placed)
    return std::nullopt;
  file_converted outcome;
  outcome.result.bytes_in = job.file->bytes;
  outcome.result.losses.add(domain::loss::existing_kept);
  for (const auto& target : job.file->outputs) {
    const auto there = outputs_->existing(target);
    if (!there) return std::nullopt;
    outcome.result.outputs.push_back({there->bytes, there->sha256, 0, 0, there->crc32});
  }
  return outcome;
}

conversion_outcome host_slot::convert(const conversion_job& job,
                                      const codecs::progress_listener& on_progress) {
  const auto began = std::chrono::steady_clock::now();
  const auto& spec = *job.spec;
  cpu_us_ = 0; // until a host has it
  // What is known to be in the way, or to be kept, costs no conversion.
  if (auto kept = keep_existing(job)) return std::move(*kept);
  const auto existing = job.file->replaces ? domain::existing_policy::overwrite : spec.existing;
  if (!job.may_be_placed && existing == domain::existing_policy::fail)
    for (const auto& target : job.file->outputs)
      if (outputs_->exists(target)) return failed({output_exists, target});

  auto source = open_source_(*job.file, true);
  if (!source) return failed(source.error());
  std::vector<unique_fd> files;
  std::vector<int> contents;
  for (std::size_t i = 0; i < spec.outputs.size(); ++i) {
    files.push_back(codecs::host::make_output_file());
    if (!files.back()) return failed({internal, "no memory file for an output"});
    contents.push_back(files.back().get());
  }
  auto done =
      run_host(job, codecs::host::host_role::conversion, source->get(), contents, on_progress);
  if (!done && done.error().given_back)
    return conversion_interrupted{*done.error().given_back, done.error().error.detail,
                                  done.error().memory_bytes};
  if (!done) return failed(done.error().error);

  const auto converted = std::chrono::steady_clock::now();
  on_progress({domain::conversion_stage::storing, 100});
  file_converted outcome;
  outcome.result.losses = done->losses;
  if (done->losses.has(domain::loss::truncated_salvaged))
    outcome.result.arrived_percent = done->arrived_percent;
  outcome.result.width = done->info.upright_width();
  outcome.result.height = done->info.upright_height();
  outcome.result.bytes_in = job.file->bytes;
  const auto* format = codecs::find_format(done->info.format);
  outcome.result.extension_mismatch =
      format != nullptr && codecs::extension_differs(job.file->path, *format);
  bool all_kept = true;
  for (std::uint32_t i = 0; i < contents.size(); ++i) {
    const bool keep = saves_too_little(spec, spec.outputs[i], *done, i, job.file->bytes);
    if (keep) outcome.result.losses.add(domain::loss::kept_original);
    all_kept = all_kept && keep;
    auto staged = outputs_->stage(job.batch, job.index, i, job.file->outputs[i],
                                  keep ? source->get() : contents[i], existing);
    if (staged) {
      if (auto ok = outputs_->set_time(*staged, job.file->modified_ns); !ok) {
        outputs_->discard(*staged);
        staged = std::unexpected(ok.error());
      }
    }
    if (!staged) {
      for (const auto& earlier : outcome.staged)
        outputs_->discard(earlier);
      return failed(store_error(staged.error()));
    }
    outcome.staged.push_back(std::move(*staged));
    outcome.result.outputs.push_back({outcome.staged.back().bytes, outcome.staged.back().sha256,
                                      done->outputs[i].width, done->outputs[i].height,
                                      outcome.staged.back().crc32});
  }
  if (all_kept) outcome.result.losses.remove(domain::losses_beside_picture());
  const auto ended = std::chrono::steady_clock::now();
  const auto took = ended - began;
  outcome.result.stages.convert_us = microseconds(converted - began);
  outcome.result.stages.store_us = microseconds(ended - converted);
  outcome.result.wall_ms = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
  return outcome;
}

preview host_slot::make_preview(const preview_job& job) {
  const auto began = std::chrono::steady_clock::now();
  auto source = open_source_(*job.file, false);
  if (!source) return preview_failed{source.error()};
  auto content = std::make_shared<unique_fd>(codecs::host::make_output_file());
  if (!*content) return preview_failed{{internal, "no memory file for a preview"}};
  conversion_job work;
  work.lease = job.number;
  work.owner = job.owner;
  work.file = job.file;
  work.spec = job.spec;
  work.memory_bytes = job.memory_bytes;
  work.cpu_ms = job.cpu_ms;
  const int to = content->get();
  const auto done = run_host(work, codecs::host::host_role::interactive, source->get(),
                             std::span(&to, 1), {}, job.crop);
  if (!done && done.error().given_back == domain::interruption::shutdown)
    return preview_superseded{};
  if (!done) return preview_failed{done.error().error};
  picture_made made{.memory = std::move(content),
                    .bytes = done->outputs[0].bytes,
                    .width = done->outputs[0].width,
                    .height = done->outputs[0].height,
                    .losses = done->losses};
  made.took_ms = microseconds(std::chrono::steady_clock::now() - began) / 1'000;
  return made;
}

} // namespace darkroom::actors
