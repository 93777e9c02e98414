// Opening the journal of a server: only if it holds everything that its witness vouches for.
// Included only by `.cpp` files of this module.
#pragma once

#include "persistence/database.hpp"
#include "persistence/journal_meta.hpp"
#include "persistence/witness.hpp"

#include <rocksdb/write_batch.h>

namespace darkroom::persistence {

struct witnessed_database {
  std::shared_ptr<database> db; // keeps what it needs, and keeps other processes out
  std::shared_ptr<witness> vouching;
};

struct witnessed_options {
  std::string journal;
  std::string blobs;
  rocksdb::Env* env = nullptr; // null: the real one
  // A journal that has vanished must not be replaced by an empty one.
  bool must_exist = false;
};

// Opens it, makes it where there is none and no blob either, or upgrades it from format 1. Where
// something is missing, the fault is `incomplete` and nothing is changed.
journal_result<witnessed_database> open_witnessed(const witnessed_options& options);

// The steps of it, for those who replace a witness.

// Keeps other processes out as long as it is open; the fault is `locked` when another has it.
journal_result<base::unique_fd> lock_journal(const std::string& journal);
// For reading, when nobody has it open. A torn tail is cut.
journal_result<std::shared_ptr<database>> open_unused(const std::string& journal,
                                                      rocksdb::Env* env);
// Gives a journal a new identity and a new witness, without comparing it with an old one. `more` is
// written with the identity. A killed process leaves a witness that says so.
journal_result<witnessed_database> renew_witness(const witnessed_options& options,
                                                 base::unique_fd lock,
                                                 rocksdb::WriteBatch more = rocksdb::WriteBatch());

} // namespace darkroom::persistence
