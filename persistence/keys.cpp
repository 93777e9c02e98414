#include "persistence/keys.hpp"

#include <algorithm>

namespace darkroom::persistence::keys {

namespace {

// Two kinds of one letter do not compile, nor a kind that is not here.
constexpr bool is_known(kind k) {
  using enum kind;
  switch (k) {
  case meta:
  case batch:
  case event:
  case file:
  case outcome:
  case snapshot:
  case live:
  case owner:
  case tombstone:
  case deletion:
  case audit:
  case token:
  case use:
  case node:
  case day:
  case cost:
  case request:
  case upload:
  case change:
  case own_change:
  case age:
    return true;
  }
  return false;
}
static_assert(is_known(kind::meta) && !is_known(kind{}));

constexpr std::size_t id_bytes = 16;

void put(std::string& key, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
    key += static_cast<char>(value >> shift);
}

std::uint64_t get(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes)
    value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string with_index(kind k, const domain::batch_id& id, domain::file_index index) {
  auto key = prefix(k, id);
  put(key, index, 4);
  return key;
}

} // namespace

std::string prefix(kind k) {
  return {static_cast<char>(k)};
}

std::string prefix(kind k, const domain::batch_id& id) {
  std::string key;
  key.reserve(1 + id_bytes + 8);
  key += static_cast<char>(k);
  key.append(reinterpret_cast<const char*>(id.bytes.data()), id_bytes);
  return key;
}

std::string meta(std::string_view name) {
  return prefix(kind::meta).append(name);
}
std::string batch(const domain::batch_id& id) {
  return prefix(kind::batch, id);
}
std::string snapshot(const domain::batch_id& id) {
  return prefix(kind::snapshot, id);
}
std::string live(const domain::batch_id& id) {
  return prefix(kind::live, id);
}

std::string event(const domain::batch_id& id, domain::seq seq) {
  auto key = prefix(kind::event, id);
  put(key, seq, 8);
  return key;
}

std::string file(const domain::batch_id& id, domain::file_index index) {
  return with_index(kind::file, id, index);
}

std::string outcome(const domain::batch_id& id, domain::file_index index) {
  return with_index(kind::outcome, id, index);
}

std::string tombstone(const domain::batch_id& id) {
  return prefix(kind::tombstone, id);
}

std::string last_seq() {
  return meta("seq");
}

std::string last_time() {
  return meta("time");
}

std::string format() {
  return meta("format");
}

std::string identity() {
  return meta("identity");
}

std::string feed_index_from() {
  return meta("feed_from");
}

std::string feed_index_upto() {
  return meta("feed_upto");
}

std::string feed_index_position() {
  return meta("feed_position");
}

std::string change(domain::seq last) {
  auto key = prefix(kind::change);
  put(key, last, 8);
  return key;
}

std::string own_change_prefix(std::string_view owner) {
  return prefix(kind::own_change).append(owner).append(1, '\0');
}

std::string own_change(std::string_view owner, domain::seq last) {
  auto key = own_change_prefix(owner);
  put(key, last, 8);
  return key;
}

std::string deletion_prefix(std::string_view owner) {
  return prefix(kind::deletion).append(owner).append(1, '\0');
}

std::string deletion(std::string_view owner, domain::seq seq) {
  auto key = deletion_prefix(owner);
  put(key, seq, 8);
  return key;
}

std::string audit(domain::seq seq) {
  auto key = prefix(kind::audit);
  put(key, seq, 8);
  return key;
}

std::string token(std::string_view id) {
  return prefix(kind::token).append(id);
}

std::string use(std::string_view token_id) {
  return prefix(kind::use).append(token_id);
}

std::string node(std::string_view name) {
  return prefix(kind::node).append(name);
}

std::string day(std::string_view owner) {
  return prefix(kind::day).append(owner);
}

std::string cost(std::string_view conversion_kind) {
  return prefix(kind::cost).append(conversion_kind);
}

std::string request(std::string_view owner, std::string_view idempotency_key) {
  return prefix(kind::request).append(owner).append(1, '\0').append(idempotency_key);
}

std::string age_prefix(kind of) {
  return prefix(kind::age) + static_cast<char>(of);
}

std::string age(std::int64_t time_us, std::string_view key) {
  auto ordered = age_prefix(static_cast<kind>(key.front()));
  put(ordered, static_cast<std::uint64_t>(time_us), 8);
  return ordered.append(key.substr(1));
}

std::string upload(std::string_view owner, std::span<const std::uint8_t, 32> sha256) {
  auto key = prefix(kind::upload).append(owner).append(1, '\0');
  key.append(reinterpret_cast<const char*>(sha256.data()), sha256.size());
  return key;
}

std::string owner_prefix(std::string_view name) {
  return prefix(kind::owner).append(name).append(1, '\0');
}

std::string owner(std::string_view name, std::int64_t created_us, const domain::batch_id& id) {
  auto key = owner_prefix(name);
  put(key, static_cast<std::uint64_t>(created_us), 8);
  key.append(reinterpret_cast<const char*>(id.bytes.data()), id_bytes);
  return key;
}

std::optional<domain::batch_id> batch_of(std::string_view key) {
  if (key.size() < 1 + id_bytes) return std::nullopt;
  domain::batch_id id;
  std::copy_n(key.begin() + 1, id_bytes, id.bytes.begin());
  return id;
}

std::optional<std::pair<std::int64_t, domain::batch_id>> owned_batch_of(std::string_view key) {
  constexpr std::size_t tail = 8 + id_bytes;
  if (key.size() < 2 + tail) return std::nullopt;
  domain::batch_id id;
  std::copy_n(key.end() - id_bytes, id_bytes, id.bytes.begin());
  return std::pair{static_cast<std::int64_t>(get(key.substr(key.size() - tail, 8))), id};
}

std::optional<domain::seq> seq_of(std::string_view key) {
  if (key.size() != 1 + id_bytes + 8) return std::nullopt;
  return get(key.substr(1 + id_bytes));
}

std::optional<domain::seq> audit_seq_of(std::string_view key) {
  if (key.size() != 1 + 8) return std::nullopt;
  return get(key.substr(1));
}

std::optional<domain::seq> change_seq_of(std::string_view key) {
  return audit_seq_of(key); // of the same shape
}

std::optional<owned_seq> owned_seq_of(std::string_view key) {
  constexpr std::size_t tail = 1 + 8; // the zero behind the owner, the seq
  if (key.size() < 1 + tail || key[key.size() - tail] != '\0') return std::nullopt;
  return owned_seq{key.substr(1, key.size() - 1 - tail), get(key.substr(key.size() - 8))};
}

std::optional<domain::seq> deletion_seq_of(std::string_view key) {
  if (key.size() < 2 + 8) return std::nullopt;
  return get(key.substr(key.size() - 8));
}

std::optional<aged_key> aged_key_of(std::string_view age_key) {
  constexpr std::size_t head = 2 + 8; // two kind bytes, the time
  if (age_key.size() < head) return std::nullopt;
  return aged_key{static_cast<std::int64_t>(get(age_key.substr(2, 8))),
                  std::string{age_key.substr(1, 1)}.append(age_key.substr(head))};
}

std::optional<domain::file_index> index_of(std::string_view key) {
  if (key.size() != 1 + id_bytes + 4) return std::nullopt;
  return static_cast<domain::file_index>(get(key.substr(1 + id_bytes)));
}

} // namespace darkroom::persistence::keys
