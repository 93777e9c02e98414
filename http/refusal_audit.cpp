#include "http/refusal_audit.hpp"

#include <utility>

namespace darkroom::http {

refusal_audit::verdict refusal_audit::take(const std::string& user, std::uint64_t now_us) {
  verdict answer{allowed_.take(user, now_us).allowed, 0};
  const std::lock_guard lock(mutex_);
  if (!answer.kept) {
    ++left_out_[user];
    ++total_left_out_;
    return answer;
  }
  const auto at = left_out_.find(user);
  if (at == left_out_.end()) return answer;
  answer.left_out = at->second;
  left_out_.erase(at);
  return answer;
}

std::uint64_t refusal_audit::left_out() const {
  const std::lock_guard lock(mutex_);
  return total_left_out_;
}

} // namespace darkroom::http
