#include "http/services.hpp"

#include "actors/orchestra.hpp"
#include "http/limits.hpp"

#include <algorithm>
#include <chrono>

namespace darkroom::http {

std::string format_facts::media_type_of_path(const std::string& path) const {
  auto extension = path.substr(std::min(path.rfind('.'), path.size()));
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!extension.empty()) extension.erase(0, 1);
  const auto at =
      std::ranges::find(by_extension, extension, &std::pair<std::string, std::string>::first);
  return at == by_extension.end() ? "application/octet-stream" : at->second;
}

std::optional<busy_set::hold> busy_set::take(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (!names_.insert(name).second) return std::nullopt;
  return hold(*this, name);
}

busy_set::hold::~hold() {
  if (set_ == nullptr) return;
  const std::lock_guard lock(set_->mutex_);
  set_->names_.erase(name_);
}

std::shared_ptr<const void> sending_bytes::add(std::uint64_t bytes) {
  *bytes_ += bytes;
  return {nullptr, [all = bytes_, bytes](const void*) { *all -= bytes; }};
}

attempted_ids::attempt attempted_ids::attempt_for(const std::string& name, std::int64_t now_us,
                                                  const std::function<domain::batch_id()>& make) {
  const std::lock_guard lock(mutex_);
  constexpr std::int64_t kept_us = std::int64_t{limits::attempted_id_s} * 1'000'000;
  while (!by_time_.empty() && by_time_.begin()->first < now_us - kept_us) {
    attempts_.erase(by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
  }
  const auto [at, first] = attempts_.try_emplace(name);
  if (first) {
    at->second = make();
    by_time_.emplace(now_us, at);
  }
  return {at->second, first};
}

std::size_t attempted_ids::size() const {
  const std::lock_guard lock(mutex_);
  return attempts_.size();
}

void services::limit_users() {
  gateway.actors().limit_users([source = limits_](const std::string& owner) {
    const std::lock_guard lock(source->mutex);
    if (source->quotas == nullptr) return actors::owner_limits{};
    const auto most = source->quotas->allowed(owner);
    return actors::owner_limits{most.files_per_batch_max, most.megapixels_per_day * 1'000'000,
                                most.cpu_s_per_day * 1'000};
  });
}

services::~services() {
  const std::lock_guard lock(limits_->mutex);
  limits_->quotas = nullptr;
}

void services::reload(const config::settings& s) {
  ip_rate.set_limits(s.rate.ip_per_s, s.rate.ip_burst);
  user_rate.set_limits(s.rate.user_per_s, s.rate.user_burst);
  quotas.allow(s.quota);
  origins.set(s.http.allowed_origins);
}

std::shared_ptr<services> shared_services(services& s) {
  return {&s, [](services*) {}};
}

std::shared_ptr<const persistence::read_view> journal_of(services& s) {
  return s.gateway.actors().view();
}

std::optional<std::uint64_t> free_bytes(const services& s) {
  return persistence::free_bytes(s.settings.data.dir);
}

bool has_workers(services& s) {
  const auto works = [](const actors::node_row& n) { return n.state() == "active" && n.slots > 0; };
  return std::ranges::any_of(s.gateway.actors().nodes().read(), works);
}

} // namespace darkroom::http
