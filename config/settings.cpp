#include "config/settings.hpp"

#include "base/result.hpp"
#include "base/units.hpp"
#include "config/limits.hpp"
#include "config/quotas.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <sstream>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace darkroom::config {

namespace {

template<class Section, class Value>
setting row(std::string_view key, Section settings::* section, Value Section::* value,
            std::string_view about, std::uint64_t least = 0, std::uint64_t most = UINT64_MAX) {
  return {key, about, [=](settings& s) -> setting_value { return &(s.*section.*value); }, least,
          most};
}

constexpr std::uint64_t bytes_most = INT64_MAX; // TOML's integers

const setting* find(std::string_view key) {
  const auto& all = all_settings();
  const auto at = std::ranges::find(all, key, &setting::key);
  return at == all.end() ? nullptr : &*at;
}

std::unexpected<std::string> wrong(std::string_view key, const std::string& what) {
  return std::unexpected(std::string{key} + ": " + what);
}

// Levenshtein's: how many letters are to be inserted, removed or replaced.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

constexpr std::size_t name_bytes_compared_max = 128; // the comparison takes the square of it

// "; did you mean NAME?" with the known name that is nearest; nothing when none is near. All names
// begin with the same `common` bytes.
std::string suggestion(std::string_view name, const std::vector<std::string>& known,
                       std::size_t common = 0) {
  if (name.size() > name_bytes_compared_max) return "";
  const std::string* nearest = nullptr;
  std::size_t least = std::max<std::size_t>(2, (name.size() - common) / 3) + 1;
  for (const auto& candidate : known) {
    // Without its table, a name is as good as near.
    const bool last_part = candidate.ends_with('.' + std::string{name});
    const auto distance = last_part ? 1 : edit_distance(name, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = &candidate;
  }
  return nearest == nullptr ? "" : "; did you mean " + *nearest + '?';
}

const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> names;
    for (const auto& row : all_settings())
      names.emplace_back(row.key);
    return names;
  }();
  return keys;
}

// "http" and "http.tls" for "http.tls.key".
const std::vector<std::string>& known_tables() {
  static const std::vector<std::string> tables = [] {
    std::vector<std::string> names;
    for (const auto& key : known_keys())
      for (auto dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1))
        if (auto table = key.substr(0, dot); std::ranges::find(names, table) == names.end())
          names.push_back(std::move(table));
    return names;
  }();
  return tables;
}

constexpr std::string_view variable_prefix = "DARKROOM_";
// Of clients, and of the project's own tests.
constexpr std::string_view other_variables[] = {"DARKROOM_SERVER", "DARKROOM_TOKEN",
                                                "DARKROOM_CORPUS"};

// What Kubernetes and Docker's links put into the environment for a service named `darkroom`:
// DARKROOM_SERVICE_HOST, DARKROOM_SERVICE_PORT_HTTP, DARKROOM_PORT, DARKROOM_PORT_8080_TCP_ADDR.
bool is_of_service(std::string_view name) {
  return name == "DARKROOM_SERVICE_HOST" || name == "DARKROOM_PORT" ||
         name.starts_with("DARKROOM_SERVICE_PORT") || name.starts_with("DARKROOM_PORT_");
}

// "DARKROOM_HTTP__LISTEN" for "http.listen".
std::string variable_of(std::string_view key) {
  std::string name{variable_prefix};
  for (const char c : key) {
    if (c == '.')
      name += "__";
    else
      name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  }
  return name;
}

const std::vector<std::string>& known_variables() {
  static const std::vector<std::string> variables = [] {
    std::vector<std::string> names(std::begin(other_variables), std::end(other_variables));
    for (const auto& key : known_keys())
      names.push_back(variable_of(key));
    return names;
  }();
  return variables;
}

std::unexpected<std::string> unknown_key(const std::string& key) {
  return wrong(key, "there is no such setting" + suggestion(key, known_keys()));
}

std::unexpected<std::string> unknown_variable(std::string_view name) {
  return wrong(name, "there is no such setting" +
                         suggestion(name, known_variables(), variable_prefix.size()));
}

setting_result set_number(const setting& s, std::uint64_t& to, std::uint64_t value) {
  if (value < s.least || value > s.most)
    return wrong(s.key, "is from " + std::to_string(s.least) + " to " + std::to_string(s.most));
  to = value;
  return {};
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  std::istringstream in{std::string{text}};
  for (std::string part; std::getline(in, part, ',');) {
    const auto first = part.find_first_not_of(' ');
    if (first != std::string::npos)
      parts.push_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
  }
  return parts;
}

struct text_setter {
  const setting& s;
  std::string_view text;

  setting_result operator()(std::string* to) const {
    *to = text;
    return {};
  }
  setting_result operator()(std::uint64_t* to) const {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
      return wrong(s.key, "must be a whole number");
    return set_number(s, *to, value);
  }
  setting_result operator()(bool* to) const {
    if (text != "true" && text != "false") return wrong(s.key, "must be true or false");
    *to = text == "true";
    return {};
  }
  setting_result operator()(std::vector<std::string>* to) const {
    *to = split(text);
    return {};
  }
};

struct toml_setter {
  const setting& s;
  const toml::node& node;

  setting_result operator()(std::string* to) const {
    const auto value = node.value_exact<std::string>();
    if (!value) return wrong(s.key, "must be a text in quotes");
    *to = *value;
    return {};
  }
  setting_result operator()(std::uint64_t* to) const {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < 0) return wrong(s.key, "must be a whole number");
    return set_number(s, *to, static_cast<std::uint64_t>(*value));
  }
  setting_result operator()(bool* to) const {
    const auto value = node.value_exact<bool>();
    if (!value) return wrong(s.key, "must be true or false");
    *to = *value;
    return {};
  }
  setting_result operator()(std::vector<std::string>* to) const {
    const auto* list = node.as_array();
    if (list == nullptr) return wrong(s.key, "must be a list of texts");
    to->clear();
    for (const auto& item : *list) {
      const auto value = item.value_exact<std::string>();
      if (!value) return wrong(s.key, "must be a list of texts");
      to->push_back(*value);
    }
    return {};
  }
};

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c; // no setting has others
  }
  return out + '"';
}

struct toml_text {
  std::string operator()(const std::string* v) const { return quoted(*v); }
  std::string operator()(const std::uint64_t* v) const { return std::to_string(*v); }
  std::string operator()(const bool* v) const { return *v ? "true" : "false"; }
  std::string operator()(const std::vector<std::string>* v) const {
    std::string text;
    for (const auto& item : *v)
      text += (text.empty() ? "" : ", ") + quoted(item);
    return "[" + text + "]";
  }
};

setting_result read_table(settings& to, const toml::table& table, const std::string& prefix) {
  for (const auto& [name, node] : table) {
    const auto key = prefix + std::string{name.str()};
    if (const auto* inner = node.as_table()) {
      if (std::ranges::find(known_tables(), key) == known_tables().end())
        return wrong('[' + key + ']',
                     "there is no such table of settings" + suggestion(key, known_tables()));
      if (auto ok = read_table(to, *inner, key + '.'); !ok) return ok;
      continue;
    }
    const auto* s = find(key);
    if (s == nullptr) return unknown_key(key);
    if (auto ok = std::visit(toml_setter{*s, node}, s->in(to)); !ok) return ok;
  }
  return {};
}

// The character that begins there, and how many bytes it has; 0 bytes: it is no UTF-8.
std::pair<std::uint32_t, std::size_t> character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(at);
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (bytes == 0 || first > 0xf4 || at + bytes > text.size()) return {0, 0};
  std::uint32_t value = first & (0xffu >> (bytes + 1));
  for (std::size_t i = at + 1; i < at + bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {0, 0};
    value = value << 6 | (byte(i) & 0x3fu);
  }
  return {value, bytes};
}

// The same document in ASCII: toml++ 3.3 is undefined where it meets a letter that it does not
// expect. In a text in double quotes it becomes an escape, in a comment it does not matter, and
// elsewhere it is an error.
base::result<std::string, std::string> in_ascii(std::string_view document) {
  if (document.starts_with("\xef\xbb\xbf")) document.remove_prefix(3);
  std::string out;
  char inside = 0; // the quote that ends the text, or # in a comment
  std::size_t line = 1;
  for (std::size_t i = 0; i < document.size(); ++i) {
    const char c = document[i];
    if (static_cast<unsigned char>(c) >= 0x80) {
      const auto [value, bytes] = character_at(document, i);
      if (bytes == 0 || (inside != '"' && inside != '#'))
        return std::unexpected("line " + std::to_string(line) +
                               ": a letter beyond ASCII; it can only be in a text in double "
                               "quotes or in a comment, as UTF-8");
      std::array<char, 11> escape{};
      std::snprintf(escape.data(), escape.size(), "\\U%08X", value);
      out += inside == '"' ? escape.data() : "?";
      i += bytes - 1;
      continue;
    }
    out += c;
    if (c == '\n') {
      inside = 0;
      ++line;
    } else if (inside == 0 && (c == '"' || c == '\'' || c == '#')) {
      inside = c;
    } else if (inside == '"' && c == '\\' && i + 1 < document.size() &&
               static_cast<unsigned char>(document[i + 1]) < 0x80 && document[i + 1] != '\n') {
      out += document[++i];
    } else if (c == inside && c != '#') {
      inside = 0;
    }
  }
  return out;
}

} // namespace

const std::vector<setting>& all_settings() {
  using S = settings;
  using limits::MiB;
  static const std::vector<setting> all{
      row("data.dir", &S::data, &data_settings::dir,
          "Folder of the journal and of all files that are stored."),
      row("data.disk_floor_bytes", &S::data, &data_settings::disk_floor_bytes,
          "With less free disk than this, nothing new is taken.", 0, bytes_most),
      row("data.scrub_days", &S::data, &data_settings::scrub_days,
          "All stored files are read once in so many days, to find damage. 0: never.", 0, 3'650),
      row("data.set_aside_days", &S::data, &data_settings::set_aside_days,
          "Files that were set aside as strays or damaged are removed after so many days.", 0,
          36'500),
      row("data.draft_hours", &S::data, &data_settings::draft_hours,
          "Hours without a change after which a draft is deleted. 0: never.", 0, 87'600),
      row("data.thumbnails_bytes", &S::data, &data_settings::thumbnails_bytes,
          "Disk that thumbnails may take, so that each is made once. 0: none is kept.", 0,
          bytes_most),
      row("http.listen", &S::http, &http_settings::listen,
          "Where to listen, as HOST:PORT. Beyond this machine only with TLS."),
      row("http.insecure_no_tls", &S::http, &http_settings::insecure_no_tls,
          "Listen beyond this machine without TLS: only behind a proxy that has it."),
      row("http.metrics_listen", &S::http, &http_settings::metrics_listen,
          "Where /metrics is, as HOST:PORT, without asking who reads it. Empty: with the rest, for "
          "admins."),
      row("http.threads", &S::http, &http_settings::threads, "Threads that serve connections.", 1,
          64),
      row("http.blocking_threads", &S::http, &http_settings::blocking_threads,
          "Threads that read and write files.", 1, 256),
      row("http.connections_max", &S::http, &http_settings::connections_max,
          "Connections in all; more are answered with 503.", 1, 1'000'000),
      row("http.connections_per_ip_max", &S::http, &http_settings::connections_per_ip_max,
          "Connections from one address.", 1, 1'000'000),
      row("http.allowed_origins", &S::http, &http_settings::allowed_origins,
          "Origins (https://photos.example) whose pages may open a WebSocket here, beside our "
          "own."),
      row("http.tls.certificate", &S::tls, &tls_settings::certificate,
          "PEM file with the certificate and its chain. Empty: no TLS."),
      row("http.tls.key", &S::tls, &tls_settings::key, "PEM file with the certificate's key."),
      row("auth.proxy_header", &S::auth, &auth_settings::proxy_header,
          "Header in which a proxy names the user that it has authenticated. Empty: none does."),
      row("auth.trusted_proxies", &S::auth, &auth_settings::trusted_proxies,
          "Networks whose proxies are believed, as [\"10.0.0.0/8\"]."),
      row("auth.admins", &S::auth, &auth_settings::admins, "Users of the proxy who are admins."),
      row("auth.foreign_batch", &S::auth, &auth_settings::foreign_batch,
          "Answer to a user who names another user's batch. not_owner: 403. hidden: 404, as for a "
          "batch that does not exist."),
      row("work.here", &S::work, &work_settings::here,
          "Convert on the server's own machine too; false: only on workers that join."),
      row("work.slots", &S::work, &work_settings::slots,
          "Files converted at the same time. 0: one for each core.", 0, limits::slots_max),
      row("work.memory_bytes", &S::work, &work_settings::memory_bytes,
          "Memory of the server and its codec hosts together. 0: the least of 1 GiB and three "
          "quarters of what the control group and the machine have.",
          0, bytes_most),
      row("work.input_bytes_max", &S::work, &work_settings::input_bytes_max,
          "Largest file that is taken.", 1, 4'096 * MiB),
      row("work.image_pixels_max", &S::work, &work_settings::image_pixels_max,
          "Largest picture that is taken, in pixels.", 1, limits::image_pixels_ceiling),
      row("cluster.dir", &S::cluster, &cluster_settings::dir,
          "Folder that `darkroom cluster init` has made. Empty: no other machines."),
      row("cluster.listen", &S::cluster, &cluster_settings::listen,
          "Where workers join, as HOST:PORT. Always with certificates on both sides."),
      row("audit.days", &S::audit, &audit_settings::days,
          "Days for which entries of the audit log are kept. 0: forever.", 0, 36'500),
      row("audit.refusals_per_hour", &S::audit, &audit_settings::refusals_per_hour,
          "Refused requests of one user that are audited in an hour; the rest is only counted.", 1,
          1'000'000),
      row("rate.ip_per_s", &S::rate, &rate_settings::ip_per_s,
          "Requests a second from one address, and how many at once.", 1, 1'000'000),
      row("rate.ip_burst", &S::rate, &rate_settings::ip_burst, "", 1, 1'000'000),
      row("rate.user_per_s", &S::rate, &rate_settings::user_per_s,
          "Requests a second of one user, and how many at once.", 1, 1'000'000),
      row("rate.user_burst", &S::rate, &rate_settings::user_burst, "", 1, 1'000'000),
      row("quota.live_batches", &S::quota, &quota_settings::live_batches,
          "Batches of one user that have not ended.", 1, bytes_most),
      row("quota.files_per_batch_max", &S::quota, &quota_settings::files_per_batch_max,
          "Files in one batch.", 1, limits::user_files_per_batch),
      row("quota.queued_files", &S::quota, &quota_settings::queued_files,
          "Files of one user that have not ended.", 1, bytes_most),
      row("quota.stored_bytes", &S::quota, &quota_settings::stored_bytes,
          "Bytes of one user, uploaded and converted.", 1, bytes_most),
      row("quota.uploads", &S::quota, &quota_settings::uploads,
          "Uploads of one user at the same time.", 1, 100'000),
      row("quota.megapixels_per_day", &S::quota, &quota_settings::megapixels_per_day,
          "Megapixels of one user's sources converted in a day (UTC); then the user's batches wait "
          "for "
          "the next. 0: no limit.",
          0, bytes_most / 1'000'000),
      row("quota.cpu_s_per_day", &S::quota, &quota_settings::cpu_s_per_day,
          "Seconds for which slots work on one user's files in a day (UTC). 0: no limit.", 0,
          bytes_most / 1'000),
      row("quota.exceptions", &S::quota, &quota_settings::exceptions,
          "Other quotas for a role or a user, as [\"role:admin uploads=256\", \"ann "
          "cpu_s_per_day=0\"]; "
          "those of a user go before those of the role."),
      row("feed.streams_per_ip_max", &S::feed, &feed_settings::streams_per_ip_max,
          "Clients of one address that follow events, by WebSocket or as server-sent events.", 1,
          1'000'000),
      row("feed.streams_per_user_max", &S::feed, &feed_settings::streams_per_user_max,
          "The same of one user.", 1, 1'000'000),
      row("feed.streams_per_batch_max", &S::feed, &feed_settings::streams_per_batch_max,
          "The same of one user, for one batch.", 1, 1'000'000),
      row("feed.idle_s", &S::feed, &feed_settings::idle_s,
          "A WebSocket without a sign of life for so long is ended; pings go out at half of it.", 1,
          3'600),
      row("log.level", &S::log, &log_settings::level,
          "What is logged: debug, info, warn or error."),
      row("log.file", &S::log, &log_settings::file,
          "File of the log, opened again on SIGHUP. Empty: standard error."),
      row("log.requests", &S::log, &log_settings::requests, "One line for each request."),
      row("log.addresses", &S::log, &log_settings::addresses,
          "Addresses of clients in these lines: personal data."),
  };
  return all;
}

setting_result set(settings& to, std::string_view key, std::string_view text) {
  const auto* s = find(key);
  if (s == nullptr) return unknown_key(std::string{key});
  return std::visit(text_setter{*s, text}, s->in(to));
}

setting_result read_toml(settings& to, std::string_view document, const std::string& name) {
  const auto ascii = in_ascii(document);
  if (!ascii) return std::unexpected(name + ": " + ascii.error());
  const auto parsed = toml::parse(*ascii, name);
  if (!parsed) {
    std::ostringstream text;
    text << parsed.error();
    return std::unexpected(text.str());
  }
  auto ok = read_table(to, parsed.table(), "");
  if (!ok) return std::unexpected(name + ": " + ok.error());
  return ok;
}

setting_result read_file(settings& to, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::unexpected(path + ": cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  return read_toml(to, text.str(), path);
}

setting_result read_environment(settings& to, char** environment) {
  if (auto ok = check_environment(environment); !ok) return ok;
  for (; *environment != nullptr; ++environment) {
    const std::string_view line = *environment;
    const auto name = line.substr(0, line.find('='));
    const auto row = std::ranges::find_if(
        all_settings(), [&](const setting& s) { return variable_of(s.key) == name; });
    if (row == all_settings().end()) continue;
    if (auto ok = set(to, row->key, line.substr(name.size() + 1)); !ok)
      return std::unexpected(std::string{name} + ": " + ok.error());
  }
  return {};
}

setting_result check_environment(char** environment) {
  for (; *environment != nullptr; ++environment) {
    const std::string_view line = *environment;
    const auto equals = line.find('=');
    if (!line.starts_with(variable_prefix) || equals == std::string_view::npos) continue;
    const auto name = line.substr(0, equals);
    if (is_of_service(name)) continue;
    if (std::ranges::find(known_variables(), name) == known_variables().end())
      return unknown_variable(name);
  }
  return {};
}

bool is_reloadable(std::string_view key) {
  constexpr std::string_view taken[] = {"http.tls.", "http.allowed_origins", "rate.", "quota.",
                                        "log."};
  return std::ranges::any_of(taken, [&](auto prefix) { return key.starts_with(prefix); });
}

std::vector<std::string_view> differences(const settings& a, const settings& b) {
  auto one = a, other = b;
  std::vector<std::string_view> keys;
  for (const auto& row : all_settings())
    if (std::visit(toml_text{}, row.in(one)) != std::visit(toml_text{}, row.in(other)))
      keys.push_back(row.key);
  return keys;
}

settings reloaded(const settings& running, const settings& wanted) {
  auto next = running, from = wanted;
  for (const auto& row : all_settings()) {
    if (!is_reloadable(row.key)) continue;
    const auto source = row.in(from);
    std::visit([&](auto* to) { *to = *std::get<decltype(to)>(source); }, row.in(next));
  }
  return next;
}

setting_result check(const settings& s) {
  if (s.tls.certificate.empty() != s.tls.key.empty())
    return wrong("http.tls", "needs both a certificate and a key");
  constexpr std::string_view levels[] = {"debug", "info", "warn", "error"};
  if (std::ranges::find(levels, s.log.level) == std::end(levels))
    return wrong("log.level", "is debug, info, warn or error");
  if (s.data.dir.empty()) return wrong("data.dir", "must name a folder");
  if (s.work.memory_bytes != 0 && s.work.memory_bytes < limits::memory_budget_min_bytes)
    return wrong("work.memory_bytes",
                 "is 0 or at least " + std::to_string(limits::memory_budget_min_bytes));
  if (!s.work.here && s.cluster.dir.empty())
    return wrong("work.here", "may be false only where workers can join: set cluster.dir");
  if (!s.auth.proxy_header.empty() && s.auth.trusted_proxies.empty())
    return wrong("auth.trusted_proxies", "must name the proxies that set auth.proxy_header");
  if (s.auth.foreign_batch != "not_owner" && !s.auth.hides_foreign_batches())
    return wrong("auth.foreign_batch", "must be not_owner or hidden");
  return check_exceptions(s.quota);
}

std::string to_toml(const settings& s) {
  std::string text =
      "# Settings of darkroom serve. Flags and the environment (DARKROOM_HTTP__LISTEN "
      "for\n# http.listen) go before this file.\n";
  std::string section;
  auto copy = s;
  for (const auto& row : all_settings()) {
    const auto dot = row.key.rfind('.');
    if (section != row.key.substr(0, dot)) {
      section = row.key.substr(0, dot);
      text += "\n[" + section + "]\n";
    }
    if (!row.about.empty()) text += "# " + std::string{row.about} + "\n";
    text +=
        std::string{row.key.substr(dot + 1)} + " = " + std::visit(toml_text{}, row.in(copy)) + "\n";
  }
  return text;
}

} // namespace darkroom::config
