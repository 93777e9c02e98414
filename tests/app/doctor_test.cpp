// `darkroom doctor`: what it says about this system.
#include "tests/support/refused_call.hpp"
#include "tests/support/scratch.hpp"

#include "process.hpp"

#include <catch2/catch_test_macros.hpp>

#include <thread>

using namespace darkroom::tests;

TEST_CASE("doctor names the layers that codec hosts lack, and they convert without") {
  const scratch folder;
  ended doctor;
  std::thread([&] {
    refuse_call(SYS_unshare);
    doctor = run_darkroom({"doctor", "--dir", folder.path()}, folder.path());
  }).join();
  INFO(doctor.out + doctor.err);
  CHECK(doctor.out.find("codec hosts and their walls  ok\n") != std::string::npos);
  CHECK(doctor.out.find("isolation of codec hosts     reduced: hosts run without "
                        "network namespace, IPC namespace, UTS namespace, "
                        "empty root directory, release of mounts") != std::string::npos);
  CHECK(doctor.code == 0);
}
