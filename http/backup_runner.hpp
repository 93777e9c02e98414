// The backup that an admin asked for, one at a time, in a thread of its own.
#pragma once

#include "base/enum_names.hpp"
#include "persistence/backup.hpp"
#include "persistence/blob_store.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace darkroom::persistence {
class read_view;
}

namespace darkroom::http {

enum class backup_state : std::uint8_t { none, running, done, failed };

} // namespace darkroom::http

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::http::backup_state> =
    names("none", "running", "done", "failed");

namespace darkroom::http {

class backup_runner {
public:
  using state = backup_state;
  struct status {
    backup_runner::state state = state::none;
    std::string folder, error;
    persistence::copy_progress progress;
    std::int64_t started_us = 0, ended_us = 0; // 0: not yet
  };

  explicit backup_runner(persistence::blob_store& blobs) : blobs_(blobs) {}
  ~backup_runner(); // waits for the one that runs
  backup_runner(const backup_runner&) = delete;
  backup_runner& operator=(const backup_runner&) = delete;

  // False when one is running.
  bool start(std::shared_ptr<const persistence::read_view> journal, const std::string& folder,
             bool verify_all);
  status now() const;

private:
  void run(std::shared_ptr<const persistence::read_view> journal, const std::string& folder,
           bool verify_all);

  persistence::blob_store& blobs_;
  mutable std::mutex mutex_;
  status status_;
  std::thread thread_;
};

} // namespace darkroom::http
