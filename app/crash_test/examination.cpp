#include "app/crash_test/examination.hpp"

#include "app/data_directory.hpp"
#include "app/server_answers.hpp"
#include "domain/ids.hpp"
#include "persistence/data_check.hpp"
#include "persistence/read_view.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace darkroom::app {

namespace {

namespace json = boost::json;

// Every object of an answer in lines.
template<class Visit>
http_reply each_line(http_client& client, const std::string& path, Visit visit) {
  std::string rest;
  auto reply = client.get(path, {"Accept: application/x-ndjson"}, [&](std::string_view piece) {
    rest.append(piece);
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string::npos;
         rest.erase(0, end + 1)) {
      visit(parsed(rest.substr(0, end)));
    }
    return true;
  });
  return reply;
}

reference_result result_in(const json::value& file) {
  reference_result result{text_of(file, "reason"), {}};
  if (const auto* outputs = member_of(file, "outputs").if_array())
    for (const auto& output : *outputs)
      result.outputs.push_back(text_of(output, "sha256"));
  return result;
}

class examiner {
public:
  examiner(const std::string& server, const reference_table& reference, examined& found)
      : server_(server), reference_(reference), found_(found) {}

  std::string run(std::vector<ledger>& ledgers) {
    for (auto& user : ledgers) {
      http_client client({server_, user.token});
      check_list(client, user);
      for (auto& batch : user.batches) {
        batch_ = &batch;
        found_.batches += 1;
        check_files(client, batch);
        check_log(client, batch);
        if (!complaint_.empty()) return complaint_;
      }
    }
    return complaint_;
  }

private:
  void say(const std::string& what) {
    if (complaint_.empty())
      complaint_ = (batch_ != nullptr ? "batch " + batch_->id + ": " : std::string{}) + what;
  }

  // The server has these batches and no others.
  void check_list(http_client& client, const ledger& user) {
    batch_ = nullptr;
    std::set<std::string> known;
    for (const auto& batch : user.batches)
      known.insert(batch.id);
    std::string cursor;
    do {
      const auto reply = client.send("GET", "/v1/batches?limit=1000" + cursor);
      const auto page = parsed(reply.body);
      const auto* rows = member_of(page, "batches").if_array();
      if (rows == nullptr)
        return say(user.user + "'s batches cannot be listed: " + reply.problem());
      for (const auto& row : *rows)
        if (known.erase(text_of(row, "id")) == 0)
          say(user.user + " has a batch that nobody made: " + json::serialize(row));
      const auto next = text_of(page, "next_cursor");
      cursor = next.empty() ? "" : "&cursor=" + next;
    } while (!cursor.empty());
    if (!known.empty()) say(user.user + "'s batch " + *known.begin() + " is in no list");
  }

  void check_files(http_client& client, const known_batch& batch) {
    const auto reply = each_line(client, "/v1/batches/" + batch.id + "/files",
                                 [&](const json::value& row) { check_file(batch, row); });
    if (reply.status != 200) say("its files cannot be listed: " + reply.problem());
  }

  void check_file(const known_batch& batch, const json::value& row) {
    found_.files += 1;
    const auto known = batch.files.find(text_of(row, "path"));
    if (known == batch.files.end()) return say("nobody sent " + json::serialize(row));
    const auto state = text_of(row, "state");
    const auto result = result_in(row);
    if (state == "cancelled") {
      const auto cancel = batch.commands.find("cancel");
      if (cancel == batch.commands.end() || cancel->second == certainty::no)
        say("nobody cancelled " + json::serialize(row));
      return;
    }
    if (state == "failed" && result.reason == "crashed") {
      found_.crashed += 1; // it was running at three deaths of the server or of its host
      return;
    }
    found_.completed += state == "completed";
    const bool as_undisturbed = std::ranges::any_of(batch.specs, [&](std::size_t spec) {
      return reference_[spec][known->second.sample] == result;
    });
    if (!as_undisturbed || (state != "completed" && state != "failed"))
      say("undisturbed, it would not be " + json::serialize(row));
  }

  // The whole log: every event once, each after the one that it names, each file's end once.
  void check_log(http_client& client, known_batch& batch) {
    std::map<std::uint64_t, std::string> log;
    std::map<std::uint64_t, bool> ended; // by file: whether it completed
    std::map<std::string, bool> types;
    std::uint64_t last = 0;
    for (std::uint64_t after = 0;;) {
      const auto reply = client.send(
          "GET", "/v1/batches/" + batch.id + "/events?limit=1000&after=" + std::to_string(after));
      const auto page = parsed(reply.body);
      const auto* events = member_of(page, "events").if_array();
      if (events == nullptr) return say("its log cannot be read: " + reply.problem());
      for (const auto& event : *events) {
        const auto seq = number_of(event, "seq");
        if (number_of(event, "prev") != last)
          say("its chain is broken at " + json::serialize(event) + " after " +
              std::to_string(last));
        if (!all_seqs_.insert(seq).second) say("seq " + std::to_string(seq) + " is used twice");
        check_end(event, ended);
        types[text_of(event, "type")] = true;
        log[seq] = json::serialize(event);
        last = seq;
      }
      found_.events += events->size();
      const auto next = number_of(page, "next_after");
      if (next == 0) break;
      after = next;
    }
    for (const auto& [seq, text] : batch.events)
      if (const auto now = log.find(seq); now == log.end() || now->second != text)
        say("event " + std::to_string(seq) + " was read as " + text + " and is now " +
            (now == log.end() ? "nowhere" : now->second));
    for (const auto seq : batch.tags)
      if (!log.contains(seq))
        say("an answer was stamped " + std::to_string(seq) + ", which is not in its log");
    check_commands(batch, types);
    batch.events = std::move(log);
  }

  void check_end(const json::value& event, std::map<std::uint64_t, bool>& ended) {
    const auto type = text_of(event, "type");
    if (type == "batch_retried")
      std::erase_if(ended, [](const auto& entry) { return !entry.second; });
    if (!type.starts_with("file_") || type == "file_removed") return;
    const auto file = number_of(event, "file");
    if (ended.contains(file))
      say("its file " + std::to_string(file) + " goes on after its end: " + json::serialize(event));
    if (type == "file_completed" || type == "file_failed") ended[file] = type == "file_completed";
  }

  // What was acknowledged has happened.
  void check_commands(const known_batch& batch, const std::map<std::string, bool>& types) {
    constexpr std::pair<const char*, const char*> facts[] = {{"start", "batch_started"},
                                                             {"pause", "batch_paused"},
                                                             {"cancel", "batch_cancelled"},
                                                             {"retry", "batch_retried"}};
    for (const auto& [command, type] : facts) {
      const auto done = batch.commands.find(command);
      const bool was_done = done != batch.commands.end() && done->second == certainty::yes;
      const bool never = done == batch.commands.end() || done->second == certainty::no;
      // A batch that was retried from its draft's cancellation runs already.
      const bool already = command == std::string_view("start") && types.contains("batch_retried");
      if (was_done && !already && !types.contains(type))
        say(std::string{command} + " was acknowledged, and is not in its log");
      if (never && types.contains(type) && type != std::string_view("batch_started"))
        say(std::string{type} + " is in its log, and nobody commanded it");
    }
  }

  const std::string& server_;
  const reference_table& reference_;
  examined& found_;
  const known_batch* batch_ = nullptr;
  std::set<std::uint64_t> all_seqs_;
  std::string complaint_;
};

} // namespace

reference_table make_reference(const std::string& server, const std::string& token,
                               const std::vector<crash_sample>& samples, std::string& complaint) {
  http_client client({server, token});
  reference_table table;
  for (const auto& spec : crash_specs()) {
    const auto fail = [&](const std::string& what, const http_reply& reply) {
      complaint = "undisturbed, " + what + ": " + reply.problem();
      return reference_table{};
    };
    auto reply = client.send("POST", "/v1/batches", R"({"spec":)" + spec + '}');
    if (reply.status != 201) return fail("a batch cannot be made", reply);
    const auto id = text_of(parsed(reply.body), "id");
    for (std::size_t i = 0; i < samples.size(); ++i) {
      reply = client.put_file("/v1/batches/" + id + "/files/" + std::to_string(i) + '.' +
                                  samples[i].extension,
                              samples[i].file, samples[i].bytes);
      if (reply.status != 201) return fail("a file cannot be sent", reply);
    }
    reply = client.send("POST", "/v1/batches/" + id + "/start");
    for (std::string state = "running"; reply.status < 300 && state == "running";) {
      reply = client.send("GET", "/v1/batches/" + id, {}, {"Prefer: wait=10"});
      if (reply.status == 200) state = text_of(parsed(reply.body), "state");
    }
    auto& row = table.emplace_back(samples.size());
    reply = each_line(client, "/v1/batches/" + id + "/files", [&](const json::value& file) {
      row[std::stoul(text_of(file, "path"))] = result_in(file);
    });
    if (reply.status != 200) return fail("a batch cannot be read", reply);
    // Only makes room: what is left behind disturbs no later check.
    (void)client.send("DELETE", "/v1/batches/" + id);
  }
  return table;
}

std::string examine_served(const std::string& server, std::vector<ledger>& ledgers,
                           const reference_table& reference, examined& found) {
  return examiner(server, reference, found).run(ledgers);
}

std::string examine_stored(const std::string& data, const std::vector<ledger>& ledgers) {
  const auto journal = persistence::read_view::open(server_journal(data));
  if (!journal) return "the journal cannot be opened: " + journal.error().detail;
  const auto report = persistence::check_data(**journal, server_blobs(data), true);
  if (!report) return "the data cannot be checked: " + report.error().detail;
  for (const auto* list : {&report->journal, &report->files})
    if (!list->empty()) return list->front();
  if (!report->strays.empty()) return "a stray file: " + report->strays.front();
  std::size_t known = 0;
  for (const auto& user : ledgers)
    known += user.batches.size();
  if (report->batches != known)
    return "the journal has " + std::to_string(report->batches) + " batches, the users have " +
           std::to_string(known);
  return "";
}

} // namespace darkroom::app
