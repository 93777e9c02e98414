// The live batches of an open journal by their owner, in memory. A new feed of an owner's batches
// begins with these, and most batches of an owner have ended long ago.
//
// The journal has a mark for each of them, from which this is made when it is opened:
//
//   live 'l' batch id → created (8) · owner; empty, as older versions write it: the summary says it
//
// A batch is added before its mark is written and removed after its mark is deleted. So a reader of
// the journal finds every live batch here, and perhaps some that have ended by their summary.
#pragma once

#include "persistence/journal_error.hpp"
#include "persistence/records.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace darkroom::persistence {

class database;

// Whether something of a batch has not ended.
bool is_live(const batch_summary& summary);

// Where a list of batches stands.
struct list_position {
  std::int64_t created_us = 0;
  domain::batch_id batch;
  auto operator<=>(const list_position&) const = default;
};

struct live_batch {
  std::string owner;
  list_position at;
  bool operator==(const live_batch&) const = default;
};

// The value of a mark, and what it says; nothing when it is of another shape, or empty.
std::string encode_live(const live_batch& batch);
std::optional<live_batch> decode_live(const domain::batch_id& id, std::string_view value);

// One writer, and readers from any thread.
class live_index {
public:
  journal_result<void> read(database& db);
  // False: it is there already.
  bool add(const live_batch& batch);
  bool contains(const live_batch& batch) const;
  void remove(const live_batch& batch);

  // Those of one owner, by the time of their creation, or of all, by their ids; the newest first,
  // those before `before`, and not more than `most`.
  std::vector<list_position> newest(const std::optional<std::string>& owner,
                                    const std::optional<list_position>& before,
                                    std::size_t most) const;

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::set<list_position>> by_owner_; // no owner without a batch
};

} // namespace darkroom::persistence
