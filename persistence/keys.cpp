#include "persistence/keys.hpp"

#include <algorithm>

namespace darkroom::persistence::keys {

namespace {

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

std::string owner(std::string_view name, std::int64_t created_us, const domain::batch_id& id) {
  auto key = prefix(kind::owner).append(name);
  key += '\0';
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

std::optional<domain::seq> seq_of(std::string_view key) {
  if (key.size() != 1 + id_bytes + 8) return std::nullopt;
  return get(key.substr(1 + id_bytes));
}

std::optional<domain::file_index> index_of(std::string_view key) {
  if (key.size() != 1 + id_bytes + 4) return std::nullopt;
  return static_cast<domain::file_index>(get(key.substr(1 + id_bytes)));
}

} // namespace darkroom::persistence::keys
