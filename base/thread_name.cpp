#include "base/thread_name.hpp"

#include <array>
#include <pthread.h>

namespace darkroom::base {

namespace {

constexpr std::size_t name_bytes_max = 15; // of the kernel: TASK_COMM_LEN without the final 0

} // namespace

void name_thread(const std::string& role) {
  ::pthread_setname_np(::pthread_self(), role.substr(0, name_bytes_max).c_str());
}

std::string thread_name() {
  std::array<char, name_bytes_max + 1> name{};
  ::pthread_getname_np(::pthread_self(), name.data(), name.size());
  return name.data();
}

} // namespace darkroom::base
