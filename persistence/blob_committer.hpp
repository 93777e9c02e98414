// Shares syncs between uploads: what is finished while one group is being synced makes the next.
#pragma once

#include "persistence/blob_store.hpp"

#include <condition_variable>
#include <functional>
#include <thread>

namespace darkroom::persistence {

class blob_committer {
public:
  using on_committed = std::function<void(file_result<blob_store::pin>)>;

  explicit blob_committer(blob_store& store);
  ~blob_committer(); // as `stop`
  blob_committer(const blob_committer&) = delete;
  blob_committer& operator=(const blob_committer&) = delete;

  // `done` is called from the committer's thread, when the blob is on disk under its name.
  void commit(blob_writer finished, on_committed done);

  // Commits what waits, and ends; call from one thread.
  void stop();

private:
  void run();

  blob_store& store_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::pair<blob_writer, on_committed>> waiting_;
  bool ending_ = false;
  std::thread thread_;
};

} // namespace darkroom::persistence
