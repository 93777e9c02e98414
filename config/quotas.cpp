#include "config/quotas.hpp"

#include "base/result.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <sstream>
#include <utility>

namespace darkroom::config {

namespace {

struct quota_key {
  std::string_view name; // behind "quota."
  std::uint64_t quota_settings::* value;
};

constexpr std::array quota_keys{
    quota_key{"live_batches", &quota_settings::live_batches},
    quota_key{"files_per_batch_max", &quota_settings::files_per_batch_max},
    quota_key{"queued_files", &quota_settings::queued_files},
    quota_key{"stored_bytes", &quota_settings::stored_bytes},
    quota_key{"uploads", &quota_settings::uploads},
    quota_key{"megapixels_per_day", &quota_settings::megapixels_per_day},
    quota_key{"cpu_s_per_day", &quota_settings::cpu_s_per_day},
};

struct override_value {
  std::uint64_t quota_settings::* value = nullptr;
  std::uint64_t most = 0;
};

// "uploads=8", within the range of the setting.
base::result<override_value, std::string> read_override(std::string_view word) {
  const auto equals = word.find('=');
  const auto name = word.substr(0, equals);
  const auto* key = std::ranges::find(quota_keys, name, &quota_key::name);
  if (equals == std::string_view::npos || key == quota_keys.end())
    return std::unexpected("\"" + std::string{word} + "\" is not KEY=NUMBER of a quota");
  const auto text = word.substr(equals + 1);
  override_value read{key->value, 0};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), read.most);
  const auto row = std::ranges::find(all_settings(), "quota." + std::string{name}, &setting::key);
  if (error != std::errc{} || end != text.data() + text.size() || read.most < row->least ||
      read.most > row->most)
    return std::unexpected(std::string{name} + " must be a whole number from " +
                           std::to_string(row->least) + " to " + std::to_string(row->most));
  return read;
}

// "ann uploads=8 stored_bytes=1000" as its words.
std::vector<std::string> words_of(const std::string& entry) {
  std::istringstream in{entry};
  return {std::istream_iterator<std::string>{in}, {}};
}

} // namespace

quota_table::quota_table(const quota_settings& settings) : all_(settings) {
  for (const auto& entry : std::exchange(all_.exceptions, {})) {
    const auto words = words_of(entry);
    for (std::size_t i = 1; i < words.size(); ++i)
      if (const auto read = read_override(words[i]))
        exceptions_.push_back({words[0], read->value, read->most});
  }
}

quota_settings quota_table::of(bool is_admin, std::string_view user) const {
  auto quotas = all_;
  const std::string_view role = is_admin ? "role:admin" : "role:user";
  for (const auto who : {role, user})
    for (const auto& one : exceptions_)
      if (one.who == who) quotas.*one.value = one.most;
  return quotas;
}

setting_result check_exceptions(const quota_settings& settings) {
  for (const auto& entry : settings.exceptions) {
    const auto words = words_of(entry);
    const auto wrong = [&entry](const std::string& why) {
      return std::unexpected(
          std::string{"quota.exceptions: \""}.append(entry).append("\": ").append(why));
    };
    if (words.size() < 2)
      return wrong(
          "must be a user, or role:user or role:admin, and quotas, as in \"ann uploads=8\"");
    if (words[0].starts_with("role:") && words[0] != "role:user" && words[0] != "role:admin")
      return wrong("the roles are user and admin");
    for (std::size_t i = 1; i < words.size(); ++i)
      if (const auto read = read_override(words[i]); !read) return wrong(read.error());
  }
  return {};
}

} // namespace darkroom::config
