#include "site.hpp"

#include "tests/codecs/pictures.hpp"

#include <algorithm>
#include <csignal>

namespace darkroom::tests {

namespace {

std::vector<std::string> server_words(const std::string& authority, bool here,
                                      const std::vector<std::string>& more) {
  std::vector<std::string> words{"--set", "cluster.dir=" + authority,
                                 "--set", "cluster.listen=0.0.0.0:7411",
                                 "--set", "work.slots=2"};
  if (!here) words.insert(words.end(), {"--set", "work.here=false"});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

} // namespace

site::site(bool here, std::vector<std::string> arguments) {
  need_namespaces();
  network_ = std::make_unique<network>();
  std::vector<std::string> init{"cluster", "init", "--dir", authority_ / "authority"};
  for (const auto* host : {"127.0.0.1", "localhost"})
    init.insert(init.end(), {"--host", host});
  for (int i = 1; i <= 8; ++i)
    init.insert(init.end(), {"--host", network::server_of(i)});
  const auto made = run_darkroom(init, authority_.path());
  INFO(made.err);
  REQUIRE(made.code == 0);
  server_ = std::make_unique<restartable_server>(
      DARKROOM_BINARY, server_words(authority_ / "authority", here, arguments));
}

std::string site::issue(const std::string& name, const std::vector<std::string>& more) {
  const auto file = authority_ / (name + ".pem");
  std::vector<std::string> words{"cluster", "issue", name, "--dir", authority_ / "authority",
                                 "--out",   file};
  words.insert(words.end(), more.begin(), more.end());
  const auto made = run_darkroom(words, authority_.path());
  INFO(made.err);
  REQUIRE(made.code == 0);
  return file;
}

ended site::run(const std::vector<std::string>& words) {
  auto all = words;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i] == "AUTHORITY") all[i] = authority_ / "authority";
  return run_darkroom(all, authority_.path());
}

void site::start_worker(const std::string& name, int machine, const std::vector<std::string>& more,
                        int port) {
  auto identity = authority_ / (name + ".pem");
  if (!std::filesystem::exists(identity)) identity = issue(name);
  const auto host = machine == 0 ? "127.0.0.1" : network::server_of(machine);
  std::vector<std::string> words{DARKROOM_BINARY, "worker",
                                 "--join",        host + ':' + std::to_string(port),
                                 "--identity",    identity};
  words.insert(words.end(), more.begin(), more.end());
  if (machine != 0) words = network_->on(machine, words);
  workers_[name] = std::make_unique<app::child_process>(app::child_launch{
      words, app::plain_environment(), "", "/dev/null", folder() / (name + ".log")});
}

pid_t site::session_of(const std::string& name) {
  const auto parent = worker(name).pid();
  for (const auto& [pid, row] : app::all_processes())
    if (row.parent == parent) return pid;
  return -1;
}

boost::json::object site::node(const std::string& name) {
  const auto reply = server_->client().send("GET", "/v1/admin/nodes");
  const auto page = app::parsed(reply.body);
  if (const auto* list = app::member_of(page, "nodes").if_array())
    for (const auto& one : *list)
      if (app::text_of(one, "name") == name) return one.as_object();
  return {};
}

bool site::comes_to(const std::string& name, const std::string& state, int seconds) {
  return comes_true([&] { return app::text_of(node(name), "state") == state; },
                    std::chrono::seconds(seconds));
}

std::string site::submit(const std::vector<std::string>& contents, const std::string& ending) {
  const auto id = server_->draft(contents, "webp", ending);
  server_->start(id);
  return id;
}

std::uint64_t site::done_of(const std::string& batch) {
  const auto reply = server_->client().send("GET", "/v1/batches/" + batch);
  return app::totals_of(app::parsed(reply.body)).completed;
}

bool site::completes(const std::string& batch, int seconds) {
  std::string state;
  auto http = server_->client();
  const bool ended = comes_true(
      [&] {
        const auto reply = http.send("GET", "/v1/batches/" + batch, {}, {"Prefer: wait=5"});
        state = app::text_of(app::parsed(reply.body), "state");
        return app::has_ended(state);
      },
      std::chrono::seconds(seconds));
  UNSCOPED_INFO("batch " << batch << " is " << state);
  return ended && state == "completed";
}

std::vector<std::string> site::outputs(const std::string& batch) {
  auto http = server_->client();
  std::vector<std::string> all;
  const auto page =
      app::parsed(http.send("GET", "/v1/batches/" + batch + "/files?limit=1000").body);
  for (const auto& file : app::member_of(page, "files").as_array())
    for (const auto& output : app::member_of(file, "outputs").as_array())
      all.push_back(app::text_of(file, "path") + ' ' + app::text_of(output, "sha256"));
  std::ranges::sort(all);
  // Each file is completed once in the record.
  std::map<std::uint64_t, int> completed;
  std::string after = "0";
  while (true) {
    const auto log = app::parsed(
        http.send("GET", "/v1/batches/" + batch + "/events?limit=1000&after=" + after).body);
    const auto& events = app::member_of(log, "events").as_array();
    if (events.empty()) break;
    for (const auto& e : events) {
      if (app::text_of(e, "type") == "file_completed") completed[app::number_of(e, "file")] += 1;
      after = std::to_string(app::number_of(e, "seq"));
    }
  }
  CHECK(completed.size() == all.size());
  for (const auto& [file, times] : completed)
    CHECK(times == 1);
  return all;
}

std::vector<std::string> pictures(std::size_t count, std::uint32_t side) {
  const auto picture = encoded("png", noise(codecs::pixel_layout::rgb, side, side));
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i)
    all.push_back(picture + std::to_string(i));
  return all;
}

} // namespace darkroom::tests
