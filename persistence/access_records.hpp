// What the journal keeps beside batches: who may use the server, who did what, and which machines
// are given work.
#pragma once

#include "base/enum_names.hpp"
#include "domain/ids.hpp"
#include "persistence/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace darkroom::persistence {

// The numbers are stored in journals: never renumber, only append.
enum class role : std::uint8_t { user, admin };

} // namespace darkroom::persistence

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::persistence::role> =
    names("user", "admin");

namespace darkroom::persistence {

using base::to_string;

// A token as it is kept: its secret is nowhere.
struct token_record {
  std::string id; // the public part
  std::string user;
  persistence::role role = role::user;
  digest secret_sha256{};
  std::int64_t created_us = 0;
  std::int64_t expires_us = 0;   // 0: never
  std::int64_t revoked_us = 0;   // 0: it is not
  std::int64_t last_used_us = 0; // 0: never
  std::string note;
  bool operator==(const token_record&) const = default;
};

// Who did what to what, from where, and what came of it.
struct audit_entry {
  domain::seq seq = 0; // given by the journal
  std::int64_t time_us = 0;
  std::string user;
  persistence::role role = role::user;
  std::string token;   // its id; empty: the proxy said who it is
  std::string address; // of the client
  std::string action;  // "batch.create"
  std::optional<domain::batch_id> batch;
  std::string owner;        // of the batch
  std::uint32_t status = 0; // of the answer
  std::string outcome;      // "ok", or the code of the refusal
  std::string request_id;
  std::string subject; // what else was named: a path, a token's id
  bool operator==(const audit_entry&) const = default;
};

// Which entries somebody wants to see; what is empty fits all.
struct audit_filter {
  std::string user, action;
  std::optional<domain::batch_id> batch;
  bool fits(const audit_entry& e) const {
    return (user.empty() || e.user == user) && (action.empty() || e.action == action) &&
           (!batch || e.batch == batch);
  }
};

// When a token was used last. A record of its own: it can never bring a revoked token back.
struct token_use {
  std::string token; // its id
  std::int64_t time_us = 0;
};

// What admins, or its own lies, have decided of a machine that converts.
struct node_standing {
  std::string name;
  bool cordoned = false; // gets no new files
  bool drains = false;   // and is to be switched off
  std::string isolated;  // why it is not let in; empty: it is
  // Like any other: nothing is kept of it.
  bool ordinary() const { return !cordoned && !drains && isolated.empty(); }
  bool operator==(const node_standing&) const = default;
};

// What conversions of one user have taken in one day, for the quotas of a day. Only the last day is
// kept.
struct day_use {
  std::string owner;
  std::int64_t day = 0; // since the Unix epoch, in UTC
  std::uint64_t pixels = 0, cpu_ms = 0;
  bool operator==(const day_use&) const = default;
};

// What conversions of one kind took and gave against what was predicted: sums over the last ones,
// where older ones count less. `log`: of real divided by predicted.
struct cost_ratio {
  std::string kind; // of formats and sizes, as its reader names them
  double files = 0; // 0: nothing is kept of it
  double predicted_us = 0, real_us = 0, us_log = 0, us_log_square = 0;
  double predicted_bytes = 0, real_bytes = 0, bytes_log = 0, bytes_log_square = 0;
  std::int64_t time_us = 0; // of the last one
  bool operator==(const cost_ratio&) const = default;
};

inline constexpr std::int64_t day_us = std::int64_t{24} * 3'600 * 1'000'000;
inline std::int64_t utc_day(std::int64_t unix_us) {
  return unix_us / day_us;
}

using access_record =
    std::variant<token_record, audit_entry, token_use, node_standing, day_use, cost_ratio>;

// What an earlier request of the same name made.
struct idempotency_record {
  domain::batch_id batch;
  digest request_sha256{};
  std::int64_t time_us = 0;
  domain::seq seq = 0;         // of `batch_created`; 0 in journals of earlier versions
  std::int64_t created_us = 0; // of the batch; 0 there
};

std::string encode_token(const token_record& token);
std::optional<token_record> decode_token(std::string_view id, std::string_view bytes);
std::string encode_audit(const audit_entry& entry);
std::optional<audit_entry> decode_audit(domain::seq seq, std::string_view bytes);
std::string encode_standing(const node_standing& standing);
std::optional<node_standing> decode_standing(std::string_view name, std::string_view bytes);
std::string encode_day_use(const day_use& use);
std::optional<day_use> decode_day_use(std::string_view owner, std::string_view bytes);
std::string encode_cost_ratio(const cost_ratio& ratio);
std::optional<cost_ratio> decode_cost_ratio(std::string_view kind, std::string_view bytes);
std::string encode_idempotency(const idempotency_record& record);
std::optional<idempotency_record> decode_idempotency(std::string_view bytes);

} // namespace darkroom::persistence
