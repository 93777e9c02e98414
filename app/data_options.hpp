// What the commands that look after a server's data are asked to do.
#pragma once

#include "app/batch_options.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace darkroom::app {

struct fsck_options {
  std::string data; // the folder of a server that does not run, or a backup
  bool repair = false, quick = false;
};

struct backup_options {
  std::string folder;      // of the backup
  std::string data;        // of a server that does not run; empty: ask the one that does
  account_options account; // of an admin
  bool verify = false;     // all that the backup has already
};

struct restore_options {
  std::string folder, data;
};

struct salvage_options {
  std::string journal, to;
};

struct adopt_options {
  std::string data, journal;
};

struct doctor_options {
  std::string directory = ".";
  std::uint32_t crash_cycles = 0; // 0: no crash test
  std::uint32_t seed = 0;         // 0: any
  std::uint32_t crash_users = 3;  // who act at the same time
  std::uint32_t check_every = 25;
  std::vector<std::string> images, environment;
};

void declare(CLI::App& command, fsck_options& options);
void declare(CLI::App& command, backup_options& options);
void declare(CLI::App& command, restore_options& options);
void declare(CLI::App& command, salvage_options& options);
void declare(CLI::App& command, adopt_options& options);
void declare(CLI::App& command, doctor_options& options);

} // namespace darkroom::app
