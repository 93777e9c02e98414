// Changes a journal that is not open, as another version of the program or a fault would.
#pragma once

#include "persistence/database.hpp"

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <rocksdb/write_batch.h>
#include <string>

namespace darkroom::tests {

inline void edit_journal(const std::string& directory, rocksdb::Env* env,
                         const std::function<void(rocksdb::WriteBatch&)>& change) {
  auto db = persistence::database::open(directory, env, persistence::database::mode::must_exist);
  REQUIRE(db);
  rocksdb::WriteBatch group;
  change(group);
  REQUIRE((**db)->Write(rocksdb::WriteOptions(), &group).ok());
}

} // namespace darkroom::tests
