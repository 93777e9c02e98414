// What is derived from events and written beside them: it can be made again from them alone.
#pragma once

#include "persistence/records.hpp"

#include <string>

namespace rocksdb {
class WriteBatch;
}

namespace darkroom::persistence {

class database;

// Where an event stands, and of what batch it is.
struct projection_place {
  domain::batch_id batch;
  domain::seq seq = 0, prev = 0;
  std::int64_t time_us = 0;
  std::string_view owner; // of the batch
  std::int64_t created_us = 0;
};

// Adds what one event changes, but for summary and snapshot.
void project(rocksdb::WriteBatch& to, database& db, const projection_place& at,
             const domain::event& fact);

// Adds a batch's summary.
void project_summary(rocksdb::WriteBatch& to, const batch_summary& summary);
// Adds whether a batch is live.
void project_live(rocksdb::WriteBatch& to, const batch_summary& summary);

} // namespace darkroom::persistence
