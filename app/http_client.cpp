#include "app/http_client.hpp"

#include "base/encoding.hpp"

#include "app/curl_library.hpp"
#include "app/text.hpp"
#include "base/errno_text.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace darkroom::app {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string credentials_file() {
  const auto config = environment("XDG_CONFIG_HOME");
  if (!config.empty()) return config + "/darkroom/credentials";
  const auto home = environment("HOME");
  return home.empty() ? "" : home + "/.config/darkroom/credentials";
}

// Lines of `server = …` and `token = …`.
base::result<server_account, std::string> read_credentials(const std::string& file) {
  struct stat about{};
  if (file.empty() || ::stat(file.c_str(), &about) != 0) return server_account{};
  if ((about.st_mode & 077) != 0)
    return std::unexpected(file + " can be read by others; say chmod 600 " + file);
  server_account account;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto equals = line.find('=');
    if (equals == std::string::npos || line.starts_with('#')) continue;
    const auto trim = [](std::string text) {
      const auto first = text.find_first_not_of(" \t\"");
      if (first == std::string::npos) return std::string{};
      return text.substr(first, text.find_last_not_of(" \t\"\r") - first + 1);
    };
    const auto key = trim(line.substr(0, equals));
    if (key == "server") account.url = trim(line.substr(equals + 1));
    if (key == "token") account.token = trim(line.substr(equals + 1));
  }
  return account;
}

} // namespace

base::result<server_account, std::string> read_account(const std::string& url_flag,
                                                       const std::string& token_flag) {
  if (auto ok = config::check_environment(::environ); !ok) return std::unexpected(ok.error());
  if (const auto& curl = load_curl(); !curl) return std::unexpected(curl.error());
  auto account = read_credentials(credentials_file());
  if (!account) return account;
  if (!token_flag.empty())
    std::fprintf(stderr, "darkroom: every user of this machine can read a --token, in the list of "
                         "processes; set DARKROOM_TOKEN instead\n");
  const auto first = [](std::initializer_list<std::string> choices) {
    for (const auto& choice : choices)
      if (!choice.empty()) return choice;
    return std::string{};
  };
  account->url =
      first({url_flag, environment("DARKROOM_SERVER"), account->url, "http://127.0.0.1:8080"});
  account->token = first({token_flag, environment("DARKROOM_TOKEN"), account->token});
  while (account->url.ends_with('/'))
    account->url.pop_back();
  return account;
}

std::string http_reply::problem() const {
  if (status == 0) return error;
  boost::system::error_code wrong;
  const auto value = boost::json::parse(body, wrong);
  const auto* object = wrong ? nullptr : value.if_object();
  const auto text = [&](const char* name) {
    const auto* member = object == nullptr ? nullptr : object->if_contains(name);
    return member != nullptr && member->is_string() ? std::string{member->get_string()}
                                                    : std::string{};
  };
  const auto title = text("title");
  if (title.empty()) return "the server answered " + std::to_string(status);
  return printable(title + ": " + text("detail") + " (" + text("code") + ")");
}

struct http_client::parts {
  server_account account;
  const curl_library* functions = nullptr;
  CURL* curl = nullptr;
  http_reply reply;
  std::function<bool(std::string_view)> piece;

  static std::size_t on_body(char* data, std::size_t one, std::size_t count, void* self) {
    auto& p = *static_cast<parts*>(self);
    const std::size_t size = one * count;
    long status = 0;
    p.functions->easy_getinfo(p.curl, CURLINFO_RESPONSE_CODE, &status);
    if (p.piece && status < 300) return p.piece({data, size}) ? size : 0;
    p.reply.body.append(data, size);
    return size;
  }
  static std::size_t on_header(char* data, std::size_t one, std::size_t count, void* self) {
    auto& p = *static_cast<parts*>(self);
    const std::string_view line(data, one * count);
    const auto value = [&](std::string_view name) -> std::optional<std::string> {
      if (line.size() <= name.size() || line[name.size()] != ':') return std::nullopt;
      for (std::size_t i = 0; i < name.size(); ++i)
        if (std::tolower(static_cast<unsigned char>(line[i])) != name[i]) return std::nullopt;
      auto text = line.substr(name.size() + 1);
      while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
      while (!text.empty() && (text.back() == '\r' || text.back() == '\n'))
        text.remove_suffix(1);
      return std::string{text};
    };
    if (const auto etag = value("etag")) p.reply.etag = *etag;
    if (const auto range = value("content-range")) p.reply.content_range = *range;
    return one * count;
  }
};

http_client::http_client(server_account account) : parts_(std::make_unique<parts>()) {
  parts_->account = std::move(account);
  const auto& loaded = load_curl();
  if (!loaded) return;
  parts_->functions = &*loaded;
  parts_->curl = loaded->easy_init();
}

http_client::~http_client() {
  if (parts_->curl != nullptr) parts_->functions->easy_cleanup(parts_->curl);
}

http_reply http_client::perform(const headers& more) {
  auto& p = *parts_;
  const auto& curl = *p.functions;
  curl_slist* list = nullptr;
  const auto add = [&](const std::string& line) { list = curl.slist_append(list, line.c_str()); };
  if (!p.account.token.empty()) add("Authorization: Bearer " + p.account.token);
  for (const auto& line : more)
    add(line);
  char error[CURL_ERROR_SIZE] = "";
  curl.easy_setopt(p.curl, CURLOPT_HTTPHEADER, list);
  curl.easy_setopt(p.curl, CURLOPT_ERRORBUFFER, error);
  curl.easy_setopt(p.curl, CURLOPT_WRITEFUNCTION, parts::on_body);
  curl.easy_setopt(p.curl, CURLOPT_WRITEDATA, &p);
  curl.easy_setopt(p.curl, CURLOPT_HEADERFUNCTION, parts::on_header);
  curl.easy_setopt(p.curl, CURLOPT_HEADERDATA, &p);
  // As OpenSSL's own programs have it, for servers whose certificate comes from nowhere public.
  if (const auto trusted = environment("SSL_CERT_FILE"); !trusted.empty())
    curl.easy_setopt(p.curl, CURLOPT_CAINFO, trusted.c_str());
  curl.easy_setopt(p.curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl.easy_setopt(p.curl, CURLOPT_NOSIGNAL, 1L);
  curl.easy_setopt(p.curl, CURLOPT_CONNECTTIMEOUT, 10L);
  curl.easy_setopt(p.curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl.easy_setopt(p.curl, CURLOPT_LOW_SPEED_TIME, 120L);
  p.reply = {};
  const auto code = curl.easy_perform(p.curl);
  curl.easy_getinfo(p.curl, CURLINFO_RESPONSE_CODE, &p.reply.status);
  if (code != CURLE_OK) {
    p.reply.status = 0;
    p.reply.error = p.account.url + ": " + (error[0] != '\0' ? error : curl.easy_strerror(code));
  }
  curl.slist_free_all(list);
  curl.easy_setopt(p.curl, CURLOPT_HTTPHEADER, nullptr);
  curl.easy_reset(p.curl); // its connection stays open
  return std::exchange(p.reply, {});
}

http_reply http_client::send(const std::string& method, const std::string& path,
                             const std::string& body, const headers& more) {
  auto& p = *parts_;
  if (p.curl == nullptr) return {.error = "there is no HTTP client"};
  const auto& curl = *p.functions;
  const auto url = p.account.url + path;
  curl.easy_setopt(p.curl, CURLOPT_URL, url.c_str());
  if (method == "HEAD")
    curl.easy_setopt(p.curl, CURLOPT_NOBODY, 1L);
  else
    curl.easy_setopt(p.curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  headers all = more;
  if (!body.empty()) {
    curl.easy_setopt(p.curl, CURLOPT_POSTFIELDS, body.data());
    curl.easy_setopt(p.curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    const bool typed = std::ranges::any_of(
        more, [](const std::string& line) { return line.starts_with("Content-Type:"); });
    if (!typed) all.emplace_back("Content-Type: application/json");
    all.emplace_back("Expect:");
  }
  return perform(all);
}

http_reply http_client::put_file(const std::string& path, const std::string& file,
                                 std::uint64_t bytes, const headers& more) {
  auto& p = *parts_;
  if (p.curl == nullptr) return {.error = "there is no HTTP client"};
  const auto& curl = *p.functions;
  std::FILE* in = std::fopen(file.c_str(), "rb");
  if (in == nullptr) return {.error = printable(file) + ": " + base::errno_text(errno)};
  const auto url = p.account.url + path;
  curl.easy_setopt(p.curl, CURLOPT_URL, url.c_str());
  curl.easy_setopt(p.curl, CURLOPT_UPLOAD, 1L);
  curl.easy_setopt(p.curl, CURLOPT_READDATA, in);
  curl.easy_setopt(p.curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(bytes));
  headers all = more;
  all.emplace_back("Content-Type: application/octet-stream");
  if (bytes < 1 << 20) all.emplace_back("Expect:"); // a small one need not wait to be asked for
  auto reply = perform(all);
  std::fclose(in);
  return reply;
}

bool http_client::partial() const {
  long status = 0;
  parts_->functions->easy_getinfo(parts_->curl, CURLINFO_RESPONSE_CODE, &status);
  return status == 206;
}

http_reply http_client::get(const std::string& path, const headers& more,
                            const std::function<bool(std::string_view)>& piece) {
  auto& p = *parts_;
  if (p.curl == nullptr) return {.error = "there is no HTTP client"};
  const auto& curl = *p.functions;
  const auto url = p.account.url + path;
  curl.easy_setopt(p.curl, CURLOPT_URL, url.c_str());
  p.piece = piece;
  auto reply = perform(more);
  p.piece = nullptr;
  return reply;
}

std::string url_path(std::string_view path) {
  return base::percent_encoded(path, "/");
}

} // namespace darkroom::app
