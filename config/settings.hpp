// Everything that an operator may set, as one plain struct. Where a value comes from: a flag, else
// the environment (`DARKROOM_HTTP__LISTEN`), else the file (`[http] listen`), else the default.
#pragma once

#include "base/result.hpp"
#include "base/units.hpp"
#include "config/limits.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace darkroom::config {

struct data_settings {
  std::string dir = "darkroom-data";
  std::uint64_t disk_floor_bytes = 512 * limits::MiB;
  std::uint64_t scrub_days = 30;
  std::uint64_t set_aside_days = 7;
  std::uint64_t draft_hours = 24;
  // Some 25,000 thumbnails as the page shows them.
  std::uint64_t thumbnails_bytes = 256 * limits::MiB;
};
struct http_settings {
  std::string listen = "127.0.0.1:8080";
  bool insecure_no_tls = false;
  std::string metrics_listen;
  std::uint64_t threads = 2;
  std::uint64_t blocking_threads = 8;
  std::uint64_t connections_max = 4'096;
  std::uint64_t connections_per_ip_max = 1'024;
  std::vector<std::string> allowed_origins;
};
struct tls_settings {
  std::string certificate, key;
};
struct auth_settings {
  std::string proxy_header;
  std::vector<std::string> trusted_proxies;
  std::vector<std::string> admins;
  std::string foreign_batch = "not_owner";
  bool hides_foreign_batches() const { return foreign_batch == "hidden"; }
};
struct work_settings {
  bool here = true;
  std::uint64_t slots = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t input_bytes_max = limits::input_bytes_max;
  std::uint64_t image_pixels_max = limits::image_pixels_max;
};
struct cluster_settings {
  std::string dir;
  std::string listen = "0.0.0.0:7411";
};
struct audit_settings {
  std::uint64_t days = limits::audit_days;
  std::uint64_t refusals_per_hour = limits::refusals_per_hour;
};
struct rate_settings {
  std::uint64_t ip_per_s = 2'000, ip_burst = 4'000;
  std::uint64_t user_per_s = 2'000, user_burst = 4'000;
};
struct quota_settings {
  std::uint64_t live_batches = limits::user_live_batches;
  std::uint64_t files_per_batch_max = limits::user_files_per_batch;
  std::uint64_t queued_files = limits::user_queued_files;
  std::uint64_t stored_bytes = limits::user_stored_bytes;
  std::uint64_t uploads = limits::user_uploads;
  std::uint64_t megapixels_per_day = limits::user_megapixels_per_day; // 0: no limit, as the next
  std::uint64_t cpu_s_per_day = limits::user_cpu_s_per_day;
  std::vector<std::string> exceptions;
};
struct feed_settings {
  std::uint64_t streams_per_ip_max = 256;
  std::uint64_t streams_per_user_max = 64;
  std::uint64_t streams_per_batch_max = 10;
  std::uint64_t idle_s = 30;
};
struct log_settings {
  std::string level = "info";
  std::string file;
  bool requests = true;
  bool addresses = false;
};

struct settings {
  data_settings data;
  http_settings http;
  tls_settings tls;
  auth_settings auth;
  work_settings work;
  cluster_settings cluster;
  audit_settings audit;
  rate_settings rate;
  quota_settings quota;
  feed_settings feed;
  log_settings log;
};

// Where one setting is, and what it may be.
using setting_value = std::variant<std::string*, std::uint64_t*, bool*, std::vector<std::string>*>;
struct setting {
  std::string_view key; // "http.listen"
  std::string_view about;
  std::function<setting_value(settings&)> in;
  std::uint64_t least = 0, most = UINT64_MAX; // of a number
};
const std::vector<setting>& all_settings();

// Whether a server that runs takes another value when it reads its settings again. What enforces
// such a setting gets the new value; everything else needs a restart.
bool is_reloadable(std::string_view key);
// Keys of the settings that differ, in the order of the table.
std::vector<std::string_view> differences(const settings& a, const settings& b);
// What runs, with the values that a reload takes from what is wanted.
settings reloaded(const settings& running, const settings& wanted);

// The error is a sentence with the key in it.
using setting_result = base::result<void, std::string>;

// Sets one value from text, as flags and the environment have it; lists are comma-separated.
setting_result set(settings& to, std::string_view key, std::string_view text);
// Reads a TOML document; `name` is for messages.
setting_result read_toml(settings& to, std::string_view document, const std::string& name);
setting_result read_file(settings& to, const std::string& path);
// Reads `DARKROOM_HTTP__LISTEN` and the like. Another name that begins with `DARKROOM_` is an
// error, except for those of clients (`DARKROOM_SERVER`, `DARKROOM_TOKEN`) and of the tests.
setting_result read_environment(settings& to, char** environment);
// The same check of names, for commands that use none of the settings.
setting_result check_environment(char** environment);
// What a value alone cannot tell: a certificate without a key.
setting_result check(const settings& s);

// The document with comments that gives just these settings.
std::string to_toml(const settings& s);

} // namespace darkroom::config
