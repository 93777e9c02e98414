// Codec hosts from outside: what they can do, and every wall from inside.
#include "base/result.hpp"
#include "base/units.hpp"
#include "codecs/conversion_plan.hpp"
#include "codecs/host/codec_host.hpp"
#include "codecs/host/watched_time.hpp"
#include "codecs/limits.hpp"

#include "pictures.hpp"
#include "shared_zygote.hpp"
#include "tests/support/scratch.hpp"
#include "toy_formats.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <sstream>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace darkroom::codecs::host;
using namespace darkroom::tests;
using domain::failure_reason;

namespace {

std::unique_ptr<codec_host> fresh() {
  auto made = codec_host::start(hosts());
  REQUIRE(made);
  return std::move(*made);
}

base::unique_fd file_of(const std::string& content) {
  auto fd = make_output_file();
  REQUIRE(::write(fd.get(), content.data(), content.size()) ==
          static_cast<ssize_t>(content.size()));
  REQUIRE(::lseek(fd.get(), 0, SEEK_SET) == 0);
  return fd;
}

darkroom::base::result<conversion, host_failure>
run(codec_host& host, const std::string& file, const std::string& format = "png",
    job_limits allowed = {64 * limits::MiB, 5'000, 20'000}) {
  const auto source = file_of(file);
  const auto output = make_output_file();
  const int outputs[] = {output.get()};
  return host.convert(source.get(), file.size(), spec_to(format), {}, outputs, allowed);
}

host_failure attack(const std::string& name, job_limits allowed = {64 * limits::MiB, 400, 5'000}) {
  auto host = fresh();
  auto done = run(*host, evil_file(name), "png", allowed);
  REQUIRE_FALSE(done);
  return done.error();
}

bool gone(int pid) {
  return ::kill(pid, 0) != 0 && errno == ESRCH;
}

bool comes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// The walls that sanitizer builds do not have are skipped by name.
void needs_walls() {
#ifdef DARKROOM_SANITIZED
  SKIP("sanitizer builds have no system-call filter and no address limit");
#endif
}

} // namespace

TEST_CASE("the self-test passes") {
  CHECK(self_test(hosts()));
}

TEST_CASE("a host converts one file after another, and its outputs are sealed") {
  auto host = fresh();
  const auto file = encoded("png", gradient(pixel_layout::rgb, 30, 20));
  for (int i = 0; i < 5; ++i) {
    const auto source = file_of(file);
    const auto output = make_output_file();
    const int outputs[] = {output.get()};
    const auto done = host->convert(source.get(), file.size(), spec_to("webp"), {}, outputs,
                                    {64 * limits::MiB, 5'000, 20'000});
    REQUIRE(done);
    CHECK(done->outputs[0].width == 30);
    CHECK(::write(output.get(), "x", 1) < 0);
    CHECK(::ftruncate(output.get(), 1) < 0);
  }
  CHECK(host->jobs_done() == 5);
}

TEST_CASE("a host looks at a file that nobody has looked at before, and says what it needs") {
  auto host = fresh();
  const job_limits guessed{.memory_bytes = 8 * limits::MiB,
                           .cpu_ms = limits::cpu_base_ms + limits::cpu_ms_per_megapixel,
                           .wall_ms = 20'000,
                           .unread = true};
  const auto small = encoded("png", gradient(pixel_layout::rgb, 64, 64));
  REQUIRE(run(*host, small, "webp", guessed));
  CHECK(host->job_cpu_us().value_or(0) > 0);
  // Few bytes, many pixels.
  const auto large = encoded("png", gradient(pixel_layout::grey, 4'000, 4'000));
  const auto refused = run(*host, large, "webp", guessed);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().end == host_end::by_limits);
  const auto bad = run(*host, "no picture", "webp", guessed);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().end == host_end::by_file);
  CHECK(bad.error().error.reason == failure_reason::unsupported_format);
  // The host is well.
  CHECK(host->alive());
  CHECK(run(*host, small, "webp", guessed));
}

TEST_CASE("a host probes, and says why it cannot") {
  auto host = fresh();
  const auto file = encoded("webp", gradient(pixel_layout::rgba, 30, 20));
  const auto info = host->probe(file_of(file).get(), file.size(), {});
  REQUIRE(info);
  CHECK(info->format == "webp");
  CHECK(info->alpha);
  const auto refused = host->probe(file_of("not a picture").get(), 13, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().error.reason == failure_reason::unsupported_format);
  CHECK(host->alive());
}

TEST_CASE("a forbidden system call ends the host, and only the host") {
  needs_walls();
  const auto name = GENERATE(from_range(system_call_attacks()));
  INFO(name);
  const auto failure = attack(name);
  CHECK(failure.end == host_end::by_file);
  CHECK(failure.error.reason == failure_reason::crashed);
  CHECK(failure.error.detail.find("SIGSYS") != std::string::npos);
}

TEST_CASE("memory past the grant is refused, and named") {
  needs_walls();
  const auto failure = attack("memory", {64 * limits::MiB, 20'000, 60'000});
  INFO(failure.error.detail);
  CHECK(failure.error.reason == failure_reason::limit_memory);
}

TEST_CASE("a conversion to PNG stays within the memory that was predicted") {
  const auto photo = encoded("jpeg", noise(pixel_layout::rgb, 3'000, 2'000), {}, {.quality = 90});
  const auto deep = encoded("png", gradient(pixel_layout::rgba, 1'500, 1'200, 16));
  const auto grey = encoded("jpeg", noise(pixel_layout::grey, 3'000, 2'000), {}, {.quality = 90});
  for (const auto* file : {&photo, &deep, &grey}) {
    auto host = fresh();
    const auto plan = plan_conversion(*probed(*file), file->size(), spec_to("png"));
    REQUIRE(plan);
    const auto done = run(*host, *file, "png", {plan->memory_bytes, 60'000, 240'000});
    INFO((done ? "" : done.error().error.detail));
    CHECK(done);
  }
}

TEST_CASE("what a host used that had to be ended is known") {
  auto host = fresh();
  REQUIRE_FALSE(run(*host, evil_file("time"), "png", {64 * limits::MiB, 200, 20'000}));
  CHECK_FALSE(host->alive());
  CHECK(host->job_cpu_us().value_or(0) >= 200'000);
}

TEST_CASE("time past the allowance ends the host") {
  const auto failure = attack("time", {64 * limits::MiB, 200, 20'000});
  CHECK(failure.error.reason == failure_reason::limit_time);
  const auto wall = attack("time", {64 * limits::MiB, 60'000, 200});
  CHECK(wall.error.reason == failure_reason::limit_time);
}

TEST_CASE("an output past the limit is cut off by the kernel") {
  needs_walls();
  auto host = fresh();
  const auto source = file_of(evil_file("output"));
  const auto output = make_output_file();
  const int outputs[] = {output.get()};
  const auto done = host->convert(source.get(), 10, spec_to("png"), {}, outputs,
                                  {64 * limits::MiB, 20'000, 60'000});
  CHECK_FALSE(done);
  struct stat about{};
  REQUIRE(::fstat(output.get(), &about) == 0);
  CHECK(static_cast<std::uint64_t>(about.st_size) <= limits::output_bytes_max);
}

TEST_CASE("a host that crashes, sends what it must not, or lies, is ended") {
  CHECK(attack("segv").error.reason == failure_reason::crashed);
  CHECK(attack("abort").error.reason == failure_reason::crashed);
  CHECK(attack("descriptors").error.reason == failure_reason::crashed);
  CHECK(attack("lie").error.reason == failure_reason::crashed);
}

TEST_CASE("an interruption ends a conversion at once") {
  auto host = fresh();
  std::jthread killer([&] {
    comes_true([&] { return host->resident_bytes() > 0; });
    host->interrupt();
  });
  const auto done = run(*host, evil_file("time"), "png", {64 * limits::MiB, 60'000, 60'000});
  REQUIRE_FALSE(done);
  CHECK(done.error().end == host_end::by_us);
  CHECK_FALSE(host->alive());
}

TEST_CASE("a host that is killed from outside is no file's fault") {
  auto host = fresh();
  ::kill(host->pid(), SIGKILL);
  const auto done = run(*host, toy_file(1));
  REQUIRE_FALSE(done);
  CHECK(done.error().error.reason == failure_reason::crashed);
  CHECK(done.error().end == host_end::by_others);
}

TEST_CASE("a host that stands still because of others is no file's fault") {
  auto host = fresh();
  ::kill(host->pid(), SIGSTOP);
  const auto done = run(*host, toy_file(1), "png", {64 * limits::MiB, 60'000, 300});
  REQUIRE_FALSE(done);
  CHECK(done.error().end == host_end::by_others);
  CHECK(done.error().error.detail.find("stopped from outside") != std::string::npos);
}

TEST_CASE("time in which nobody watched does not count") {
  using std::chrono::milliseconds;
  const watched_time::clock::time_point begin{};
  watched_time time(milliseconds(1'000), begin);
  CHECK(time.passed(begin + milliseconds(100)) == milliseconds(100));
  CHECK(time.passed(begin + milliseconds(900)) == milliseconds(900));
  // The process tree was frozen for two minutes.
  CHECK(time.passed(begin + milliseconds(120'900)) == milliseconds(1'900));
  CHECK(time.passed(begin + milliseconds(121'000)) == milliseconds(2'000));
}

TEST_CASE("a host dies with its handle, and all hosts die with the zygote") {
  int pid = 0;
  {
    auto host = fresh();
    pid = host->pid();
  }
  CHECK(comes_true([&] { return gone(pid); }));

  auto own = zygote::start();
  REQUIRE(own);
  auto host = codec_host::start(**own);
  REQUIRE(host);
  pid = (*host)->pid();
  delete *own;
  CHECK(comes_true([&] { return gone(pid); }));
}

TEST_CASE("a zygote that dies is started again") {
  auto own = zygote::start();
  REQUIRE(own);
  ::kill((*own)->pid(), SIGKILL);
  auto host = codec_host::start(**own);
  REQUIRE(host);
  CHECK(run(**host, toy_file(5)));
  host->reset();
  delete *own;
}

TEST_CASE("a zygote that stands still is killed, and replaced, also at the end") {
  auto own = zygote::start();
  REQUIRE(own);
  const int first = (*own)->pid();
  {
    auto host = codec_host::start(**own);
    REQUIRE(host);
  }
  ::kill(first, SIGSTOP);
  {
    auto host = codec_host::start(**own);
    REQUIRE(host);
    CHECK(run(**host, toy_file(5)));
  }
  CHECK(gone(first));
  const int second = (*own)->pid();
  CHECK(second != first);
  ::kill(second, SIGSTOP);
  delete *own;
  CHECK(gone(second));
}

TEST_CASE("hosts that convert are nice, the first to go when memory runs out, and have a stack of "
          "their own") {
  auto host = fresh();
  REQUIRE(run(*host, toy_file(5)));
  const auto of = "/proc/" + std::to_string(host->pid());
  CHECK(::getpriority(PRIO_PROCESS, static_cast<id_t>(host->pid())) == 10);
  CHECK(content_of(of + "/oom_score_adj") == "1000\n");
  const auto told = content_of(of + "/limits");
  constexpr std::string_view row = "Max stack size";
  std::istringstream numbers(told.substr(told.find(row) + row.size()));
  std::uint64_t stack_bytes = 0;
  CHECK(numbers >> stack_bytes);
  CHECK(stack_bytes == limits::host_stack_bytes);
}

TEST_CASE("a host that reads headers is as nice as the server: somebody waits for its answer") {
  auto host = codec_host::start(hosts(), host_role::interactive);
  REQUIRE(host);
  REQUIRE(run(**host, toy_file(5))); // it is behind its walls by now
  CHECK(::getpriority(PRIO_PROCESS, static_cast<id_t>((*host)->pid())) ==
        ::getpriority(PRIO_PROCESS, 0));
}

TEST_CASE("a host runs as nobody, without rights, with its filter on") {
  needs_walls();
  auto host = fresh();
  REQUIRE(run(*host, toy_file(5))); // it is behind its walls by now
  const auto status = content_of("/proc/" + std::to_string(host->pid()) + "/status");
  CHECK(status.find("Seccomp:\t2") != std::string::npos);
  CHECK(status.find("NoNewPrivs:\t1") != std::string::npos);
  CHECK(status.find("CapEff:\t0000000000000000") != std::string::npos);
  if (::geteuid() == 0) CHECK(status.find("Uid:\t65534\t65534") != std::string::npos);
}

TEST_CASE("a host holds on to no disk") {
  if (::geteuid() != 0) SKIP("mounts of another process are for root to see");
  auto host = fresh();
  REQUIRE(run(*host, toy_file(5)));
  const auto of = "/proc/" + std::to_string(host->pid());
  if (std::filesystem::read_symlink(of + "/ns/mnt") ==
      std::filesystem::read_symlink("/proc/self/ns/mnt"))
    SKIP("no mount namespaces here");
  const auto mounts = content_of(of + "/mountinfo");
  CAPTURE(mounts);
  CHECK(std::ranges::count(mounts, '\n') == 1);
  CHECK(mounts.find(" / / ro,") != std::string::npos);
}
