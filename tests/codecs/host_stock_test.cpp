// Hosts that are ready before they are needed: taken once each, replaced, and never dead.
#include "base/unique_fd.hpp"
#include "codecs/host/host_stock.hpp"
#include "shared_zygote.hpp"

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <poll.h>
#include <set>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

using namespace darkroom::codecs::host;
using darkroom::tests::hosts;

namespace {

// Notes which hosts were started, and by which thread.
class starter {
public:
  host_stock::start_result start() {
    const std::lock_guard lock(mutex_);
    if (fails_ > 0) {
      --fails_;
      return std::unexpected("there is none");
    }
    auto host = codec_host::start(hosts());
    if (host) started_.push_back((*host)->pid());
    changed_.notify_all();
    return host;
  }
  std::vector<int> await(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(60),
                              [&] { return started_.size() >= count; }));
    return started_;
  }
  void fail(int times) {
    const std::lock_guard lock(mutex_);
    fails_ = times;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> started_;
  int fails_ = 0;
};

int pid_of(const host_stock::start_result& taken) {
  REQUIRE(taken);
  CHECK((*taken)->alive());
  CHECK((*taken)->jobs_done() == 0);
  return (*taken)->pid();
}

} // namespace

TEST_CASE("hosts are started ahead from the first one on that is needed") {
  starter made;
  host_stock stock(2, [&] { return made.start(); });
  std::vector<host_stock::start_result> taken;
  std::set<int> pids;
  for (std::size_t i = 1; i <= 5; ++i) {
    taken.push_back(stock.take());
    CHECK(pids.insert(pid_of(taken.back())).second);
    made.await(i + 2); // those that are ready beside those that were taken
  }
}

TEST_CASE("without a size each host is started when it is needed") {
  starter made;
  host_stock stock(0, [&] { return made.start(); });
  const auto one = stock.take(), other = stock.take();
  CHECK(made.await(2) == std::vector<int>{pid_of(one), pid_of(other)});
}

TEST_CASE("a ready host that was killed from outside is not given away") {
  starter made;
  host_stock stock(1, [&] { return made.start(); });
  const auto first = stock.take();
  const auto ready = made.await(2);
  const int killed = ready.at(0) == pid_of(first) ? ready.at(1) : ready.at(0);
  const darkroom::base::unique_fd watched{static_cast<int>(::syscall(SYS_pidfd_open, killed, 0))};
  REQUIRE(watched);
  REQUIRE(::kill(killed, SIGKILL) == 0);
  pollfd ended{watched.get(), POLLIN, 0};
  REQUIRE(::poll(&ended, 1, 60'000) == 1);
  CHECK(pid_of(stock.take()) != killed);
}

TEST_CASE("when no host can be started, take returns the error, and later calls get one") {
  starter made;
  made.fail(2);
  host_stock stock(1, [&] { return made.start(); });
  const auto refused = stock.take();
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == "there is none");
  made.await(1);
  CHECK(pid_of(stock.take()) > 0);
}
