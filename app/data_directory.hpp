// The folder of a server: where its journal and its blobs are.
#pragma once

#include "app/exit_code.hpp"
#include "base/result.hpp"
#include "persistence/journal_store.hpp"

#include <string>
#include <vector>

namespace darkroom::app {

std::string server_journal(const std::string& data);
std::string server_blobs(const std::string& data);

// How its journal is opened: with its witness.
persistence::store_options server_store(const std::string& data, bool must_exist);

// Makes the folder, if need be, for nobody else to read. The error is a sentence.
base::result<void, std::string> make_data_folder(const std::string& data);

// The secret with which the log names users, made when there is none; the error is a sentence. It
// is not part of a backup: a restored server names them anew.
base::result<std::string, std::string> read_log_key(const std::string& data);

// Takes from others what they should not have of a folder that was there before: to write to it for
// all but its owner, and to read it for all but its owner and its group. Returns what was changed,
// and what could not be, a sentence each.
std::vector<std::string> guard_data_folder(const std::string& data);

// What a journal that is refused has lost, and what to do; a line each.
std::string damage_text(const std::string& journal);

// Makes the folder if need be, for nobody else to read, and opens its journal; the error is a
// sentence, and `locked` tells that a server is using it.
struct data_error {
  std::string sentence;
  bool locked = false;
  exit_code code = exit_usage;
};
base::result<std::unique_ptr<persistence::journal_store>, data_error>
open_data(const std::string& data);

} // namespace darkroom::app
