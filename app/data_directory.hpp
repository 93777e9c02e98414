// The folder of a server: where its journal and its blobs are.
#pragma once

#include "base/result.hpp"
#include "persistence/journal_store.hpp"

#include <string>

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

// What a journal that is refused has lost, and what to do; a line each.
std::string damage_text(const std::string& journal);

// Makes the folder if need be, for nobody else to read, and opens its journal; the error is a
// sentence, and `locked` tells that a server is using it.
struct data_error {
  std::string sentence;
  bool locked = false;
};
base::result<std::unique_ptr<persistence::journal_store>, data_error>
open_data(const std::string& data);

} // namespace darkroom::app
