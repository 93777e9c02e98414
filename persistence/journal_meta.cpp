#include "persistence/journal_meta.hpp"

#include "base/decimal.hpp"
#include "persistence/database.hpp"
#include "persistence/limits.hpp"

#include <algorithm>

namespace darkroom::persistence {

namespace {

journal_result<std::optional<std::string>> get_value(database& db, const std::string& key) {
  std::string value;
  const auto found = db->Get(rocksdb::ReadOptions(), key, &value);
  if (found.IsNotFound()) return std::optional<std::string>{};
  if (!found.ok()) return std::unexpected(database::error_of(found));
  return std::optional(std::move(value));
}

journal_error damaged_meta(const char* what) {
  return {journal_fault::corrupt, std::string{"the journal's "} + what + " is unreadable"};
}

} // namespace

journal_result<journal_meta> read_meta(database& db) {
  journal_meta meta;
  const auto format = get_value(db, keys::format());
  if (!format) return std::unexpected(format.error());
  if (!*format) return meta;
  const auto version = base::parse_decimal(**format);
  if (!version) return std::unexpected(damaged_meta("format version"));
  if (*version > limits::journal_format_version)
    return std::unexpected(journal_error{
        journal_fault::newer,
        "the journal has format " + **format + ", this Darkroom knows up to " +
            std::to_string(limits::journal_format_version) + "; use a newer Darkroom"});
  meta.format = static_cast<std::uint32_t>(*version);
  // Unread, numbers that were given out would be given out again.
  const auto counted = get_value(db, keys::last_seq());
  if (!counted) return std::unexpected(counted.error());
  if (*counted) {
    const auto last = base::parse_decimal(**counted);
    if (!last) return std::unexpected(damaged_meta("last seq"));
    meta.last_seq = *last;
  }
  const auto newest = get_value(db, keys::last_time());
  if (!newest) return std::unexpected(newest.error());
  if (*newest) {
    const auto time = base::parse_decimal(**newest);
    if (!time || *time > INT64_MAX) return std::unexpected(damaged_meta("last time"));
    meta.last_time_us = static_cast<std::int64_t>(*time);
  }
  const auto identity = get_value(db, keys::identity());
  if (!identity) return std::unexpected(identity.error());
  if (*identity) {
    auto& id = meta.identity.emplace();
    if ((*identity)->size() != id.size()) return std::unexpected(damaged_meta("identity"));
    std::ranges::copy(**identity, id.begin());
  }
  return meta;
}

} // namespace darkroom::persistence
