#include "http/quota.hpp"

#include "base/clock.hpp"
#include "base/result.hpp"

#include <algorithm>

namespace darkroom::http {

namespace {

std::unexpected<problem> exceeded(problem_code code, const std::string& what, std::uint64_t most) {
  problem p{code, "At most " + std::to_string(most) + " " + what + " for one user."};
  if (code == problem_code::quota_exceeded) p.retry_after_s = 5;
  return std::unexpected(std::move(p));
}

} // namespace

quota::reservation::~reservation() {
  if (from_ != nullptr) from_->give_back(user_, held_);
}

base::result<void, problem> quota::reservation::grow(const amounts& more) {
  auto ok = from_->take(user_, more);
  if (!ok) return ok;
  held_.batches += more.batches;
  held_.files += more.files;
  held_.bytes += more.bytes;
  held_.uploads += more.uploads;
  return {};
}

void quota::reservation::shrink(const amounts& less) {
  const amounts back{.batches = std::min(less.batches, held_.batches),
                     .files = std::min(less.files, held_.files),
                     .bytes = std::min(less.bytes, held_.bytes),
                     .uploads = std::min(less.uploads, held_.uploads)};
  from_->give_back(user_, back);
  held_.batches -= back.batches;
  held_.files -= back.files;
  held_.bytes -= back.bytes;
  held_.uploads -= back.uploads;
}

config::quota_settings quota::allowed(const std::string& user) const {
  const bool is_admin = who_.is_admin(user, base::unix_now_us());
  const std::lock_guard lock(mutex_);
  return allowed_.of(is_admin, user);
}

void quota::allow(const config::quota_settings& allowed) {
  config::quota_table table(allowed);
  const std::lock_guard lock(mutex_);
  allowed_ = std::move(table);
}

amounts quota::reserved(const std::string& user) const {
  const std::lock_guard lock(mutex_);
  const auto at = reserved_.find(user);
  return at == reserved_.end() ? amounts{} : at->second;
}

base::result<quota::reservation, problem> quota::reserve(const std::string& user,
                                                         const amounts& wanted) {
  reservation made(*this, user);
  if (auto ok = made.grow(wanted); !ok) return std::unexpected(ok.error());
  return made;
}

base::result<void, problem> quota::take(const std::string& user, const amounts& wanted) {
  const auto most = allowed(user);
  const std::lock_guard lock(mutex_);
  const auto used = board_.of(user); // under the lock: what moves from here to there is seen once
  auto& r = reserved_[user];
  const auto fits = [](std::uint64_t now, std::uint64_t more, std::uint64_t limit) {
    return more == 0 || (now <= limit && more <= limit - now);
  };
  if (!fits(used.live_batches + r.batches, wanted.batches, most.live_batches))
    return exceeded(problem_code::quota_exceeded, "batches that have not ended", most.live_batches);
  if (!fits(used.queued_files + r.files, wanted.files, most.queued_files))
    return exceeded(problem_code::quota_exceeded, "files that have not ended", most.queued_files);
  if (!fits(r.uploads, wanted.uploads, most.uploads))
    return exceeded(problem_code::quota_exceeded, "uploads at a time", most.uploads);
  if (!fits(used.stored_bytes + r.bytes, wanted.bytes, most.stored_bytes))
    return exceeded(problem_code::storage_exceeded, "bytes", most.stored_bytes);
  r.batches += wanted.batches;
  r.files += wanted.files;
  r.bytes += wanted.bytes;
  r.uploads += wanted.uploads;
  return {};
}

void quota::give_back(const std::string& user, const amounts& held) {
  const std::lock_guard lock(mutex_);
  const auto at = reserved_.find(user);
  if (at == reserved_.end()) return;
  auto& r = at->second;
  r.batches -= held.batches;
  r.files -= held.files;
  r.bytes -= held.bytes;
  r.uploads -= held.uploads;
  if (r.batches + r.files + r.bytes + r.uploads == 0) reserved_.erase(at);
}

} // namespace darkroom::http
