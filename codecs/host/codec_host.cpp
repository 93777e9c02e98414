#include "codecs/host/codec_host.hpp"

#include "base/result.hpp"
#include "base/units.hpp"
#include "codecs/host/messages.hpp"
#include "codecs/host/watched_time.hpp"
#include "codecs/limits.hpp"
#include "config/limits.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <utility>

namespace darkroom::codecs::host {

namespace {

using clock = std::chrono::steady_clock;
using enum domain::failure_reason;

constexpr int cpu_check_ms = 100; // how often a host's CPU time is looked at
// Address space that is no memory: a thread of rounding in malloc, and the library's own.
constexpr std::uint64_t address_slack_bytes = 12 * limits::MiB;

std::uint64_t address_bytes_max(std::uint64_t pixels) {
  return limits::host_address_base_bytes + pixels * limits::host_address_bytes_per_pixel;
}

// proc(5), stat: "pid (name) state …".
std::string stat_text(int pid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const base::unique_fd file{::open(path, O_RDONLY | O_CLOEXEC)};
  char text[128];
  const auto n = file ? ::read(file.get(), text, sizeof text) : -1;
  return n <= 0 ? std::string{} : std::string(text, static_cast<std::size_t>(n));
}

const char* name_of_signal(int signal) {
  switch (signal) {
  case SIGSYS:
    return "it made a forbidden system call (SIGSYS)";
  case SIGSEGV:
    return "it touched memory that is not its own (SIGSEGV)";
  case SIGBUS:
    return "it touched memory that is not there (SIGBUS)";
  case SIGABRT:
    return "it gave up (SIGABRT)";
  case SIGFPE:
    return "it divided by zero (SIGFPE)";
  case SIGILL:
    return "it ran an illegal instruction (SIGILL)";
  default:
    return "a signal";
  }
}

bool seal(int fd) {
  return ::fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0;
}

} // namespace

base::result<std::unique_ptr<codec_host>, std::string> codec_host::start(zygote& from,
                                                                         host_role role) {
  auto process = from.spawn_host(role, address_bytes_max(limits::image_pixels_ceiling));
  if (!process) return std::unexpected(process.error());
  return std::unique_ptr<codec_host>(new codec_host(std::move(*process)));
}

codec_host::codec_host(spawned_host process) : process_(std::move(process)) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/statm", process_.pid);
  statm_.reset(::open(path, O_RDONLY | O_CLOEXEC));
}

codec_host::~codec_host() {
  kill();
}

bool codec_host::alive() const {
  pollfd ended{process_.pidfd.get(), POLLIN, 0};
  return alive_ && ::poll(&ended, 1, 0) == 0;
}

void codec_host::kill() noexcept {
  if (process_.pidfd) ::syscall(SYS_pidfd_send_signal, process_.pidfd.get(), SIGKILL, nullptr, 0);
}

void codec_host::interrupt() noexcept {
  interrupted_ = true;
  kill();
}

std::uint64_t codec_host::resident_bytes() const {
  return memory_bytes(memory_kind::resident);
}

// The first two numbers of statm (proc(5)), in pages. 0 without /proc, and when the host has ended.
std::uint64_t codec_host::memory_bytes(memory_kind kind) const {
  char text[128];
  const auto n = statm_ ? ::pread(statm_.get(), text, sizeof text, 0) : -1;
  if (n <= 0) return 0;
  std::uint64_t address_space = 0, resident = 0;
  const char* const end = text + n;
  const auto first = std::from_chars(text, end, address_space);
  if (first.ec == std::errc{} && first.ptr != end) std::from_chars(first.ptr + 1, end, resident);
  const auto pages = kind == memory_kind::resident ? resident : address_space;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t codec_host::cpu_us() const {
  clockid_t id;
  timespec used{};
  if (::clock_getcpuclockid(process_.pid, &id) != 0 || ::clock_gettime(id, &used) != 0) return 0;
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(used.tv_nsec) / 1'000;
}

// Read, not mapped: whatever the host does with its memory, this stays a number.
domain::conversion_progress codec_host::progress() const {
  progress_cell cell = 0;
  if (::pread(process_.progress.get(), &cell, sizeof cell, 0) != sizeof cell) return {};
  return from_cell(cell);
}

bool codec_host::is_stopped() const {
  const auto text = stat_text(process_.pid);
  const auto name_end = text.rfind(')');
  return name_end != std::string::npos && name_end + 2 < text.size() &&
         (text[name_end + 2] == 'T' || text[name_end + 2] == 't');
}

// The host has ended, or must: finds out how.
host_failure codec_host::end_of_life(std::optional<codec_error> why_killed) {
  using enum host_end;
  // Its sockets close a moment before it has ended. One that lives on has closed them itself.
  pollfd ended{process_.pidfd.get(), POLLIN, 0};
  const bool by_itself = !why_killed && ::poll(&ended, 1, limits::host_exit_ms) == 1;
  kill();
  alive_ = false;
  exit_report report{};
  pollfd wait{process_.status.get(), POLLIN, 0};
  const bool told = ::poll(&wait, 1, limits::host_spawn_ms) == 1 &&
                    ::read(process_.status.get(), &report, sizeof report) == sizeof report;
  if (told) note_used(report.cpu_us);
  if (interrupted_) return {by_us, {}};
  if (why_killed) return {by_file, *why_killed};
  if (by_itself && !told)
    return {by_others, {crashed, "the process that forks codec hosts has ended"}};
  if (by_itself && report.signal == SIGKILL)
    return {by_others, {crashed, "the codec host was killed from outside (SIGKILL)"}};
  if (told && report.signal == SIGXCPU)
    return {by_file, {limit_time, "the codec host used up its processor time"}};
  const auto unbuilt = static_cast<std::size_t>(report.exit_code - exit_no_wall);
  if (told && report.signal == 0 && unbuilt < base::enum_count<host_wall>)
    return {by_file,
            {crashed, "this system refuses a codec host what it cannot do without: " +
                          std::string{base::to_string(static_cast<host_wall>(unbuilt))}}};
  if (!told || report.signal == 0) return {by_file, {crashed, "the codec host ended"}};
  return {by_file, {crashed, std::string{"the codec host died: "} + name_of_signal(report.signal)}};
}

void codec_host::note_used(std::uint64_t total_us) {
  total_us = std::max(total_us, told_cpu_us_); // 0: not known
  job_cpu_us_ = total_us - std::exchange(told_cpu_us_, total_us);
}

host_failure codec_host::misbehaved(const char* how) {
  note_used(cpu_us());
  kill();
  alive_ = false;
  if (interrupted_) return {host_end::by_us, {}};
  return {host_end::by_file, {crashed, std::string{"the codec host broke its protocol: "} + how}};
}

base::result<wire_reply, host_failure>
codec_host::await_reply(std::uint64_t job_id, const job_limits& allowed,
                        const progress_listener& on_progress) {
  domain::conversion_progress told;
  watched_time wall{std::chrono::milliseconds{limits::host_watch_gap_ms}};
  const std::uint64_t cpu_end_us = cpu_us() + std::uint64_t{allowed.cpu_ms} * 1'000;
#ifndef DARKROOM_SANITIZED // a sanitizer's shadow memory is not the host's
  const std::uint64_t resident_max = resident_bytes() + allowed.memory_bytes + address_slack_bytes;
#endif
  for (;;) {
    pollfd wait[2] = {{process_.socket.get(), POLLIN, 0}, {process_.status.get(), POLLIN, 0}};
    const int ready = ::poll(wait, 2, cpu_check_ms);
    if (ready < 0 && errno != EINTR) return std::unexpected(misbehaved("poll failed"));
    if ((wait[0].revents & POLLIN) != 0) {
      wire_reply reply{};
      received_fds none;
      if (!receive(process_.socket.get(), &reply, sizeof reply, none))
        return std::unexpected(end_of_life(std::nullopt));
      if (!none.list().empty()) return std::unexpected(misbehaved("it sent a descriptor"));
      if (reply.job_id != job_id) return std::unexpected(misbehaved("it answered another job"));
      note_used(cpu_us());
      return reply;
    }
    if (ready > 0 && (wait[0].revents != 0 || wait[1].revents != 0))
      return std::unexpected(end_of_life(std::nullopt));
    if (on_progress)
      if (const auto now = progress(); now != told) on_progress(told = now);
    if (wall.passed(clock::now()) >= std::chrono::milliseconds(allowed.wall_ms)) {
      const bool stopped = is_stopped();
      auto failure = end_of_life(codec_error{limit_time, "it took longer than its size allows"});
      if (stopped && failure.end == host_end::by_file)
        failure = {host_end::by_others, {crashed, "the codec host was stopped from outside"}};
      return std::unexpected(std::move(failure));
    }
    if (cpu_us() > cpu_end_us)
      return std::unexpected(
          end_of_life(codec_error{limit_time, "it used more processor time than its size allows"}));
#ifndef DARKROOM_SANITIZED
    if (resident_bytes() > resident_max)
      return std::unexpected(
          end_of_life(codec_error{limit_memory, "it took more memory than it was granted"}));
#endif
  }
}

base::result<wire_reply, host_failure> codec_host::run(wire_job& job, std::span<const int> fds,
                                                       const job_limits& allowed,
                                                       const progress_listener& on_progress) {
  job.job_id = next_job_id_++;
  job_cpu_us_.reset();
  // Unknown without /proc, and when it has ended, which sending will tell.
  const auto known_bytes = memory_bytes(memory_kind::address_space);
  const auto address_bytes = known_bytes != 0 ? known_bytes : limits::host_address_base_bytes;
  job.address_bytes_max = address_bytes + allowed.memory_bytes + address_slack_bytes;
  if (!send(process_.socket.get(), &job, sizeof job, fds))
    return std::unexpected(end_of_life(std::nullopt));
  auto reply = await_reply(job.job_id, allowed, on_progress);
  if (!reply) return reply;
  jobs_done_ += 1;
  if (reply->ok != 0) return reply;
  const bool known = reply->reason < base::enum_count<domain::failure_reason>;
  if (!known) return std::unexpected(misbehaved("it gave an unknown reason"));
  return std::unexpected(host_failure{
      host_end::by_file,
      {static_cast<domain::failure_reason>(reply->reason), std::string{reply->detail.get()}}});
}

base::result<image_info, host_failure> codec_host::probe(int input, std::uint64_t input_bytes,
                                                         const input_limits& limits) {
  wire_job job{};
  job.kind = job_kind::probe;
  job.input_bytes = input_bytes;
  job.limits = limits;
  const int fds[] = {input};
  const auto reply =
      run(job, fds, {limits::probe_memory_bytes, limits::probe_cpu_ms, limits::probe_wall_ms});
  if (!reply) return std::unexpected(reply.error());
  const auto info = from_wire(reply->info);
  if (!info) return std::unexpected(misbehaved("its header makes no sense"));
  return *info;
}

base::result<conversion, host_failure>
codec_host::convert(int input, std::uint64_t input_bytes, const domain::conversion_spec& spec,
                    const input_limits& limits, std::span<const int> outputs,
                    const job_limits& allowed, const progress_listener& on_progress,
                    const std::optional<pixel_area>& crop) {
  wire_job job{};
  job.kind = job_kind::convert;
  job.crop = crop.value_or(pixel_area{});
  job.input_bytes = input_bytes;
  job.limits = limits;
  job.output_count = static_cast<std::uint32_t>(spec.outputs.size());
  job.spec = pack(spec);
  if (allowed.unread) {
    job.unread_memory_bytes = allowed.memory_bytes;
    job.unread_cpu_ms = allowed.cpu_ms;
  }
  std::array<int, received_fds::max> fds{};
  fds[0] = input;
  std::ranges::copy(outputs, fds.begin() + 1);
  const auto reply = run(job, std::span(fds).first(outputs.size() + 1), allowed, on_progress);
  if (!reply) return std::unexpected(reply.error());

  const auto info = from_wire(reply->info);
  if (reply->needs_more != 0) {
    if (!allowed.unread || !info) return std::unexpected(misbehaved("its reply makes no sense"));
    return std::unexpected(host_failure{host_end::by_limits, {}});
  }
  if (!info || reply->output_count != outputs.size())
    return std::unexpected(misbehaved("its reply makes no sense"));
  conversion done{.info = *info, .losses = {reply->losses}, .outputs = {}};
  done.losses.drop_unknown();
  done.arrived_percent = std::min<std::uint8_t>(reply->arrived_percent, 100);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& said = reply->outputs[i];
    struct stat about{};
    if (!seal(outputs[i]) || ::fstat(outputs[i], &about) != 0)
      return std::unexpected(misbehaved("an output could not be sealed"));
    if (static_cast<std::uint64_t>(about.st_size) != said.bytes || said.bytes == 0)
      return std::unexpected(misbehaved("an output has another size than it says"));
    done.outputs.push_back({said.bytes, said.width, said.height});
  }
  return done;
}

base::unique_fd make_output_file() {
  return base::unique_fd{::memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
}

namespace {

struct sample_file {
  base::unique_fd file;
  std::uint64_t bytes = 0;
};
base::result<sample_file, std::string> open_sample() {
  const auto source = std::ranges::find_if(
      formats(), [](const format_row& format) { return !format.sample.empty(); });
  if (source == formats().end()) return std::unexpected("no format has a test picture");
  const auto picture = source->sample;
  sample_file sample{make_output_file(), picture.size()};
  if (!sample.file || ::pwrite(sample.file.get(), picture.data(), picture.size(), 0) !=
                          static_cast<ssize_t>(picture.size()))
    return std::unexpected("no memory for a test picture");
  return sample;
}

} // namespace

base::result<void, std::string> probe_sample(zygote& from) {
  const auto sample = open_sample();
  if (!sample) return std::unexpected(sample.error());
  auto host = codec_host::start(from);
  if (!host) return std::unexpected(host.error());
  const auto info = (*host)->probe(sample->file.get(), sample->bytes, {});
  if (!info)
    return std::unexpected("a codec host cannot read the built-in picture: " +
                           info.error().error.detail);
  return {};
}

base::result<void, std::string> self_test(zygote& from) {
  const auto sample = open_sample();
  if (!sample) return std::unexpected(sample.error());
  domain::conversion_spec spec;
  std::vector<base::unique_fd> files;
  std::vector<int> outputs;
  for (const auto& format : formats()) {
    if (format.encode == nullptr) continue;
    spec.outputs.push_back({.format = std::string{format.name}});
    files.push_back(make_output_file());
    outputs.push_back(files.back().get());
  }
  auto host = codec_host::start(from);
  if (!host) return std::unexpected(host.error());
  const auto done = (*host)->convert(sample->file.get(), sample->bytes, spec, {}, outputs,
                                     {64 * limits::MiB, 5'000, 20'000});
  if (!done)
    return std::unexpected("a codec host cannot convert the built-in picture: " +
                           done.error().error.detail);
  return {};
}

} // namespace darkroom::codecs::host
