#include "app/batch_watch.hpp"

#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/feed_client.hpp"
#include "app/limits.hpp"
#include "app/server_answers.hpp"
#include "app/text.hpp"
#include "base/parse_time.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <set>
#include <thread>

namespace darkroom::app {

namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

// How long to wait before the next try: twice as long each time, half of it by chance, so that not
// everybody comes back at once.
class backoff {
public:
  milliseconds next() {
    const auto full = wait_ms_;
    wait_ms_ = std::min(2 * wait_ms_, limits::client_retry_most_ms);
    return milliseconds(full / 2 + dice_() % (full / 2 + 1));
  }
  void reset() { wait_ms_ = limits::client_retry_least_ms; }

private:
  std::uint32_t wait_ms_ = limits::client_retry_least_ms;
  std::mt19937 dice_{std::random_device{}()};
};

// From the start of an ended batch to its end; nothing of one that was never started.
std::optional<double> seconds_between(const json::value& batch) {
  const auto began = base::parse_time(text_of(batch, "started_at"));
  const auto ended = base::parse_time(text_of(batch, "ended_at"));
  if (!began || !ended) return std::nullopt;
  return static_cast<double>(*ended - *began) / 1e6;
}

class watch {
public:
  watch(const server_account& account, const watch_options& options)
      : account_(account), options_(options), client_(account), after_(options.after),
        shown_(display_for_stderr(options.quiet || options.json), colour_for_stderr(),
               [this] { return lines(); }) {
    if (options.json && !after_) after_ = 0;
  }

  int run() {
    backoff wait;
    std::uint32_t losses = 0; // in a row
    while (!exit_) {
      const auto lost = follow(wait, losses);
      if (exit_) break;
      if (lost.final) {
        shown_.clear();
        return complain(lost.sentence, exit_usage);
      }
      if (++losses > limits::client_tries_max) {
        shown_.clear();
        return complain(lost.sentence, exit_temporary);
      }
      const auto pause = wait.next();
      if (losses > 1)
        shown_.note("cut off: " + lost.sentence + "; again in " +
                        duration_text(static_cast<double>(pause.count()) / 1'000),
                    true);
      std::this_thread::sleep_for(pause);
    }
    shown_.clear();
    return *exit_;
  }

private:
  // One connection, from its begin to its end; why it ended.
  feed_client::failure follow(backoff& wait, std::uint32_t& losses) {
    json::object words{{"op", "subscribe"}, {"id", 1}, {"batch", options_.id}};
    if (after_) words["after"] = *after_;
    const auto connected = feed_client::connect(account_, json::serialize(words));
    if (!connected) return connected.error();
    auto& feed = **connected;
    files_.clear(); // what ran may have been interrupted meanwhile
    while (!exit_) {
      const auto message = feed.read(milliseconds(limits::display_refresh_ms));
      if (message) {
        const auto value = json::parse(*message);
        const auto op = text_of(value, "op");
        if (op == "error")
          return {true, printable(text_of(value, "detail") + " (" + text_of(value, "code") + ")")};
        if (op == "ok" || op == "snapshot") {
          wait.reset();
          losses = 0;
        }
        on_message(op, value);
      } else if (feed.ended()) {
        return *feed.ended();
      }
      if (wants_look_ && std::chrono::steady_clock::now() >= next_look_) look();
      shown_.update(totals_);
    }
    return {};
  }

  void on_message(const std::string& op, const json::value& message) {
    if (op == "events")
      for (const auto& event : message.at("events").as_array())
        on_event(event);
    if (op == "snapshot" || op == "ok") {
      if (op == "snapshot") {
        if (options_.json) read_log(number_of(message, "seq"));
        after_ = number_of(message, "seq");
      }
      wants_look_ = true; // also at what came before; and it may have ended long ago
    }
  }

  void on_event(const json::value& event) {
    const auto type = text_of(event, "type");
    const auto& data = event.at("data");
    if (event.as_object().contains("volatile")) {
      if (type == "batch_progress") {
        take(totals_of(data));
        waiting_ = waiting_text(text_of(data, "waiting_for"));
      }
      if (type == "queue_position") waiting_ = waiting_text(text_of(data, "waiting_for"));
      const auto file = type == "file_progress" ? number_of(event, "file") : 0;
      if (type == "file_progress" && !ended_.contains(file))
        files_[file] = activity_text(number_of(data, "percent"), text_of(data, "stage"),
                                     text_of(data, "path"));
      return;
    }
    after_ = number_of(event, "seq");
    if (options_.json) {
      const auto line = json::serialize(event) + '\n';
      std::fwrite(line.data(), 1, line.size(), stdout);
      std::fflush(stdout);
    }
    if (type == "file_started") {
      waiting_.clear();
      ended_.erase(number_of(event, "file"));
      files_[number_of(event, "file")] = activity_text(0, "starting", text_of(data, "path"));
    }
    if (type == "file_completed" || type == "file_failed" || type == "file_interrupted" ||
        type == "file_retry_scheduled") {
      if (ended_.size() > 10'000) ended_.clear(); // progress comes late by a moment, not more
      ended_.insert(number_of(event, "file"));
      files_.erase(number_of(event, "file"));
    }
    if (type == "file_failed")
      shown_.note("failed: " + path_of(event) + ": " + text_of(data, "reason") +
                      (text_of(data, "detail").empty() ? "" : " (" + text_of(data, "detail") + ")"),
                  true);
    if (type == "batch_deleted") {
      complain("the batch was deleted", 0);
      exit_ = exit_interrupted;
    }
    if (type == "batch_finished" || type == "batch_cancelled") ending_ = true;
    if (type == "batch_retried") ending_ = false;
    if (ending_) wants_look_ = true;
  }

  // What a snapshot stands for, event by event.
  void read_log(std::uint64_t upto) {
    while (after_.value_or(0) < upto) {
      const auto reply = client_.send("GET", batch_path(options_.id, "/events?limit=1000&after=") +
                                                 std::to_string(after_.value_or(0)));
      if (reply.status != 200) return; // what is missing shows in `prev`
      const auto page = json::parse(reply.body);
      const auto& events = page.at("events").as_array();
      for (const auto& event : events)
        if (number_of(event, "seq") <= upto) on_event(event);
      if (events.empty() || number_of(events.back(), "seq") > upto) return;
    }
  }

  // Asks for the batch itself, and ends when it has.
  void look() {
    next_look_ = std::chrono::steady_clock::now() + milliseconds(limits::client_retry_ms);
    const auto reply = client_.send("GET", batch_path(options_.id));
    if (reply.status != 200) return; // again in a while; or the feed tells why
    wants_look_ = false;
    next_look_ = {};
    const auto batch = json::parse(reply.body);
    take(totals_of(batch));
    waiting_ = waiting_text(text_of(batch, "waiting_for"));
    const auto state = text_of(batch, "state");
    if (!looked_) had_ended_ = has_ended(state);
    looked_ = true;
    // With `json`, what is told of it has to come as well.
    const bool all_told = !options_.json || number_of(batch, "seq") <= after_.value_or(0);
    if (!has_ended(state) || total_.ended() < total_.files || !all_told) return;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    shown_.clear();
    totals_.unreadable = options_.unreadable;
    totals_.skipped = options_.skipped;
    if (!options_.quiet && !options_.json)
      std::fprintf(stderr, "%s\n",
                   had_ended_ ? ended_text(totals_, seconds_between(batch)).c_str()
                              : summary_text(totals_, seconds).c_str());
    exit_ = total_.completed == total_.files ? exit_all
            : total_.completed == 0          ? exit_all_failed
                                             : exit_some_failed;
  }

  // Speeds count from when we began to look.
  void take(const run_totals& now) {
    total_ = totals_ = now;
    if (!base_) base_ = now;
    totals_.completed_now = now.completed - std::min(now.completed, base_->completed);
    totals_.pixels = now.pixels - std::min(now.pixels, base_->pixels);
  }

  static std::string path_of(const json::value& event) {
    const auto path = text_of(event.at("data"), "path");
    return path.empty() ? "file " + std::to_string(number_of(event, "file")) : printable(path);
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    all.reserve(files_.size() + 1);
    if (files_.empty() && !waiting_.empty()) all.push_back(waiting_);
    for (const auto& [file, line] : files_)
      all.push_back(line);
    return all;
  }

  const server_account& account_;
  const watch_options& options_;
  http_client client_;
  std::optional<std::uint64_t> after_;
  std::map<std::uint64_t, std::string> files_; // under way
  std::string waiting_;                        // why none is; a sentence
  run_totals total_, totals_;                  // of the batch; as shown
  std::optional<run_totals> base_;
  std::set<std::uint64_t> ended_; // files of which nothing more is to be shown
  bool ending_ = false;
  bool looked_ = false, had_ended_ = false; // at the first look
  bool wants_look_ = false;
  std::chrono::steady_clock::time_point next_look_;
  std::optional<int> exit_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  progress shown_;
};

} // namespace

int watch_batch(const server_account& account, const watch_options& options) {
  return watch(account, options).run();
}

} // namespace darkroom::app
