// What the commands that talk to a server are asked to do.
#pragma once

#include "app/convert_options.hpp"
#include "app/settings_options.hpp"

#include <optional>

namespace darkroom::app {

// Which server, and as whom.
struct account_options {
  std::string server, token;
};

void declare(CLI::App& command, account_options& options);

struct batch_options {
  enum class verb : std::uint8_t {
    submit,
    list,
    get,
    watch,
    pause,
    resume,
    cancel,
    retry,
    download
  };
  verb what = verb::list;
  account_options account;
  std::string id; // all but submit and list

  std::vector<std::string> sources; // submit
  convert_options::words given;
  given_words attributes;
  std::string into; // a draft that an earlier submit has left
  std::size_t connections = 4;

  std::string state, tag;       // list
  std::string reason;           // cancel
  std::string scope = "failed"; // retry
  std::vector<std::string> reasons;
  std::string out;                    // download: a folder, or a file with --zip
  std::optional<std::uint64_t> after; // watch
  bool wait = false;                  // submit
  bool interrupt = false;             // pause
  bool zip = false;                   // download
  bool json = false;
  bool quiet = false;
};

struct token_options {
  enum class verb : std::uint8_t { create, list, revoke };
  verb what = verb::list;
  settings_options settings; // of a server that does not run
  account_options account;   // of one that does
  std::string user, role = "user", note, id;
  std::uint64_t expires_in_days = 0;
};

struct audit_options {
  account_options account;
  std::string data; // folder of a server; else the server is asked
  std::string user, action, batch;
  std::uint64_t after = 0;
  bool json = false;
};

// Adds `batch …` and `token …` with all their subcommands, and `audit`.
void declare(CLI::App& command, batch_options& options);
void declare(CLI::App& command, token_options& options);
void declare(CLI::App& command, audit_options& options);

} // namespace darkroom::app
