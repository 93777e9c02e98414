// Tries to break the promise of the whole product: a real server, users who do everything at
// random, and its death again and again. What was acknowledged must be there afterwards, all of it,
// once.
#pragma once

#include "app/crash_test/server_process.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace darkroom::app {

struct crash_test_options {
  std::string directory;                           // of its own: samples and logs go there
  std::string data;                                // of the server; empty: below `directory`
  std::string binary;                              // of darkroom
  std::uint32_t cycles = 10;                       // lives of the server
  std::uint32_t seed = 1;                          // of all that is decided at random
  std::uint32_t users = 3;                         // who act at the same time
  std::uint32_t check_every = 25;                  // cycles
  std::vector<std::string> images;                 // to convert; none: pictures that it makes
  std::vector<std::string> arguments, environment; // more, for the server
  // More, for one life that is to end suddenly.
  std::function<std::vector<std::string>(std::uint32_t cycle)> life_environment;
  std::function<void(const std::string&)> announce;
  std::uint32_t life_ms = 1'000; // of the server, at most
  // Called in each life, at an instant of the test's choice: does harm to something else.
  std::function<void(std::uint32_t dice)> disturb;
  // Ends a life in another way than by `kill -9`. `in_doubt` is set before what is answered may be
  // lost. The error is a sentence.
  std::function<std::string(server_process& server, std::atomic<bool>& in_doubt)> end_life;
};

struct crash_test_result {
  std::string complaint; // empty: the promise was kept
  std::uint32_t cycles = 0, checks = 0, server_kills = 0, host_kills = 0, stops = 0;
  std::map<std::string, std::uint64_t> counts;                     // acknowledgements by kind
  std::uint64_t files = 0, completed = 0, crashed = 0, events = 0; // at the checks
};

crash_test_result run_crash_test(const crash_test_options& options);

// For people: the figures, a line each.
std::string figures_of(const crash_test_result& result);

} // namespace darkroom::app
