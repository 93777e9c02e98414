#include "persistence/blob_committer.hpp"
#include "base/thread_name.hpp"

namespace darkroom::persistence {

blob_committer::blob_committer(blob_store& store) : store_(store), thread_([this] { run(); }) {}

blob_committer::~blob_committer() {
  stop();
}

void blob_committer::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void blob_committer::commit(blob_writer finished, on_committed done) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(std::move(finished), std::move(done));
  }
  wake_.notify_one();
}

void blob_committer::run() {
  base::name_thread("blob committer");
  while (true) {
    std::vector<blob_writer> writers;
    std::vector<on_committed> answers;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      for (auto& [writer, done] : waiting_) {
        writers.push_back(std::move(writer));
        answers.push_back(std::move(done));
      }
      waiting_.clear();
    }
    auto pins = store_.commit(writers);
    for (std::size_t i = 0; i < answers.size(); ++i)
      answers[i](std::move(pins[i]));
  }
}

} // namespace darkroom::persistence
