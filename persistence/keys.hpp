// Keys of the journal. Every key begins with a kind byte; numbers are big-endian, so that the order
// of the bytes is the order of the numbers.
//
//   meta      'm' name
//   batch     'b' batch id (16)                        → BatchSummary
//   event     'e' batch id (16) · seq (8)              → Event
//   file      'f' batch id (16) · file index (4)       → FileEntry
//   outcome   'o' batch id (16) · file index (4)       → Outcome
//   snapshot  's' batch id (16)                        → Snapshot
//   live      'l' batch id (16)                        → created (8) · owner; until the batch ends
//   owner     'u' owner · 0 · created (8) · batch id   → empty
//   tombstone 'x' batch id (16)                        → owner; deleted, not yet cleared away
//   deletion  'd' owner · 0 · seq (8)                  → batch id (16) · Event; outlives the batch
//   audit     'a' seq (8)                              → AuditEntry
//   token     't' token id                             → Token
//   use       'n' token id                             → its last use: microseconds, in decimal
//   node      'w' name of a machine                    → NodeStanding
//   day       'q' owner                                → DayUse, of the last day
//   cost      'p' kind of conversion                   → CostRatio
//   request   'i' owner · 0 · idempotency key          → Idempotency
//   age       'y' kind byte · time (8) · rest of a key → empty; a request or deletion, by its time
//   upload    'h' owner · 0 · SHA-256 (32)             → batch id (16) that brought these bytes
//   change    'c' seq (8)                              → run of events (feed_index.hpp)
//   own change 'k' owner · 0 · seq (8)                 → the same run
#pragma once

#include "domain/ids.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace darkroom::persistence::keys {

enum class kind : char {
  meta = 'm',
  batch = 'b',
  event = 'e',
  file = 'f',
  outcome = 'o',
  snapshot = 's',
  live = 'l',
  owner = 'u',
  tombstone = 'x',
  deletion = 'd',
  audit = 'a',
  token = 't',
  use = 'n',
  node = 'w',
  day = 'q',
  cost = 'p',
  request = 'i',
  upload = 'h',
  change = 'c',
  own_change = 'k',
  age = 'y',
};

std::string meta(std::string_view name);
std::string last_seq();  // of what was given out: a number in decimal
std::string last_time(); // of an event: microseconds in decimal; no later event is before it
std::string format();    // of the journal: a number in decimal
std::string identity();  // of the journal of a server: 16 bytes, also in its witness
// The index of changes (feed_index.hpp): two seqs in decimal, and a key.
std::string feed_index_from();
std::string feed_index_upto();
std::string feed_index_position();
std::string batch(const domain::batch_id& id);
std::string event(const domain::batch_id& id, domain::seq seq);
std::string file(const domain::batch_id& id, domain::file_index index);
std::string outcome(const domain::batch_id& id, domain::file_index index);
std::string snapshot(const domain::batch_id& id);
std::string live(const domain::batch_id& id);
std::string owner(std::string_view name, std::int64_t created_us, const domain::batch_id& id);

std::string tombstone(const domain::batch_id& id);
std::string deletion(std::string_view owner, domain::seq seq);
// The last event of a run; among all, and among those of one owner.
std::string change(domain::seq last);
std::string own_change(std::string_view owner, domain::seq last);
std::string own_change_prefix(std::string_view owner);
// All deletions of one owner begin so.
std::string deletion_prefix(std::string_view owner);
std::string audit(domain::seq seq);
std::string token(std::string_view id);
std::string use(std::string_view token_id);
std::string node(std::string_view name);
std::string day(std::string_view owner);
std::string cost(std::string_view conversion_kind);
std::string request(std::string_view owner, std::string_view idempotency_key);
// Orders keys of a kind by the time of what they hold. `key`: with its kind byte.
std::string age(std::int64_t time_us, std::string_view key);
std::string age_prefix(kind of);
std::string upload(std::string_view owner, std::span<const std::uint8_t, 32> sha256);
// All batches of one owner begin so.
std::string owner_prefix(std::string_view name);

// All keys of this kind (and batch) begin so.
std::string prefix(kind k);
std::string prefix(kind k, const domain::batch_id& id);

// The batch id behind the kind byte; nothing when the key is too short.
std::optional<domain::batch_id> batch_of(std::string_view key);
// The batch id at the end of an owner's key, and the time before it.
std::optional<std::pair<std::int64_t, domain::batch_id>> owned_batch_of(std::string_view key);
// The last 8 bytes of an event's key, and the last 4 of a file's or an outcome's.
std::optional<domain::seq> seq_of(std::string_view key);
std::optional<domain::seq> audit_seq_of(std::string_view key);
// The owner and the seq of a deletion, or of an owner's change.
struct owned_seq {
  std::string_view owner; // part of the key
  domain::seq seq = 0;
};
std::optional<owned_seq> owned_seq_of(std::string_view key);
std::optional<domain::seq> change_seq_of(std::string_view key);
std::optional<domain::seq> deletion_seq_of(std::string_view key);
std::optional<domain::file_index> index_of(std::string_view key);
// The time and the key in a key of the order by age.
struct aged_key {
  std::int64_t time_us = 0;
  std::string key;
};
std::optional<aged_key> aged_key_of(std::string_view age_key);

} // namespace darkroom::persistence::keys
