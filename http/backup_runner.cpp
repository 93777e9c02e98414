#include "http/backup_runner.hpp"

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/thread_name.hpp"
#include "http/services.hpp"

namespace darkroom::http {

namespace {

// Ends a copy that nobody waits for any more.
struct given_up {};

} // namespace

backup_runner::~backup_runner() {
  {
    const std::lock_guard lock(mutex_);
    if (status_.state == state::running) status_.state = state::failed; // `run` sees it
  }
  if (thread_.joinable()) thread_.join();
}

bool backup_runner::start(std::shared_ptr<const persistence::read_view> journal,
                          const std::string& folder, bool verify_all) {
  const std::lock_guard lock(mutex_);
  if (status_.state == state::running) return false;
  if (thread_.joinable()) thread_.join(); // it has ended
  thread_ = std::thread([this, journal = std::move(journal), folder, verify_all]() mutable {
    base::name_thread("backup");
    run(std::move(journal), folder, verify_all);
  });
  status_ = {state::running, folder, {}, {}, base::unix_now_us(), 0};
  return true;
}

void backup_runner::run(std::shared_ptr<const persistence::read_view> journal,
                        const std::string& folder, bool verify_all) {
  blobs_.hold_removals();
  base::result<persistence::copy_progress, std::string> done = std::unexpected("it was not begun");
  try {
    done = persistence::back_up(std::move(journal), blobs_.root(), folder, verify_all,
                                [this](const persistence::copy_progress& progress) {
                                  const std::lock_guard lock(mutex_);
                                  if (status_.state != state::running) throw given_up{};
                                  status_.progress = progress;
                                });
  } catch (const given_up&) {
    done = std::unexpected("the server is stopping");
  } catch (const std::exception& e) {
    done = std::unexpected(e.what());
  }
  blobs_.allow_removals();
  const std::lock_guard lock(mutex_);
  status_.state = done ? state::done : state::failed;
  if (done)
    status_.progress = *done;
  else
    status_.error = done.error();
  status_.ended_us = base::unix_now_us();
}

backup_runner::status backup_runner::now() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

} // namespace darkroom::http
