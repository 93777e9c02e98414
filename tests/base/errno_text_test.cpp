#include "base/errno_text.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cerrno>

using namespace darkroom::base;

TEST_CASE("an errno is put into words, with what to do where that is not obvious") {
  CHECK(errno_text(ENOENT) == "No such file or directory");
  CHECK(errno_text(EMFILE) == "Too many open files (the limit of this process, ulimit -n)");
  CHECK(errno_text(4'711) == "error 4711");
}

TEST_CASE("what the system is short of, and what does not answer, is transient") {
  for (const int code : {EAGAIN, EMFILE, ENOSPC, ENOMEM, EIO, ESTALE})
    CHECK(is_transient_errno(code));
  for (const int code : {ENOENT, EACCES, EPERM, ENOTDIR, EINVAL, 0})
    CHECK_FALSE(is_transient_errno(code));
}
