#include "journal.pb.h"
#include "persistence/access_records.hpp"
#include "persistence/enum_codec.hpp"
#include "persistence/parse_message.hpp"

#include <algorithm>
#include <cmath>

namespace darkroom::persistence {

namespace {

namespace pb = darkroom::journal;

template<class Bytes>
bool read_array(const std::string& from, Bytes& to) {
  if (from.size() != to.size()) return false;
  std::ranges::copy(from, to.begin());
  return true;
}

} // namespace

std::string encode_token(const token_record& token) {
  pb::Token m;
  m.set_user(token.user);
  m.set_role(enum_number(token.role));
  m.set_secret_sha256(token.secret_sha256.data(), token.secret_sha256.size());
  m.set_created_us(token.created_us);
  m.set_expires_us(token.expires_us);
  m.set_revoked_us(token.revoked_us);
  m.set_last_used_us(token.last_used_us);
  m.set_note(token.note);
  return m.SerializeAsString();
}

std::optional<token_record> decode_token(std::string_view id, std::string_view bytes) {
  pb::Token m;
  token_record token;
  if (!parse(m, bytes) || !read_enum(m.role(), token.role) ||
      !read_array(m.secret_sha256(), token.secret_sha256))
    return std::nullopt;
  token.id = id;
  token.user = m.user();
  token.created_us = m.created_us();
  token.expires_us = m.expires_us();
  token.revoked_us = m.revoked_us();
  token.last_used_us = m.last_used_us();
  token.note = m.note();
  return token;
}

std::string encode_standing(const node_standing& standing) {
  pb::NodeStanding m;
  m.set_cordoned(standing.cordoned);
  m.set_drains(standing.drains);
  m.set_isolated(standing.isolated);
  return m.SerializeAsString();
}

std::optional<node_standing> decode_standing(std::string_view name, std::string_view bytes) {
  pb::NodeStanding m;
  if (!parse(m, bytes)) return std::nullopt;
  return node_standing{std::string{name}, m.cordoned(), m.drains(), m.isolated()};
}

std::string encode_audit(const audit_entry& e) {
  pb::AuditEntry m;
  m.set_time_us(e.time_us);
  m.set_user(e.user);
  m.set_role(enum_number(e.role));
  m.set_token(e.token);
  m.set_address(e.address);
  m.set_action(e.action);
  if (e.batch) m.set_batch(e.batch->bytes.data(), e.batch->bytes.size());
  m.set_owner(e.owner);
  m.set_status(e.status);
  m.set_outcome(e.outcome);
  m.set_request_id(e.request_id);
  m.set_subject(e.subject);
  return m.SerializeAsString();
}

std::optional<audit_entry> decode_audit(domain::seq seq, std::string_view bytes) {
  pb::AuditEntry m;
  audit_entry e;
  if (!parse(m, bytes) || !read_enum(m.role(), e.role)) return std::nullopt;
  if (!m.batch().empty() && !read_array(m.batch(), e.batch.emplace().bytes)) return std::nullopt;
  e.seq = seq;
  e.time_us = m.time_us();
  e.user = m.user();
  e.token = m.token();
  e.address = m.address();
  e.action = m.action();
  e.owner = m.owner();
  e.status = m.status();
  e.outcome = m.outcome();
  e.request_id = m.request_id();
  e.subject = m.subject();
  return e;
}

std::string encode_day_use(const day_use& use) {
  pb::DayUse m;
  m.set_day(use.day);
  m.set_pixels(use.pixels);
  m.set_cpu_ms(use.cpu_ms);
  return m.SerializeAsString();
}

std::optional<day_use> decode_day_use(std::string_view owner, std::string_view bytes) {
  pb::DayUse m;
  if (!parse(m, bytes)) return std::nullopt;
  return day_use{std::string{owner}, m.day(), m.pixels(), m.cpu_ms()};
}

std::string encode_cost_ratio(const cost_ratio& ratio) {
  pb::CostRatio m;
  m.set_files(ratio.files);
  m.set_predicted_us(ratio.predicted_us);
  m.set_real_us(ratio.real_us);
  m.set_us_log(ratio.us_log);
  m.set_us_log_square(ratio.us_log_square);
  m.set_predicted_bytes(ratio.predicted_bytes);
  m.set_real_bytes(ratio.real_bytes);
  m.set_bytes_log(ratio.bytes_log);
  m.set_bytes_log_square(ratio.bytes_log_square);
  m.set_time_us(ratio.time_us);
  return m.SerializeAsString();
}

std::optional<cost_ratio> decode_cost_ratio(std::string_view kind, std::string_view bytes) {
  pb::CostRatio m;
  if (!parse(m, bytes)) return std::nullopt;
  for (const double sum : {m.files(), m.predicted_us(), m.real_us(), m.us_log_square(),
                           m.predicted_bytes(), m.real_bytes(), m.bytes_log_square()})
    if (!(sum >= 0) || !std::isfinite(sum)) return std::nullopt;
  if (!std::isfinite(m.us_log()) || !std::isfinite(m.bytes_log())) return std::nullopt;
  return cost_ratio{std::string{kind},    m.files(),      m.predicted_us(),
                    m.real_us(),          m.us_log(),     m.us_log_square(),
                    m.predicted_bytes(),  m.real_bytes(), m.bytes_log(),
                    m.bytes_log_square(), m.time_us()};
}

std::string encode_idempotency(const idempotency_record& record) {
  pb::Idempotency m;
  m.set_batch(record.batch.bytes.data(), record.batch.bytes.size());
  m.set_request_sha256(record.request_sha256.data(), record.request_sha256.size());
  m.set_time_us(record.time_us);
  m.set_seq(record.seq);
  m.set_created_us(record.created_us);
  return m.SerializeAsString();
}

std::optional<idempotency_record> decode_idempotency(std::string_view bytes) {
  pb::Idempotency m;
  idempotency_record record;
  if (!parse(m, bytes) || !read_array(m.batch(), record.batch.bytes) ||
      !read_array(m.request_sha256(), record.request_sha256))
    return std::nullopt;
  record.time_us = m.time_us();
  record.seq = m.seq();
  record.created_us = m.created_us();
  return record;
}

} // namespace darkroom::persistence
