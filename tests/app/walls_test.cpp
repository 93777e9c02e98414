// Hostile files among good ones, through all actors: each ends its host and is named, and the batch
// goes on.
#include "actors/host_slot.hpp"
#include "actors/orchestra.hpp"
#include "base/units.hpp"
#include "persistence/output_directory.hpp"
#include "persistence/read_view.hpp"
#include "tests/codecs/toy_formats.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <condition_variable>
#include <mutex>
#include <sys/stat.h>

using namespace darkroom;
using namespace darkroom::tests;
using domain::failure_reason;

namespace {

// The real slot, which gives a file that spins 300 ms instead of the time of its size. The other
// files keep theirs: one that fills its memory needs longer than 300 ms on a slow machine.
class hasty_slot final : public actors::slot_runner {
public:
  explicit hasty_slot(std::unique_ptr<actors::slot_runner> real) : real_(std::move(real)) {}
  codecs::result<codecs::image_info> probe(const actors::probe_job& job) override {
    return real_->probe(job);
  }
  actors::conversion_outcome convert(const actors::conversion_job& job,
                                     const codecs::progress_listener& on_progress) override {
    auto hasty = job;
    if (job.file->path.ends_with("evil-time")) hasty.cpu_ms = 300;
    return real_->convert(hasty, on_progress);
  }
  void interrupt(domain::lease_id lease) noexcept override { real_->interrupt(lease); }

private:
  std::unique_ptr<actors::slot_runner> real_;
};

} // namespace

TEST_CASE("each wall ends its host, is named, and the batch goes on") {
#ifdef DARKROOM_SANITIZED
  SKIP("sanitizer builds have no system-call filter and no address limit");
#endif
  auto hosts = codecs::host::zygote::start();
  REQUIRE(hosts);
  const std::unique_ptr<codecs::host::zygote> owner(*hosts);
  scratch dir;
  const std::vector<std::pair<std::string, failure_reason>> attacks{
      {"openat", failure_reason::crashed},      {"socket", failure_reason::crashed},
      {"fork", failure_reason::crashed},        {"execve", failure_reason::crashed},
      {"memory", failure_reason::limit_memory}, {"time", failure_reason::limit_time}};
  domain::add_files add;
  const auto put = [&](const std::string& name, const std::string& content) {
    const auto source = dir.write("in/" + name, content);
    struct stat about{};
    REQUIRE(::stat(source.c_str(), &about) == 0);
    add.entries.push_back({name,
                           source,
                           content.size(),
                           about.st_mtim.tv_sec * 1'000'000'000 + about.st_mtim.tv_nsec,
                           {name + ".toy"}});
  };
  for (std::size_t i = 0; i < attacks.size(); ++i) {
    put("good" + std::to_string(i), toy_file(static_cast<std::uint8_t>(10 + i)));
    put("evil-" + attacks[i].first, evil_file(attacks[i].first));
  }

  const actors::store_opener open = [&] {
    return persistence::journal_store::open({dir / "journal", nullptr});
  };
  auto outputs = std::make_shared<persistence::output_directory>(dir.path());
  std::mutex mutex;
  std::condition_variable changed;
  bool finished = false;
  std::map<std::string, failure_reason> failed;
  std::size_t completed = 0;
  {
    actors::orchestra orchestra(
        {.slots = 2,
         .memory_bytes = 256 * limits::MiB,
         .make_runner = [&]() -> std::unique_ptr<actors::slot_runner> {
           return std::make_unique<hasty_slot>(
               std::make_unique<actors::host_slot>(**hosts, outputs, codecs::input_limits{}));
         },
         .outputs = outputs,
         .open_journal = open,
         .journal = std::move(*open()),
         .announce = [](const std::string&) {},
         .give_up = [] {}});
    const domain::batch_id batch{{1}};
    domain::create_batch create;
    create.spec.outputs.push_back({.format = "toy"});
    REQUIRE(actors::resulting_view(orchestra.command(batch, create)) != nullptr);
    REQUIRE(actors::resulting_view(orchestra.command(batch, add)) != nullptr);
    orchestra.follow(
        batch,
        [&](const std::vector<persistence::journaled_event>& events) {
          const std::lock_guard lock(mutex);
          for (const auto& e : events) {
            completed += std::holds_alternative<domain::file_completed>(e.fact);
            finished |= std::holds_alternative<domain::batch_finished>(e.fact);
            if (const auto* f = std::get_if<domain::file_failed>(&e.fact))
              failed[add.entries.at(f->index).path] = f->reason;
          }
          changed.notify_one();
        },
        [] {});
    REQUIRE(actors::resulting_view(orchestra.command(batch, domain::start_batch{})) != nullptr);
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, std::chrono::seconds(90), [&] { return finished; }));
    lock.unlock();
    CHECK(orchestra.shut_down());
  }
  CHECK(completed == attacks.size());
  for (const auto& [name, reason] : attacks) {
    INFO(name);
    REQUIRE(failed.contains("evil-" + name));
    CHECK(failed.at("evil-" + name) == reason);
  }
  for (std::size_t i = 0; i < attacks.size(); ++i)
    CHECK(content_of(dir / ("good" + std::to_string(i) + ".toy")) ==
          toy_file(static_cast<std::uint8_t>(10 + i)));
}
