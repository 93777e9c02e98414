#include "base/errno_text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace darkroom::base {

namespace {

// What is short, where the text of the C library does not say so.
const char* advice_for(int code) {
  switch (code) {
  case EMFILE:
    return "the limit of this process, ulimit -n";
  case ENFILE:
    return "the limit of the system, fs.file-max";
  case EDQUOT:
    return "the quota of this user on that disk";
  case EROFS:
    return "mounted without the right to write";
  case EFBIG:
    return "ulimit -f, or the limit of the file system";
  default:
    return nullptr;
  }
}

constexpr int transient[] = {EAGAIN, EBUSY,   EDQUOT, EINTR,  EIO,    EMFILE,
                             ENFILE, ENOBUFS, ENOMEM, ENOSPC, ESTALE, ETIMEDOUT};

} // namespace

std::string errno_text(int code) {
  const char* text = ::strerrordesc_np(code); // glibc: thread-safe, in no language but English
  if (text == nullptr) return "error " + std::to_string(code);
  const char* advice = advice_for(code);
  return advice == nullptr ? text : std::string{text} + " (" + advice + ')';
}

bool is_transient_errno(int code) {
  return std::ranges::find(transient, code) != std::end(transient);
}

} // namespace darkroom::base
