// `darkroom serve`: the server, from its settings to its end.
#include "actors/host_slot.hpp"
#include "actors/limits.hpp"
#include "actors/orchestra.hpp"
#include "app/cgroup.hpp"
#include "app/commands.hpp"
#include "app/data_directory.hpp"
#include "app/exit_code.hpp"
#include "app/isolation_text.hpp"
#include "app/limits.hpp"
#include "app/memory_budget.hpp"
#include "app/open_browser.hpp"
#include "app/process_setup.hpp"
#include "app/serve_log.hpp"
#include "app/serve_probes.hpp"
#include "app/serve_reload.hpp"
#include "app/serve_signals.hpp"
#include "app/serve_upkeep.hpp"
#include "app/serve_welcome.hpp"
#include "app/settings_options.hpp"
#include "app/text.hpp"
#include "base/result.hpp"
#include "base/thread_name.hpp"
#include "base/units.hpp"
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
#include <cstdio>
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

// Counts what the journal refers to, then clears away what nothing does.
class blob_census {
public:
  blob_census(blob_store& blobs, std::shared_ptr<const persistence::read_view> journal)
      : thread_([this, &blobs, journal = std::move(journal)]() mutable {
          base::name_thread("blob census");
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

// Writes what is left of the log, however the server ends.
struct log_end {
  ~log_end() { close_log(); }
};

std::size_t slots_of(const config::settings& s) {
  std::size_t slots = s.work.slots != 0 ? s.work.slots : usable_cores();
  while (slots > 1 &&
         actors::lease_memory_bytes(s.work.memory_bytes, slots) < limits::memory_lease_min_bytes)
    --slots;
  return slots;
}

// What one server is made of, before it runs.
struct server_setup {
  const settings_options& options;
  config::settings given;    // as they were read
  config::settings settings; // as they are used
  codecs::host::zygote& hosts;
  serve_signals& signals;
};

int run(server_setup& setup, std::unique_ptr<persistence::journal_store> journal,
        blob_store& blobs) {
  const auto& s = setup.settings;
  auto& hosts = setup.hosts;
  blobs.hold_removals();
  auto outputs = std::make_shared<persistence::blob_outputs>(blobs);
  codecs::input_limits limits_of_input;
  limits_of_input.bytes = s.work.input_bytes_max;
  limits_of_input.pixels = s.work.image_pixels_max;
  const auto opener = [&blobs](const domain::file_entry& file, bool whole) {
    return open_blob(blobs, file, whole);
  };
  auto tokens = journal->view()->tokens();
  if (!tokens) return complain(tokens.error().detail, exit_of(tokens.error()));
  auto watched =
      persistence::place_watch::begin(s.data.dir, server_journal(s.data.dir), blobs.root());
  if (!watched) return complain(watched.error().text(), exit_of(watched.error()));
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
  const std::size_t slots = s.work.here ? slots_of(s) : 0;
  const auto ready = actors::ready_hosts(s.work.memory_bytes, slots);
  const auto stock = std::make_shared<codecs::host::host_stock>(
      ready, [&hosts] { return codecs::host::codec_host::start(hosts); });
  auto actors = std::make_unique<orchestra>(actors::orchestra_options{
      .slots = slots,
      .cores = usable_cores(),
      .memory_bytes = s.work.memory_bytes,
      .make_runner =
          [&hosts, outputs, limits_of_input, opener, stock] {
            return std::make_unique<actors::host_slot>(hosts, outputs, limits_of_input, opener,
                                                       stock);
          },
      .make_previewer =
          [&hosts, outputs, limits_of_input, opener] {
            return std::make_unique<actors::host_slot>(hosts, outputs, limits_of_input, opener);
          },
      .ready_hosts = ready,
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
  if (setup.signals.ending()) return actors->shut_down() ? exit_all : exit_temporary;
  auto place_watcher = watch_places(places, *actors, probes);
  auto meter = measure_server(*actors);
  auto draft_expiry = expire_drafts(*actors, s.data.draft_hours);
  auto scrubber = scrub_blobs(blobs, s.data.scrub_days);
  auto upkeep = keep_set_aside(blobs.root(), s.data);
  auto log_key = read_log_key(s.data.dir);
  if (!log_key) return complain(log_key.error(), exit_temporary);
  http::server edge(s, *actors, blobs, outputs, format_facts_of(s), std::move(*log_key));
  edge.shared().identities.load(*tokens);
  edge.shared().probes = probes;
  edge.shared().log_lines_dropped = log_lines_dropped;
  edge.shared().thumbnails = std::make_shared<persistence::thumbnail_cache>(
      persistence::thumbnail_cache::options{.folder = s.data.dir + "/thumbnails",
                                            .bytes_max = s.data.thumbnails_bytes,
                                            .disk_free_min = s.data.disk_floor_bytes});
  auto blob_prober = probe_blobs(blobs.root(), probes);
  auto host_prober = s.work.here ? probe_hosts(hosts, probes) : nullptr;
  if (auto ok = edge.bind(); !ok) return complain(ok.error(), exit_usage);
  actors->nodes().listen([](const actors::node_event& e) {
    const bool bad = e.what == "lost" || e.what == "isolated" || e.what == "paused";
    spdlog::log(bad ? spdlog::level::warn : spdlog::level::info, "machine {} {}{}{}",
                printable(e.node), e.what, e.detail.empty() ? "" : ": ", printable(e.detail));
  });
  if (auto ok = actors->open_to_nodes(); !ok) return complain(ok.error(), exit_usage);
  if (const auto at = actors->node_address(); !at.empty())
    std::fprintf(stderr, "workers join at %s\n", at.c_str());
  // Only now that it has all its ports: the token is shown once, and a start that fails shows none.
  const auto token = first_token(*actors, edge.shared().identities, s.auth);
  if (!token) return complain(token.error(), exit_temporary);
  if (auto ok = edge.listen(); !ok) return complain(ok.error(), exit_usage);
  const std::string url = (s.tls.certificate.empty() ? "http://" : "https://") + edge.address();
  say_welcome(s, url, *token);
  if (token->empty()) say_how_to_get_in(s, *tokens);
  if (setup.options.open && !open_in_browser(token->empty() ? url : url + "/#token=" + *token))
    std::fprintf(stderr, "no browser was opened: there is no xdg-open here\n");

  while (setup.signals.wait() == serve_signals::wish::reload)
    reload_settings(setup.options, setup.given, edge);
  spdlog::info("stopping; a second signal skips the wait");
  edge.drain();
  actors->drain(std::chrono::milliseconds(limits::drain_ms), [&] { return setup.signals.hurry(); });
  edge.stop(std::chrono::milliseconds(setup.signals.hurry() ? 0 : limits::actor_stop_ms));
  host_prober.reset();
  blob_prober.reset();
  census.reset();
  meter.reset();
  upkeep.reset();
  draft_expiry.reset();
  scrubber.reset();
  place_watcher.reset();
  const bool in_order = actors->shut_down();
  actors.reset(); // before the edge, to which its answers go
  spdlog::info("stopped");
  return in_order ? exit_all : exit_temporary;
}

void report_start(const config::settings& s, const process_means& means,
                  codecs::host::isolation_layers missing) {
  for (const auto& warning : means.warnings)
    spdlog::warn("{}", warning);
  for (const auto& sentence : guard_data_folder(s.data.dir))
    spdlog::warn("{}", printable(sentence));
  const auto lacking = missing_layers_text(missing);
  spdlog::log(lacking.empty() ? spdlog::level::info : spdlog::level::warn,
              "isolation of codec hosts: {}{}{}", active_layers_text(missing),
              lacking.empty() ? "" : "; reduced, without ", lacking);
  spdlog::info("{} slots, {} MiB of memory, {} connections", s.work.here ? slots_of(s) : 0,
               s.work.memory_bytes / limits::MiB, s.http.connections_max);
}

} // namespace

int run_serve(const settings_options& options, codecs::host::zygote& hosts) {
  return_large_blocks();
  auto given = read_settings(options);
  if (!given) return complain(given.error(), exit_usage);
  auto s = *given;
  if (s.work.memory_bytes == 0) s.work.memory_bytes = default_memory_budget();
  const auto means = prepare_process(needs_of_server(s, s.work.here ? slots_of(s) : 0));
  if (!means) return complain(means.error(), exit_usage);
  s.http.connections_max = means->connections;
  serve_signals signals(hangup_of_process()); // before the first thread, which is the log's
  auto log = open_log_target(s.log);
  if (!log) return complain(log.error(), exit_usage);
  use_log(std::move(*log), s.log);
  const log_end end_of_log;
  if (auto ok = codecs::host::self_test(hosts); !ok) return complain(ok.error(), exit_usage);
  s.data.dir = absolute_path(s.data.dir);
  auto journal = open_data(s.data.dir);
  if (!journal) return complain(journal.error().sentence, journal.error().code);
  report_start(s, *means, hosts.missing_layers());
  auto blobs = blob_store::open(server_blobs(s.data.dir));
  if (!blobs) return complain(blobs.error().text(), exit_of(blobs.error()));
  (*blobs)->when_damaged([](const std::string& path, const std::string& aside) {
    spdlog::error("the blob {} is damaged, and set aside: {}; the next upload of the same bytes "
                  "brings it back, and darkroom fsck names the files that need it",
                  path, aside);
  });
  if (signals.ending()) return exit_all;
  server_setup setup{options, std::move(*given), std::move(s), hosts, signals};
  return run(setup, std::move(*journal), **blobs);
}

} // namespace darkroom::app
