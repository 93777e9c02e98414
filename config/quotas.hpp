// The quotas of one user: those of [quota], except where quota.exceptions says otherwise.
#pragma once

#include "config/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace darkroom::config {

class quota_table {
public:
  // What `check_exceptions` refuses is left out.
  explicit quota_table(const quota_settings& settings);

  // Exceptions of the role are followed by those of the user.
  quota_settings of(bool is_admin, std::string_view user) const;

private:
  struct exception {
    std::string who; // a user, or `role:user`, `role:admin`
    std::uint64_t quota_settings::* value = nullptr;
    std::uint64_t most = 0;
  };
  quota_settings all_; // without its exceptions
  std::vector<exception> exceptions_;
};

// The error names the entry.
setting_result check_exceptions(const quota_settings& settings);

} // namespace darkroom::config
