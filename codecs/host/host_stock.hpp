// Codec hosts that are ready before anybody needs them: started, behind all walls, and of no owner
// yet. A slot whose next file is another owner's takes one, instead of waiting for a start.
#pragma once

#include "base/result.hpp"
#include "codecs/host/codec_host.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace darkroom::codecs::host {

class host_stock {
public:
  using start_result = base::result<std::unique_ptr<codec_host>, std::string>;

  // Keeps `size` hosts ready from the first `take` on, started by a thread of its own; with none
  // there is no thread. `start` is called from any thread, and outlives this.
  host_stock(std::size_t size, std::function<start_result()> start);
  ~host_stock();
  host_stock(const host_stock&) = delete;
  host_stock& operator=(const host_stock&) = delete;

  // A host that has done nothing yet; when none is ready, it is started now.
  start_result take();

private:
  void fill();

  const std::size_t size_;
  const std::function<start_result()> start_;
  std::mutex mutex_; // of the three below
  std::condition_variable changed_;
  std::vector<std::unique_ptr<codec_host>> ready_;
  bool wanted_ = false, ended_ = false;
  std::thread filler_;
};

} // namespace darkroom::codecs::host
