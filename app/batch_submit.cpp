#include "app/batch_submit.hpp"

#include "app/batch_watch.hpp"
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/file_digest.hpp"
#include "app/limits.hpp"
#include "app/omissions.hpp"
#include "app/progress.hpp"
#include "app/server_answers.hpp"
#include "app/sources.hpp"
#include "app/standard_input.hpp"
#include "app/text.hpp"
#include "app/upload_paths.hpp"
#include "base/errno_text.hpp"
#include "base/result.hpp"
#include "base/thread_name.hpp"
#include "domain/portable_names.hpp"
#include "http/field_json.hpp"
#include "http/limits.hpp"
#include "http/request_id.hpp"
#include "http/spec_json.hpp"

#include <boost/json.hpp>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>
#include <unistd.h>

namespace darkroom::app {

namespace {

namespace json = boost::json;

struct upload {
  source_file file;
  manifest_entry entry;
};

// Uploads what is missing, over several connections.
class uploader {
public:
  uploader(const server_account& account, std::string id, const std::vector<upload>& files)
      : account_(account), id_(std::move(id)), files_(files) {}

  // How many were not taken.
  std::size_t run(std::size_t connections, bool quiet) {
    progress shown(display_for_stderr(quiet), colour_for_stderr());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < std::min(connections, files_.size()); ++i)
      threads.emplace_back([this] { send(); });
    while (ended_ < files_.size()) {
      run_totals totals;
      totals.files = static_cast<std::uint32_t>(files_.size());
      totals.completed = totals.completed_now = static_cast<std::uint32_t>(ended_ - refused_);
      totals.failed = static_cast<std::uint32_t>(refused_);
      totals.bytes_in = bytes_;
      shown.update(totals);
      ended_.wait(ended_.load()); // until one more has
    }
    for (auto& thread : threads)
      thread.join();
    shown.clear();
    return refused_;
  }

private:
  void send() {
    base::name_thread("upload");
    http_client client(account_);
    while (true) {
      const auto i = next_++;
      if (i >= files_.size()) return;
      const auto& one = files_[i];
      const auto reply = send_one(client, one);
      const bool taken = reply.status == 200 || reply.status == 201;
      if (taken) {
        bytes_ += one.file.bytes;
      } else {
        refused_ += 1;
        const std::lock_guard lock(mutex_);
        complain(printable(one.entry.path) + ": " + reply.problem(), 0);
      }
      ended_ += 1;
      ended_.notify_one();
    }
  }
  http_reply send_one(http_client& client, const upload& one) {
    http_reply reply;
    for (std::uint32_t tries = 0; tries < limits::client_tries_max; ++tries) {
      if (::access(one.file.absolute.c_str(), R_OK) != 0) // no server can help
        return {.error = "can no longer be read: " + base::errno_text(errno)};
      reply = client.put_file(batch_path(id_, "/files/") + url_path(one.entry.path),
                              one.file.absolute, one.file.bytes);
      const bool again = reply.status == 0 || reply.status == 429 || reply.status == 503;
      if (!again) return reply;
      std::this_thread::sleep_for(std::chrono::milliseconds(limits::client_retry_ms));
    }
    return reply;
  }

  const server_account& account_;
  std::string id_;
  const std::vector<upload>& files_;
  std::atomic<std::size_t> next_ = 0, refused_ = 0, ended_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::mutex mutex_;
};

// What the server does not have yet; what it has is in the batch afterwards, but for what it
// refuses.
struct manifest_answer {
  std::vector<upload> missing;
  std::size_t refused = 0;
};
base::result<manifest_answer, http_reply> send_manifests(http_client& client, const std::string& id,
                                                         const std::vector<upload>& all) {
  std::vector<manifest_entry> entries;
  std::map<std::string, const upload*> by_path;
  for (const auto& one : all) {
    entries.push_back(one.entry);
    by_path[one.entry.path] = &one;
  }
  manifest_answer answered;
  for (const auto& manifest : make_manifests(entries)) {
    const auto reply = client.send("POST", batch_path(id, "/manifest"), manifest);
    if (reply.status != 200) return std::unexpected(reply);
    const auto answer = json::parse(reply.body);
    for (const auto& path : answer.at("missing").as_array())
      answered.missing.push_back(*by_path.at(std::string{path.as_string()}));
    for (const auto& one : answer.at("rejected").as_array()) {
      answered.refused += 1;
      complain(text_of(one, "path") + ": " + text_of(one, "detail"), 0);
    }
  }
  return answered;
}

// The files with their digests and the paths that they get; what cannot be read goes to `list`.
std::vector<upload> read_uploads(source_list& list) {
  std::vector<source_file> readable;
  std::vector<std::string> digests;
  for (auto& file : list.files) {
    if (auto digest = digest_of(file.absolute)) {
      digests.push_back(std::move(*digest));
      readable.push_back(std::move(file));
    } else {
      list.unreadable.push_back({file.path, file.path, base::errno_text(errno), file.bytes});
    }
  }
  list.files.clear();
  auto paths = plan_upload_paths(readable);
  std::vector<upload> all;
  for (std::size_t i = 0; i < readable.size(); ++i) {
    const auto bytes = readable[i].bytes;
    all.push_back({std::move(readable[i]), {std::move(paths[i]), std::move(digests[i]), bytes}});
  }
  return all;
}

void say_new_paths(const std::vector<upload>& all) {
  for (const auto& one : all)
    if (one.entry.path != one.file.path)
      std::fprintf(stderr, "renamed: %s -> %s\n", printable(one.file.absolute).c_str(),
                   one.entry.path.c_str());
}

// The same request until there is an answer: its key makes it one batch.
http_reply make_batch(http_client& client, const domain::conversion_spec& spec,
                      const domain::batch_attributes& attributes) {
  json::object body{{"spec", http::spec_view(spec)}};
  for_each_field(attributes, http::field_writer(body));
  http_reply made;
  const auto key = "Idempotency-Key: " + http::random_hex(16);
  for (std::uint32_t tries = 0; tries < limits::client_tries_max; ++tries) {
    made = client.send("POST", "/v1/batches", json::serialize(body), {key});
    if (made.status != 0 && made.status != 429 && made.status != 503) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(limits::client_retry_ms));
  }
  return made;
}

// A draft of ours that got no file is of no use to anybody.
void delete_empty_draft(http_client& client, const std::string& id) {
  const auto reply = client.send("GET", batch_path(id));
  if (reply.status != 200) return;
  const auto batch = parsed(reply.body);
  if (text_of(batch, "state") != "draft" || number_of(member_of(batch, "files"), "total") != 0)
    return;
  client.send("DELETE", batch_path(id));
}

// Uploads and starts; the exit code, unless it has started.
struct submission {
  std::size_t refused = 0;
  std::optional<int> code;
};
submission send_files(http_client& client, const server_account& account, const std::string& id,
                      const std::vector<upload>& all, const batch_options& o) {
  const auto known = send_manifests(client, id, all);
  if (!known) return {0, fail_with(known.error())};
  if (!o.quiet)
    std::fprintf(stderr, "batch %s: %s, %s to upload; should this be cut off: --batch %s\n",
                 id.c_str(), count_text(all.size(), "file").c_str(),
                 count_text(known->missing.size(), "file").c_str(), id.c_str());
  submission sent;
  sent.refused = known->refused + uploader(account, id, known->missing).run(o.connections, o.quiet);
  if (o.into.empty() && sent.refused == all.size()) {
    sent.code = complain("no file was taken", exit_all_failed);
    return sent;
  }
  const auto started = client.send("POST", batch_path(id, "/start"));
  if (started.status != 202 && started.status != 200) sent.code = fail_with(started);
  return sent;
}

// What a batch is called that nobody has named: by its first source, as a name may be.
std::string default_name(const std::string& source) {
  return std::string{domain::cut_text(printable(source), limits::name_bytes_max)};
}

base::result<source_list, std::string> find_submitted(std::vector<std::string> words,
                                                      standard_input& input) {
  const bool from_stream = take_standard_stream(words);
  auto list = find_sources(words, "");
  if (!list || !from_stream) return list;
  auto read = read_standard_input();
  if (!read) return std::unexpected(read.error());
  input = std::move(*read);
  list->files.push_back(input.file);
  return list;
}

} // namespace

std::vector<std::string> make_manifests(std::span<const manifest_entry> entries) {
  std::vector<std::string> manifests;
  std::string body;
  std::size_t rows = 0;
  const auto end = [&] {
    if (rows != 0) manifests.push_back('[' + std::exchange(body, {}) + ']');
    rows = 0;
  };
  for (const auto& entry : entries) {
    const auto row = json::serialize(
        json::object{{"path", entry.path}, {"size", entry.bytes}, {"sha256", entry.sha256}});
    constexpr std::size_t brackets_and_comma = 3;
    if (rows == limits::manifest_files_max ||
        body.size() + row.size() + brackets_and_comma > limits::manifest_body_bytes_max)
      end();
    body += (rows == 0 ? "" : ",") + row;
    rows += 1;
  }
  end();
  return manifests;
}

int submit_batch(const server_account& account, batch_options& o) {
  domain::conversion_spec spec;
  if (auto ok = read_spec(o.given, spec); !ok) return complain(ok.error(), exit_usage);
  domain::batch_attributes attributes;
  attributes.name = default_name(o.sources.front());
  if (auto ok = read_fields(o.attributes, attributes); !ok) return complain(ok.error(), exit_usage);
  standard_input input; // its file stays open until it is sent
  auto found = find_submitted(o.sources, input);
  if (!found) return complain(found.error(), exit_usage);
  const auto all = read_uploads(*found);
  if (all.empty() && found->unreadable.empty())
    return complain(nothing_found_text(*found), exit_usage);
  say_omissions(*found, o.quiet);
  if (all.empty()) return complain("no file can be read", exit_all_failed);
  if (!o.quiet) say_new_paths(all);

  http_client client(account);
  auto id = o.into;
  if (id.empty()) {
    const auto made = make_batch(client, spec, attributes);
    if (made.status != 201) return fail_with(made);
    id = text_of(json::parse(made.body), "id");
  }
  const auto sent = send_files(client, account, id, all, o);
  if (sent.code) {
    if (o.into.empty()) delete_empty_draft(client, id);
    return *sent.code;
  }
  std::printf("%s\n", id.c_str());
  std::fflush(stdout);
  const auto failures = sent.refused + found->unreadable.size();
  if (!o.wait) {
    if (!o.quiet)
      std::fprintf(stderr, "%s submitted%s\n",
                   count_text(all.size() - sent.refused, "file").c_str(),
                   omissions_text(found->unreadable.size(), found->skipped.size()).c_str());
    return code_with_unreadable(exit_all, failures);
  }
  return code_with_unreadable(watch_batch(account, {.id = id,
                                                    .quiet = o.quiet,
                                                    .unreadable = found->unreadable.size(),
                                                    .skipped = found->skipped.size()}),
                              failures);
}

} // namespace darkroom::app
