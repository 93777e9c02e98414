// What the commands that look after a server's data are asked to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace darkroom::app {

struct doctor_options {
  std::string directory = ".";
  std::uint32_t crash_cycles = 0; // 0: no crash test
  std::uint32_t seed = 0;         // 0: any
  std::uint32_t check_every = 25;
  std::vector<std::string> images, environment;
};

void declare(CLI::App& command, doctor_options& options);

} // namespace darkroom::app
