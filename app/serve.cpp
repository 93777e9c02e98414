// `darkroom serve`: the server, from its settings to its end.
#include "actors/host_slot.hpp"
#include "actors/limits.hpp"
#include "actors/orchestra.hpp"
#include "app/commands.hpp"
#include "app/data_directory.hpp"
#include "app/exit_code.hpp"
#include "app/limits.hpp"
#include "app/memory_budget.hpp"
#include "app/open_browser.hpp"
#include "app/process_setup.hpp"
#include "app/serve_log.hpp"
#include "app/serve_probes.hpp"
#include "app/serve_upkeep.hpp"
#include "app/settings_options.hpp"
#include "app/text.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "codecs/format.hpp"
#include "codecs/host/codec_host.hpp"
#include "codecs/limits.hpp"
#include "config/version.hpp"
#include "domain/limits.hpp"
#include "http/field_json.hpp"
#include "http/health_board.hpp"
#include "http/limits.hpp"
#include "http/server.hpp"
#include "persistence/blob_outputs.hpp"
#include "persistence/place_watch.hpp"
#include "persistence/read_view.hpp"
#include "persistence/set_aside.hpp"

#include <atomic>
#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <thread>

namespace darkroom::app {

namespace {

using actors::orchestra;
using persistence::blob_store;

// Bytes of a file that was uploaded.
codecs::result<base::unique_fd> open_blob(blob_store& blobs, const domain::file_entry& file,
                                          bool whole) {
  const auto name = persistence::parse_hex(file.source);
  if (!name) return codecs::fail(domain::failure_reason::source_missing, file.source);
  auto opened = blobs.open_blob(*name);
  if (!opened)
    return codecs::fail(opened.error().code == ENOENT ? domain::failure_reason::source_missing
                                                      : domain::failure_reason::io_error,
                        opened.error().text());
  if (whole) {
    const auto content = blobs.check_content(*name, opened->get(), false);
    if (!content) return codecs::fail(domain::failure_reason::io_error, content.error().text());
    if (*content == blob_store::content_state::damaged)
      return codecs::fail(domain::failure_reason::source_changed,
                          "the stored upload was damaged and is set aside; send the file again in "
                          "another batch");
  }
  return std::move(*opened);
}

http::format_facts format_facts_of(const config::settings& s) {
  http::format_facts facts;
  facts.writable = codecs::output_formats();
  facts.preview.output = codecs::preview_output();
  if (const auto* format = codecs::find_format(facts.preview.output.format)) {
    facts.preview.extension = format->extension;
    facts.preview.media_type = format->media_type;
  }
  for (const auto& format : codecs::formats()) {
    for (const auto extension : format.extensions)
      facts.by_extension.emplace_back(extension, format.media_type);
  }
  auto options = http::spec_options();
  const auto lossless = domain::lossless_formats(facts.writable);
  options["lossless"] = boost::json::array(lossless.begin(), lossless.end());
  boost::json::object document{{"formats", boost::json::parse(formats_json())},
                               {"options", std::move(options)},
                               {"spec", http::spec_fields()},
                               {"limits",
                                {{"input_bytes_max", s.work.input_bytes_max},
                                 {"image_pixels_max", s.work.image_pixels_max},
                                 {"side_pixels_max", limits::side_pixels_max},
                                 {"outputs_max", limits::outputs_max},
                                 {"files_per_batch_max", s.quota.files_per_batch_max},
                                 {"path_bytes_max", limits::path_bytes_max}}}};
  for (const auto& format : codecs::formats())
    for (const auto& limit : format.limits)
      document["limits"].as_object()[limit.name] = limit.most;
  facts.json = boost::json::serialize(document);
  return facts;
}

// The first token of all: without one, nobody could make others.
base::result<std::string, std::string> first_token(persistence::journal_store& journal,
                                                   const config::auth_settings& auth) {
  const auto tokens = journal.view()->tokens();
  if (!tokens) return std::unexpected(tokens.error().detail);
  if (!tokens->empty() || !auth.proxy_header.empty()) return std::string{};
  auto made =
      http::make_token("admin", persistence::role::admin, base::unix_now_us(), 0, "first start");
  persistence::append_request request;
  request.records_only = true;
  request.records.emplace_back(made.record);
  const auto kept = journal.append({&request, 1}, true);
  if (!kept) return std::unexpected(kept.error().detail);
  return made.text;
}

// Counts what the journal refers to, then clears away what nothing does.
class blob_census {
public:
  blob_census(blob_store& blobs, std::shared_ptr<const persistence::read_view> journal)
      : thread_([this, &blobs, journal = std::move(journal)]() mutable {
          const auto counted = journal->each_blob([&](const persistence::blob_use& use) {
            if (!ending_) blobs.add_reference(use.name);
          });
          journal.reset();
          if (ending_) return;
          if (!counted) return spdlog::error("blobs cannot be counted: {}", counted.error().detail);
          blobs.allow_removals();
          const auto swept = blobs.sweep();
          if (!swept) return spdlog::error("stray files: {}", swept.error().text());
          if (swept->removed != 0) spdlog::info("removed {} unfinished files", swept->removed);
          if (swept->set_aside != 0)
            spdlog::warn("{} files in the blob store that no batch refers to are set aside, in {}",
                         swept->set_aside, persistence::set_aside_folder(blobs.root()));
        }) {}
  ~blob_census() {
    ending_ = true;
    thread_.join();
  }

private:
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

void say_welcome(const config::settings& s, const std::string& url, const std::string& token) {
  if (!token.empty()) { // first: whoever waits for the line below may want it
    std::printf("%s\n%s/#token=%s\n", token.c_str(), url.c_str(), token.c_str());
    std::fflush(stdout);
  }
  std::fprintf(stderr, "darkroom serves on %s, data in %s\n", url.c_str(), s.data.dir.c_str());
  if (token.empty()) return;
  std::fprintf(
      stderr,
      "\nAbove, on standard output, are the token of the first admin and the address of the page "
      "with it; they are shown only now. Open the page, or go on here:\n\n"
      "  export DARKROOM_SERVER=%s DARKROOM_TOKEN=dr_...\n"
      "  darkroom batch submit PHOTOS/ --to %s --wait\n"
      "  darkroom token create --user ann\n"
      "  curl -H \"Authorization: Bearer $DARKROOM_TOKEN\" $DARKROOM_SERVER/v1/batches\n\n",
      url.c_str(),
      codecs::preview_output().format.c_str()); // not the token itself: this may go to a log
}

void wait_for_end_signal() {
  const auto set = end_signals();
  int number = 0;
  while (::sigwait(&set, &number) != 0) {
  }
  spdlog::info("stopping; a second signal skips the wait");
}

// Writes what is left of the log, however the server ends.
struct log_end {
  ~log_end() { close_log(); }
};

// Ends the process when a graceful shutdown takes too long: a thread may hang in a disk access.
// What was acknowledged is on disk.
class shutdown_guard {
public:
  shutdown_guard() : thread_([this] { run(); }) {}
  ~shutdown_guard() {
    done_ = true;
    thread_.join();
  }
  // A second signal has come.
  bool hurry() const { return hurry_; }

private:
  void run() {
    using clock = std::chrono::steady_clock;
    const auto set = end_signals();
    const timespec pause{0, limits::shutdown_look_ms * 1'000'000L};
    auto end = clock::now() + std::chrono::milliseconds(limits::shutdown_ms);
    while (!done_ && clock::now() < end) {
      if (::sigtimedwait(&set, nullptr, &pause) <= 0) continue;
      if (!hurry_)
        end = std::min(end, clock::now() + std::chrono::milliseconds(limits::shutdown_hurry_ms));
      hurry_ = true;
    }
    if (done_) return;
    spdlog::critical("the shutdown timed out, perhaps because a disk does not respond; what was "
                     "acknowledged is on disk");
    close_log();
    ::_exit(exit_temporary);
  }

  std::atomic<bool> done_ = false, hurry_ = false;
  std::thread thread_;
};

std::size_t slots_of(const config::settings& s) {
  std::size_t slots = s.work.slots != 0
                          ? s.work.slots
                          : std::max<std::size_t>(1, std::thread::hardware_concurrency());
  while (slots > 1 &&
         actors::lease_memory_bytes(s.work.memory_bytes, slots) < limits::memory_lease_min_bytes)
    --slots;
  return slots;
}

int run(const config::settings& s, codecs::host::zygote& hosts,
        std::unique_ptr<persistence::journal_store> journal, blob_store& blobs,
        const std::string& token, bool open) {
  blobs.hold_removals();
  auto outputs = std::make_shared<persistence::blob_outputs>(blobs);
  codecs::input_limits limits_of_input;
  limits_of_input.bytes = s.work.input_bytes_max;
  limits_of_input.pixels = s.work.image_pixels_max;
  const auto opener = [&blobs](const domain::file_entry& file, bool whole) {
    return open_blob(blobs, file, whole);
  };
  auto tokens = journal->view()->tokens();
  if (!tokens) return complain(tokens.error().detail, exit_internal);
  auto watched =
      persistence::place_watch::begin(s.data.dir, server_journal(s.data.dir), blobs.root());
  if (!watched) return complain(watched.error().text(), exit_internal);
  const auto places = std::make_shared<const persistence::place_watch>(std::move(*watched));
  const auto probes = std::make_shared<http::health_board>();
  auto census = std::make_unique<blob_census>(blobs, journal->view());
  std::optional<actors::cluster_settings> cluster;
  if (!s.cluster.dir.empty()) {
    cluster.emplace();
    cluster->listen = s.cluster.listen;
    cluster->folder = absolute_path(s.cluster.dir);
    cluster->data = s.data.dir;
    cluster->version = version;
    cluster->formats = format_names();
    cluster->input_bytes_max = s.work.input_bytes_max;
    cluster->image_pixels_max = s.work.image_pixels_max;
    cluster->open_source = opener;
  }
  auto actors = std::make_unique<orchestra>(actors::orchestra_options{
      .slots = s.work.here ? slots_of(s) : 0,
      .memory_bytes = s.work.memory_bytes,
      .make_runner =
          [&hosts, outputs, limits_of_input, opener] {
            return std::make_unique<actors::host_slot>(hosts, outputs, limits_of_input, opener);
          },
      .make_previewer =
          [&hosts, outputs, limits_of_input, opener] {
            return std::make_unique<actors::host_slot>(hosts, outputs, limits_of_input, opener);
          },
      .outputs = outputs,
      .open_journal = [data = s.data.dir, places]()
          -> persistence::journal_result<std::unique_ptr<persistence::journal_store>> {
        if (auto fault = places->fault(); !fault.empty())
          return std::unexpected(
              persistence::journal_error{persistence::journal_fault::io, std::move(fault)});
        return persistence::journal_store::open(server_store(data, true));
      },
      .journal = std::move(journal),
      .announce = [](const std::string& line) { spdlog::error("{}", printable(line)); },
      .has_room =
          [s] {
            const auto free = persistence::free_bytes(s.data.dir);
            return !free || *free >= s.data.disk_floor_bytes;
          },
      .store_failed_since =
          [probes](std::chrono::steady_clock::time_point since) {
            return store_failed_since(*probes, since);
          },
      .give_up =
          [] {
            spdlog::critical("nothing can go on; what is journaled is safe");
            close_log();
            ::_exit(exit_internal);
          },
      .cluster = std::move(cluster),
      .audit_days = s.audit.days});
  actors->wait_until_loaded();
  auto place_watcher = watch_places(places, *actors, probes);
  auto memory_meter = measure_memory(*actors);
  auto draft_expiry = expire_drafts(*actors, s.data.draft_hours);
  auto scrubber = scrub_blobs(blobs, s.data.scrub_days);
  auto upkeep = keep_set_aside(blobs.root(), s.data);
  auto log_key = read_log_key(s.data.dir);
  if (!log_key) return complain(log_key.error(), exit_temporary);
  http::server edge(s, *actors, blobs, outputs, format_facts_of(s), std::move(*log_key));
  edge.shared().identities.load(std::move(*tokens));
  edge.shared().probes = probes;
  edge.shared().log_lines_dropped = log_lines_dropped;
  edge.shared().thumbnails = std::make_shared<persistence::thumbnail_cache>(
      persistence::thumbnail_cache::options{.folder = s.data.dir + "/thumbnails",
                                            .bytes_max = s.data.thumbnails_bytes,
                                            .disk_free_min = s.data.disk_floor_bytes});
  auto blob_prober = probe_blobs(blobs.root(), probes);
  auto host_prober = s.work.here ? probe_hosts(hosts, probes) : nullptr;
  if (auto ok = edge.listen(); !ok) return complain(ok.error(), exit_usage);
  actors->nodes().listen([](const actors::node_event& e) {
    const bool bad = e.what == "lost" || e.what == "isolated" || e.what == "paused";
    spdlog::log(bad ? spdlog::level::warn : spdlog::level::info, "machine {} {}{}{}",
                printable(e.node), e.what, e.detail.empty() ? "" : ": ", printable(e.detail));
  });
  if (auto ok = actors->open_to_nodes(); !ok) return complain(ok.error(), exit_usage);
  if (const auto at = actors->node_address(); !at.empty())
    std::fprintf(stderr, "workers join at %s\n", at.c_str());
  const std::string url = (s.tls.certificate.empty() ? "http://" : "https://") + edge.address();
  say_welcome(s, url, token);
  if (open && !open_in_browser(token.empty() ? url : url + "/#token=" + token))
    std::fprintf(stderr, "no browser was opened: there is no xdg-open here\n");

  wait_for_end_signal();
  const shutdown_guard guard;
  edge.drain();
  actors->drain(std::chrono::milliseconds(limits::drain_ms), [&] { return guard.hurry(); });
  edge.stop(std::chrono::milliseconds(guard.hurry() ? 0 : limits::actor_stop_ms));
  host_prober.reset();
  blob_prober.reset();
  census.reset();
  memory_meter.reset();
  upkeep.reset();
  draft_expiry.reset();
  scrubber.reset();
  place_watcher.reset();
  const bool in_order = actors->shut_down();
  actors.reset(); // before the edge, to which its answers go
  spdlog::info("stopped");
  return in_order ? exit_all : exit_internal;
}

} // namespace

int run_serve(const settings_options& options, codecs::host::zygote& hosts) {
  auto s = read_settings(options);
  if (!s) return complain(s.error(), exit_usage);
  if (auto ok = codecs::host::self_test(hosts); !ok) return complain(ok.error(), exit_internal);
  const auto set = end_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr); // threads inherit it; `end_watch` waits for them
  std::signal(SIGPIPE, SIG_IGN);
  allow_many_descriptors();
  auto log = open_log_target(s->log);
  if (!log) return complain(log.error(), exit_usage);
  use_log(std::move(*log), s->log);
  const log_end end_of_log;
  s->data.dir = absolute_path(s->data.dir);
  if (s->work.memory_bytes == 0) s->work.memory_bytes = default_memory_budget();
  auto journal = open_data(s->data.dir);
  if (!journal) return complain(journal.error().sentence, exit_usage);
  auto blobs = blob_store::open(server_blobs(s->data.dir));
  if (!blobs) return complain(blobs.error().text(), exit_usage);
  (*blobs)->when_damaged([](const std::string& path, const std::string& aside) {
    spdlog::error("the blob {} is damaged, and set aside: {}; the next upload of the same bytes "
                  "brings it back, and darkroom fsck names the files that need it",
                  path, aside);
  });
  const auto token = first_token(**journal, s->auth);
  if (!token) return complain(token.error(), exit_internal);
  return run(*s, hosts, std::move(*journal), **blobs, *token, options.open);
}

} // namespace darkroom::app
