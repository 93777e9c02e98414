// What a user may still take: what batches have, plus what requests under way have reserved. Each
// reservation ends exactly once: when its holder goes, or before that in parts.
#pragma once

#include "actors/usage_board.hpp"
#include "base/result.hpp"
#include "config/quotas.hpp"
#include "http/identity.hpp"
#include "http/problem.hpp"

#include <map>
#include <mutex>
#include <string>

namespace darkroom::http {

struct amounts {
  std::uint64_t batches = 0, files = 0, bytes = 0, uploads = 0;
};

class quota {
public:
  // `who`: tells roles.
  quota(const config::quota_settings& allowed, const identity_store& who,
        const actors::usage_board& board)
      : allowed_(allowed), who_(who), board_(board) {}

  class reservation {
  public:
    reservation(reservation&& other) noexcept
        : from_(std::exchange(other.from_, nullptr)), user_(std::move(other.user_)),
          held_(other.held_) {}
    reservation& operator=(reservation&&) = delete;
    ~reservation();
    // Holds more; what was held stays held if there is no room.
    base::result<void, problem> grow(const amounts& more);
    // Gives back `less`, or what is held of it: a batch counts it now, or it was refused.
    void shrink(const amounts& less);
    const amounts& held() const { return held_; }

  private:
    friend class quota;
    reservation(quota& from, std::string user) : from_(&from), user_(std::move(user)) {}
    quota* from_;
    std::string user_;
    amounts held_;
  };

  base::result<reservation, problem> reserve(const std::string& user, const amounts& wanted);

  config::quota_settings allowed(const std::string& user) const;
  // What requests under way have reserved.
  amounts reserved(const std::string& user) const;
  // Other quotas from now on; what is reserved stays so. Thread-safe.
  void allow(const config::quota_settings& allowed);

private:
  base::result<void, problem> take(const std::string& user, const amounts& wanted);
  void give_back(const std::string& user, const amounts& held);

  config::quota_table allowed_;
  const identity_store& who_;
  const actors::usage_board& board_;
  mutable std::mutex mutex_;
  std::map<std::string, amounts> reserved_;
};

} // namespace darkroom::http
