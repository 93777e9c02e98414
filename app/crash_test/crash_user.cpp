#include "app/crash_test/crash_user.hpp"

#include "app/crash_test/child_process.hpp"
#include "app/server_answers.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <chrono>

namespace darkroom::app {

namespace {

namespace json = boost::json;

constexpr std::size_t batches_of_one_user = 8;
constexpr std::size_t files_of_one_batch = 40;
constexpr auto settle_time = std::chrono::seconds(120);

certainty either(certainty a, certainty b) {
  return std::max(a, b);
}

// Whether an answer that repeats itself is a reason to ask again.
bool asks_for_patience(const http_reply& reply) {
  return reply.status == 503 || reply.status == 429;
}

} // namespace

certainty certainty_of(const http_reply& reply) {
  if (reply.status >= 200 && reply.status < 300) return certainty::yes;
  if (reply.status >= 300 && reply.status < 500) return certainty::no;
  return certainty::maybe;
}

crash_user::crash_user(ledger& knows, const std::vector<crash_sample>& samples, std::string server,
                       std::uint32_t seed, const std::atomic<bool>& in_doubt)
    : knows_(knows), samples_(samples), client_({std::move(server), knows.token}), dice_(seed),
      in_doubt_(in_doubt) {}

certainty crash_user::known(const http_reply& reply) const {
  return in_doubt_ ? certainty::maybe : certainty_of(reply);
}

void crash_user::note(const http_reply& reply) {
  lost_connection_ |= reply.status == 0;
  if (reply.status >= 500) knows_.counts["answers " + std::to_string(reply.status)] += 1;
}

void crash_user::complain(const known_batch& batch, const std::string& what,
                          const http_reply& reply) {
  if (!complaint_.empty() || in_doubt_) return;
  complaint_ = knows_.user + ", batch " + batch.id + ": " + what + "; the server said " +
               std::to_string(reply.status) + ' ' + reply.body.substr(0, 500);
}

std::string crash_user::path_of(const known_batch& batch, const std::string& rest) const {
  return "/v1/batches/" + batch.id + rest;
}

std::string crash_user::run(const std::atomic<bool>& stop) {
  while (!stop && !lost_connection_ && complaint_.empty())
    act();
  return complaint_;
}

void crash_user::act() {
  auto& all = knows_.batches;
  const bool room = std::ranges::count_if(all, [](const known_batch& b) {
                      return b.deleted == certainty::no;
                    }) < static_cast<std::ptrdiff_t>(batches_of_one_user);
  if (all.empty() || (room && roll(6) == 0)) {
    known_batch made;
    made.key = knows_.user + '-' + std::to_string(++knows_.names_given);
    const auto spec = roll(static_cast<std::uint32_t>(crash_specs().size()));
    made.specs.insert(spec);
    made.priorities.insert(roll(10));
    made.names.insert(made.key);
    const bool at_once = roll(4) == 0;
    made.body = R"({"name":")" + made.key + R"(","priority":)" +
                std::to_string(*made.priorities.begin()) + R"(,"spec":)" + crash_specs()[spec] +
                (at_once ? R"(,"start":"on_first_file")" : "") + '}';
    all.push_back(std::move(made));
    make(all.back());
    return;
  }
  auto& batch = all[roll(static_cast<std::uint32_t>(all.size()))];
  if (batch.deleted == certainty::yes) return;
  if (batch.id.empty() || roll(40) == 0) return make(batch); // the same request again
  switch (roll(24)) {
  case 0:
  case 1:
  case 2:
  case 3:
  case 4:
  case 5:
    return upload(batch);
  case 6:
    return upload_form(batch);
  case 7:
    return add_known(batch);
  case 8:
    return remove(batch);
  case 9:
  case 10:
  case 11:
    return command(batch, "start");
  case 12:
    return command(batch, "pause", R"({"mode":"drain"})");
  case 13:
    return command(batch, "pause", R"({"mode":"interrupt"})");
  case 14:
  case 15:
    return command(batch, "resume");
  case 16:
    return roll(3) == 0 ? command(batch, "cancel", R"({"reason":"a whim"})")
                        : command(batch, "seal");
  case 17:
    return command(batch, "retry",
                   roll(2) == 0 ? R"({"scope":"failed"})" : R"({"scope":"cancelled"})");
  case 18:
    return change(batch);
  case 19:
    return roll(8) == 0 ? erase(batch) : download(batch);
  case 20:
  case 21:
    return read_log(batch);
  default:
    return look(batch);
  }
}

void crash_user::note_tag(known_batch& batch, const http_reply& reply) {
  if (in_doubt_ || reply.etag.size() < 3) return;
  if (const auto seq = std::strtoull(reply.etag.c_str() + 1, nullptr, 10); seq != 0)
    batch.tags.insert(seq);
}

void crash_user::make(known_batch& batch) {
  const auto reply =
      client_.send("POST", "/v1/batches", batch.body, {"Idempotency-Key: " + batch.key});
  note(reply);
  if (known(reply) != certainty::yes) return;
  count("batches made");
  const auto id = text_of(parsed(reply.body), "id");
  if (!batch.id.empty() && batch.id != id)
    complain(batch, "the same idempotency key made another batch", reply);
  batch.id = id;
}

void crash_user::upload(known_batch& batch) {
  if (batch.files.size() >= files_of_one_batch) return;
  // Sometimes what was in doubt once more, under its old name.
  auto path = "d" + std::to_string(roll(3)) + "/f" + std::to_string(++knows_.names_given);
  auto sample = roll(static_cast<std::uint32_t>(samples_.size()));
  const auto doubtful = std::ranges::find_if(batch.files, [](const auto& entry) {
    return entry.second.added == certainty::maybe && entry.second.removed == certainty::no;
  });
  if (doubtful != batch.files.end()) {
    path = doubtful->first;
    sample = static_cast<std::uint32_t>(doubtful->second.sample);
  } else {
    path += '.' + samples_[sample].extension;
  }
  auto& file = batch.files[path];
  file.sample = sample;
  const auto reply = client_.put_file(path_of(batch, "/files/" + path), samples_[sample].file,
                                      samples_[sample].bytes);
  note(reply);
  file.added = either(file.added, known(reply));
  if (known(reply) == certainty::yes) count("files uploaded");
}

void crash_user::upload_form(known_batch& batch) {
  if (batch.files.size() >= files_of_one_batch) return;
  const std::string border = "border-of-the-parts";
  std::string body;
  std::vector<std::string> paths;
  for (std::uint32_t n = 0; n < 3; ++n) {
    const auto sample = roll(static_cast<std::uint32_t>(samples_.size()));
    paths.push_back("form/f" + std::to_string(++knows_.names_given) + '.' +
                    samples_[sample].extension);
    batch.files[paths.back()].sample = sample;
    body += "--" + border + "\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" +
            paths.back() + "\"\r\n\r\n" + content_of(samples_[sample].file) + "\r\n";
  }
  body += "--" + border + "--\r\n";
  const auto reply = client_.send("POST", path_of(batch, "/files"), body,
                                  {"Content-Type: multipart/form-data; boundary=" + border});
  note(reply);
  const auto answer = parsed(reply.body);
  const auto* object = answer.if_object();
  const auto* files = object == nullptr ? nullptr : object->if_contains("files");
  for (const auto& path : paths) {
    auto& added = batch.files[path].added;
    if (known(reply) != certainty::yes || files == nullptr || !files->is_array()) {
      added = either(added, known(reply) == certainty::no ? certainty::no : certainty::maybe);
      continue;
    }
    const bool told = std::ranges::any_of(
        files->get_array(), [&](const json::value& row) { return text_of(row, "path") == path; });
    // A rejected part may have been in doubt itself.
    added = either(added, told ? certainty::yes : certainty::maybe);
    if (told) count("files uploaded");
  }
}

void crash_user::add_known(known_batch& batch) {
  if (batch.files.size() >= files_of_one_batch) return;
  json::array rows;
  std::vector<std::string> paths;
  for (std::uint32_t n = 0; n < 4; ++n) {
    const auto sample = roll(static_cast<std::uint32_t>(samples_.size()));
    const auto& s = samples_[sample];
    paths.push_back("known/f" + std::to_string(++knows_.names_given) + '.' + s.extension);
    batch.files[paths.back()].sample = sample;
    rows.push_back({{"path", paths.back()}, {"size", s.bytes}, {"sha256", s.sha256}});
  }
  const auto reply = client_.send("POST", path_of(batch, "/manifest"), json::serialize(rows));
  note(reply);
  const auto answer = parsed(reply.body);
  const auto* have = member_of(answer, "have").if_array();
  const auto* missing = member_of(answer, "missing").if_array();
  const auto names = [](const json::array& list, const std::string& path) {
    return std::ranges::find(list, json::value(path)) != list.end();
  };
  for (const auto& path : paths) {
    auto& added = batch.files[path].added;
    if (known(reply) != certainty::yes || have == nullptr || missing == nullptr) {
      added = either(added, known(reply) == certainty::no ? certainty::no : certainty::maybe);
      continue;
    }
    const bool told = names(*have, path);
    // One that is in neither list was rejected, perhaps because it is in doubt.
    added = either(added, told                    ? certainty::yes
                          : names(*missing, path) ? certainty::no
                                                  : certainty::maybe);
    if (told) count("files added by digest");
  }
}

void crash_user::remove(known_batch& batch) {
  if (batch.files.empty()) return;
  auto at = batch.files.begin();
  std::advance(at, roll(static_cast<std::uint32_t>(batch.files.size())));
  if (at->second.added != certainty::yes || at->second.removed != certainty::no) return;
  const auto reply = client_.send("DELETE", path_of(batch, "/files/" + at->first));
  note(reply);
  at->second.removed = known(reply);
  if (known(reply) == certainty::yes) count("files removed");
}

void crash_user::command(known_batch& batch, const std::string& name, const std::string& body) {
  const auto reply = client_.send("POST", path_of(batch, '/' + name), body);
  note(reply);
  auto& done = batch.commands[name];
  done = either(done, known(reply));
  if (known(reply) != certainty::yes) return;
  count("commands");
  note_tag(batch, reply);
  if (text_of(parsed(reply.body), "id") != batch.id)
    complain(batch, name + " was answered with something else", reply);
}

void crash_user::change(known_batch& batch) {
  const auto priority = roll(10);
  const auto spec = roll(static_cast<std::uint32_t>(crash_specs().size()));
  const auto name = batch.key + '.' + std::to_string(++knows_.names_given);
  const bool with_spec = roll(2) == 0;
  const auto reply =
      client_.send("PATCH", path_of(batch),
                   R"({"name":")" + name + R"(","priority":)" + std::to_string(priority) +
                       (with_spec ? R"(,"spec":)" + crash_specs()[spec] : std::string{}) + '}');
  note(reply);
  if (known(reply) == certainty::no) return;
  if (with_spec) batch.specs.insert(spec); // of the files that have not ended
  if (known(reply) == certainty::yes) {
    count("changes");
    note_tag(batch, reply);
    batch.priorities.clear();
    batch.names.clear();
  }
  batch.priorities.insert(priority);
  batch.names.insert(name);
}

// A deletion of which nothing was known has happened, unless the server may forget it again.
void crash_user::conclude_deletion(known_batch& batch, const http_reply& reply) {
  if (reply.status == 404 && !in_doubt_ && batch.deleted == certainty::maybe)
    batch.deleted = certainty::yes;
}

void crash_user::erase(known_batch& batch) {
  const auto reply = client_.send("DELETE", path_of(batch, "?cancel=true"));
  note(reply);
  batch.deleted = either(batch.deleted, known(reply));
  conclude_deletion(batch, reply);
  if (known(reply) == certainty::yes) count("batches deleted");
}

// What was acknowledged is there, at once.
void crash_user::look(known_batch& batch) {
  const auto reply = client_.send("GET", path_of(batch));
  note(reply);
  conclude_deletion(batch, reply);
  if (known(reply) == certainty::no && batch.deleted == certainty::no)
    complain(batch, "it was acknowledged, and is not there", reply);
  if (known(reply) != certainty::yes) return;
  count("looks");
  note_tag(batch, reply);
  const auto view = parsed(reply.body);
  const auto total = number_of(member_of(view, "files"), "total");
  const auto least =
      static_cast<std::uint64_t>(std::ranges::count_if(batch.files, [](const auto& entry) {
        return entry.second.added == certainty::yes && entry.second.removed == certainty::no;
      }));
  const auto most =
      static_cast<std::uint64_t>(std::ranges::count_if(batch.files, [](const auto& entry) {
        return entry.second.added != certainty::no && entry.second.removed != certainty::yes;
      }));
  if (total < least || total > most)
    complain(batch,
             "it should have from " + std::to_string(least) + " to " + std::to_string(most) +
                 " files",
             reply);
}

void crash_user::take_events(known_batch& batch, const std::string& page) {
  const auto answer = parsed(page);
  const auto* object = answer.if_object();
  const auto* events = object == nullptr ? nullptr : object->if_contains("events");
  if (events == nullptr || !events->is_array()) return;
  for (const auto& e : events->get_array()) {
    const auto seq = number_of(e, "seq");
    const auto text = json::serialize(e);
    const auto [known, is_new] = batch.events.try_emplace(seq, text);
    if (!is_new && known->second != text && complaint_.empty())
      complaint_ = "batch " + batch.id + ": event " + std::to_string(seq) + " was " +
                   known->second + " and is now " + text;
    if (is_new) count("events read");
  }
}

void crash_user::read_log(known_batch& batch) {
  const auto after = batch.events.empty() ? 0 : batch.events.rbegin()->first;
  const auto reply =
      client_.send("GET", path_of(batch, "/events?limit=200&after=" + std::to_string(after)));
  note(reply);
  if (known(reply) == certainty::yes) take_events(batch, reply.body);
}

void crash_user::download(known_batch& batch) {
  const auto reply = client_.send("GET", path_of(batch, "/results.zip"));
  note(reply);
  if (known(reply) == certainty::yes) count("downloads");
}

void crash_user::resolve_files(known_batch& batch) {
  std::string rows;
  const auto reply = client_.get(path_of(batch, "/files"), {"Accept: application/x-ndjson"},
                                 [&](std::string_view piece) {
                                   rows.append(piece);
                                   return true;
                                 });
  if (reply.status != 200) return complain(batch, "its files cannot be listed", reply);
  std::set<std::string> there;
  for (std::size_t at = 0; at < rows.size();) {
    const auto end = std::min(rows.find('\n', at), rows.size());
    there.insert(text_of(parsed(rows.substr(at, end - at)), "path"));
    at = end + 1;
  }
  for (auto& [path, file] : batch.files) {
    const bool is_there = there.erase(path) != 0;
    if (is_there && (file.added == certainty::no || file.removed == certainty::yes))
      complain(batch, path + " is there, and must not be", reply);
    if (!is_there && file.added == certainty::yes && file.removed == certainty::no)
      complain(batch, path + " was acknowledged, and is not there", reply);
    if (is_there) {
      file.added = certainty::yes;
      file.removed = certainty::no;
    }
  }
  std::erase_if(batch.files, [&](const auto& entry) {
    return entry.second.added != certainty::yes || entry.second.removed != certainty::no;
  });
  for (const auto& path : there)
    complain(batch, path + " is there, and nobody sent it", reply);
}

// Brings a batch on towards its end; true when it is there.
bool crash_user::settle_one(known_batch& batch) {
  if (batch.deleted == certainty::yes) return true;
  if (batch.id.empty()) make(batch);
  if (batch.id.empty()) return false;
  const auto reply = client_.send("GET", path_of(batch), {}, {"Prefer: wait=1"});
  if (asks_for_patience(reply) || reply.status == 0) return false;
  if (reply.status == 404) {
    if (batch.deleted == certainty::no)
      complain(batch, "it was acknowledged, and is not there", reply);
    batch.deleted = certainty::yes;
    return true;
  }
  batch.deleted = certainty::no;
  const auto view = parsed(reply.body);
  const auto state = text_of(view, "state");
  const auto total = number_of(member_of(view, "files"), "total");
  if (state == "draft" && total == 0) {
    erase(batch);
    return batch.deleted == certainty::yes;
  }
  if (state == "draft") command(batch, "start", "{}");
  if (state == "paused") command(batch, "resume");
  if (state == "running" && member_of(view, "sealed") == json::value(false))
    command(batch, total == 0 ? "cancel" : "seal");
  const bool over = state != "draft" && state != "paused" && state != "running";
  if (!over || number_of(member_of(view, "files"), "running") != 0) return false;
  note_tag(batch, reply);
  if (batch.priorities.size() == 1 &&
      !batch.priorities.contains(static_cast<unsigned>(number_of(view, "priority"))))
    complain(batch, "its priority is not the last one that was acknowledged", reply);
  if (!batch.names.contains(text_of(view, "name")))
    complain(batch, "its name is not the last one that was acknowledged", reply);
  batch.priorities = {static_cast<unsigned>(number_of(view, "priority"))};
  batch.names = {text_of(view, "name")};
  resolve_files(batch);
  return true;
}

std::string crash_user::settle() {
  const auto end = std::chrono::steady_clock::now() + settle_time;
  for (auto& batch : knows_.batches) {
    while (!settle_one(batch)) {
      if (!complaint_.empty()) return complaint_;
      if (std::chrono::steady_clock::now() > end)
        return knows_.user + ", batch " + batch.id + " does not come to its end";
    }
    if (!complaint_.empty()) return complaint_;
  }
  std::erase_if(knows_.batches,
                [](const known_batch& batch) { return batch.deleted == certainty::yes; });
  return complaint_;
}

} // namespace darkroom::app
