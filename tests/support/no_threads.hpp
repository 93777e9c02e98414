// While it lives, the system has no thread for anyone: their stacks would be larger than memory.
#pragma once

#include <pthread.h>

#include <cstdlib>

namespace darkroom::tests {

class no_threads {
public:
  no_threads() {
    pthread_attr_t none;
    if (pthread_getattr_default_np(&before_) != 0 || pthread_attr_init(&none) != 0 ||
        pthread_attr_setstacksize(&none, std::size_t{1} << 50) != 0 ||
        pthread_setattr_default_np(&none) != 0)
      std::abort();
    pthread_attr_destroy(&none);
  }
  ~no_threads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  no_threads(const no_threads&) = delete;
  no_threads& operator=(const no_threads&) = delete;

private:
  pthread_attr_t before_{};
};

} // namespace darkroom::tests
