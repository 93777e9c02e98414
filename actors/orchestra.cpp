#include "actors/orchestra.hpp"

#include "actors/cluster/basp_door.hpp"
#include "actors/cluster/cluster.hpp"
#include "actors/cluster/link_server.hpp"
#include "actors/codec_pool.hpp"
#include "actors/coordinator.hpp"
#include "actors/count_outcome.hpp"
#include "actors/dispatcher.hpp"
#include "actors/event_hub.hpp"
#include "actors/limits.hpp"
#include "actors/placer.hpp"
#include "actors/preview_host.hpp"
#include "actors/remover.hpp"
#include "actors/spawn_blocking.hpp"
#include "actors/thread_roles.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/rising_clock.hpp"
#include "codecs/limits.hpp"
#include "persistence/read_view.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace darkroom::actors {

namespace {

struct local_config : caf::actor_system_config {
  local_config(bool has_door, std::size_t cores) {
    if (has_door) configure_door(*this); // what is not registered cannot come from outside
    configure_threads(*this, cores);
    set("logger.verbosity", caf::atom("quiet"));
  }
};

// A folder for sockets that only we can enter, for as long as it lives. Its name is of the data's
// folder, which has one server at a time: what a killed one has left is used again.
class private_folder {
public:
  explicit private_folder(const std::string& data) {
    std::string base = "/tmp";
    if (const char* given = std::getenv("XDG_RUNTIME_DIR"); given != nullptr && *given == '/')
      base = given;
    struct stat about{};
    if (::stat(data.c_str(), &about) == 0) {
      path_ =
          base + "/darkroom-" + std::to_string(about.st_dev) + '-' + std::to_string(about.st_ino);
      if (::mkdir(path_.c_str(), 0700) == 0 || is_ours(path_)) return;
    }
    path_ = base + "/darkroom-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~private_folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  private_folder(const private_folder&) = delete;
  private_folder& operator=(const private_folder&) = delete;
  const std::string& path() const { return path_; } // empty: it could not be made

private:
  // Anybody may have made it there.
  static bool is_ours(const std::string& path) {
    struct stat about{};
    return ::lstat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode) &&
           about.st_uid == ::geteuid() && (about.st_mode & 0077) == 0;
  }
  std::string path_;
};

supervisor_seams real_seams(std::shared_ptr<base::rising_clock> clock) {
  return {[clock = std::move(clock)] { return clock->now_us(); },
          [] {
            thread_local std::mt19937 dice{std::random_device{}()};
            return static_cast<std::uint32_t>(dice() & 0xffff);
          }};
}

gateway_actor::behavior_type gateway(gateway_actor::pointer self) {
  return {[self](const gateway_task& task) { task.run(self); }};
}

// A runner of this machine's pool, whose files are counted as those of other machines are.
class counted_runner final : public slot_runner {
public:
  counted_runner(std::unique_ptr<slot_runner> runner, std::shared_ptr<node_board> nodes)
      : runner_(std::move(runner)), nodes_(std::move(nodes)) {}
  codecs::result<codecs::image_info> probe(const probe_job& job) override {
    return runner_->probe(job);
  }
  conversion_outcome convert(const conversion_job& job,
                             const codecs::progress_listener& on_progress) override {
    auto outcome = runner_->convert(job, on_progress);
    count_outcome(*nodes_, std::string{domain::local_node}, outcome);
    return outcome;
  }
  std::optional<std::uint64_t> cpu_us() const override { return runner_->cpu_us(); }
  void interrupt(domain::lease_id lease) noexcept override { runner_->interrupt(lease); }

private:
  std::unique_ptr<slot_runner> runner_;
  std::shared_ptr<node_board> nodes_;
};

struct follower_state {
  static inline const char* name = "follower";
  follower_state() = default; // no aggregate: CAF would initialise the first member with the actor
};

subscriber_actor::behavior_type follower(subscriber_actor::stateful_pointer<follower_state> self,
                                         event_hub_actor hub, orchestra::on_events events,
                                         std::function<void()> cut) {
  return {
      [self, hub, events](const events_published& message) {
        events(*message.events);
        self->send(hub, events_acknowledged{subscriber_actor{self}, message.events->size()});
      },
      [cut](const subscription_ended&) { cut(); },
  };
}

// Follows everything for ever: begins again when it was cut.
subscriber_actor::behavior_type watcher(subscriber_actor::stateful_pointer<follower_state> self,
                                        event_hub_actor hub, orchestra::watch_callbacks callbacks) {
  const auto begin = [self, hub, callbacks] {
    self->request(hub, caf::infinite, subscribe{subscriber_actor{self}, {}})
        .then([callbacks](subscribed answer) { callbacks.begin(answer.seq); },
              [](const caf::error&) {});
  };
  begin();
  return {
      [self, hub, callbacks](const events_published& message) {
        callbacks.events(message.events);
        self->send(hub, events_acknowledged{subscriber_actor{self}, message.events->size()});
      },
      [begin](const subscription_ended&) { begin(); },
  };
}

in_doubt no_answer() {
  return {"no answer came in time"};
}

// What an earlier life had decided of machines holds from the beginning.
void restore_day_use(const persistence::journal_store& journal, usage_board& usage,
                     const std::function<void(const std::string&)>& announce) {
  const auto days = journal.view()->days_used();
  if (!days)
    return announce("what users have converted today is not known: " + days.error().detail);
  for (const auto& one : *days)
    usage.restore(one);
}

void restore_calibration(const persistence::journal_store& journal, calibration_board& calibration,
                         const std::function<void(const std::string&)>& announce) {
  auto ratios = journal.view()->cost_ratios();
  if (!ratios)
    return announce("what conversions cost is to be learnt anew: " + ratios.error().detail);
  for (auto& one : *ratios)
    calibration.restore(std::move(one));
}

void restore_standings(const persistence::journal_store& journal, node_board& nodes,
                       const dispatcher_actor& dispatcher,
                       const std::function<void(const std::string&)>& announce) {
  const auto standings = journal.view()->node_standings();
  if (!standings)
    return announce("which machines are cordoned or isolated is not known: " +
                    standings.error().detail);
  for (const auto& standing : *standings) {
    nodes.restore(standing);
    if (standing.cordoned)
      caf::anon_send(dispatcher,
                     steer_node{standing.name,
                                standing.drains ? node_steering::drain : node_steering::cordon});
  }
}

} // namespace

std::uint64_t lease_memory_bytes(std::uint64_t budget_bytes, std::size_t slots,
                                 std::uint64_t own_bytes) {
  const std::uint64_t main_bytes =
      std::max(limits::memory_main_bytes, own_bytes + limits::memory_main_growth_bytes);
  const std::uint64_t fixed =
      main_bytes + limits::probe_memory_bytes + (slots + 1) * limits::memory_idle_host_bytes;
  return budget_bytes > fixed ? budget_bytes - fixed : 0;
}

std::uint64_t preview_memory_bytes(std::uint64_t budget_bytes, std::size_t slots) {
  const auto for_leases = lease_memory_bytes(budget_bytes, slots);
  const auto kept =
      std::min(limits::memory_previews_max_bytes, for_leases / limits::memory_previews_share);
  const bool enough = kept >= limits::memory_idle_host_bytes + limits::memory_lease_min_bytes &&
                      for_leases - kept >= limits::memory_lease_min_bytes;
  return enough ? kept : 0;
}

std::size_t ready_hosts(std::uint64_t budget_bytes, std::size_t slots) {
  const auto for_leases = lease_memory_bytes(budget_bytes, slots);
  const auto affordable =
      for_leases / limits::memory_ready_hosts_share / limits::memory_idle_host_bytes;
  return std::min({slots, limits::ready_hosts_max, static_cast<std::size_t>(affordable)});
}

struct orchestra::parts {
  parts(bool has_door, std::size_t cores) : config(has_door, cores) {}
  local_config config;
  caf::actor_system system{config};
  std::size_t slots = 0;
  std::uint64_t memory_bytes = 0;
  std::optional<cluster_settings> cluster_asked;
  std::shared_ptr<persistence::output_store> outputs;
  std::function<void(const std::string&)> announce;
  std::shared_ptr<node_board> nodes = std::make_shared<node_board>();
  std::unique_ptr<private_folder> door;
  std::unique_ptr<link_server> links;
  cluster_actor cluster;
  std::shared_ptr<slot_board> board;
  std::shared_ptr<usage_board> usage = std::make_shared<usage_board>();
  std::shared_ptr<calibration_board> calibration = std::make_shared<calibration_board>();
  std::shared_ptr<view_slot> views = std::make_shared<view_slot>();
  std::shared_ptr<vitals> numbers = std::make_shared<vitals>();
  std::shared_ptr<batch_holds> holds = std::make_shared<batch_holds>();
  event_hub_actor hub;
  journal_actor journal;
  dispatcher_actor dispatcher;
  codec_pool_actor pool;
  preview_host_link previews;
  std::uint64_t preview_bytes = 0;  // of the budget
  std::uint64_t reserved_bytes = 0; // of the budget: previews and hosts that are ready
  coordinator_actor coordinator;
  gateway_actor gateway;
  bool ended = false;
};

orchestra::orchestra(orchestra_options options)
    : parts_(std::make_unique<parts>(options.cluster.has_value(), options.cores)) {
  auto& p = *parts_;
  p.cluster_asked = options.cluster;
  p.slots = options.slots;
  p.memory_bytes = options.memory_bytes;
  p.outputs = options.outputs;
  p.announce = options.announce;
  p.board = std::make_shared<slot_board>(options.slots);
  coordinator_parts made;
  made.attempts = std::make_shared<attempt_counts>();
  made.dispatcher = p.dispatcher = p.system.spawn(
      actors::dispatcher, dispatcher_options{p.numbers, std::move(options.has_room), p.nodes,
                                             made.attempts, options.cluster.has_value()});
  restore_day_use(*options.journal, *p.usage, options.announce);
  restore_calibration(*options.journal, *p.calibration, options.announce);
  restore_standings(*options.journal, *p.nodes, p.dispatcher, options.announce);
  auto clock = std::make_shared<base::rising_clock>();
  clock->go_on_from(options.journal->last_time_us());
  made.hub = p.hub = p.system.spawn(event_hub);
  auto store =
      std::make_shared<std::unique_ptr<persistence::journal_store>>(std::move(options.journal));
  made.remover = spawn_blocking(p.system, true, "remover", remover, options.outputs);
  made.journal = p.journal = spawn_blocking(
      p.system, true, "journal", actors::journal, store, std::move(options.open_journal),
      journal_peers{p.hub, p.views, p.numbers, made.remover, p.holds, options.audit_days});
  made.store_failed_since = std::move(options.store_failed_since);
  made.placer = spawn_blocking(p.system, true, "placer", placer, options.outputs);
  const auto counted = [make = options.make_runner, nodes = p.nodes] {
    return std::make_unique<counted_runner>(make(), nodes);
  };
  made.pool = p.pool = p.system.spawn(codec_pool, pool_options{options.slots, true}, counted,
                                      made.dispatcher, p.board);
  made.seams = real_seams(std::move(clock));
  made.usage = p.usage;
  made.calibration = p.calibration;
  made.views = p.views;
  made.numbers = p.numbers;
  if (options.make_previewer) {
    p.preview_bytes = preview_memory_bytes(options.memory_bytes, options.slots);
    if (p.preview_bytes != 0) {
      p.previews.memory_bytes = p.preview_bytes - limits::memory_idle_host_bytes;
      p.previews.actor = p.system.spawn(
          preview_host, std::shared_ptr<preview_runner>(options.make_previewer()), true);
    }
  }
  p.reserved_bytes = p.preview_bytes + options.ready_hosts * limits::memory_idle_host_bytes;
  p.gateway = p.system.spawn(gateway);
  if (options.slots != 0) {
    register_node here;
    here.name = domain::local_node;
    here.pool = made.pool;
    here.slots = static_cast<std::uint32_t>(options.slots);
    here.memory_bytes = lease_memory_bytes(options.memory_bytes, options.slots) - p.reserved_bytes;
    node_row row;
    row.name = here.name;
    row.local = true;
    row.slots = here.slots;
    row.memory_bytes = here.memory_bytes;
    row.joined_us = base::unix_now_us();
    p.nodes->join(row);
    caf::anon_send(made.dispatcher, std::move(here));
  }
  p.coordinator = p.system.spawn(actors::coordinator, std::move(made), std::move(options.announce),
                                 std::move(options.give_up));
}

orchestra::~orchestra() {
  if (!parts_->ended) shut_down();
}

base::result<void, std::string> orchestra::open_to_nodes() {
  auto& p = *parts_;
  if (!p.cluster_asked) return {};
  const auto& asked = *p.cluster_asked;
  p.door = std::make_unique<private_folder>(asked.data);
  if (p.door->path().empty())
    return std::unexpected("no private folder can be made below /tmp for the actors' socket");
  const auto table = std::make_shared<link_table>(asked.version, asked.formats);
  cluster_options options;
  options.links = table;
  options.nodes = p.nodes;
  options.slots = p.board;
  options.dispatcher = p.dispatcher;
  options.transfers = {asked.open_source, p.outputs};
  options.now_us = base::unix_now_us;
  p.cluster = p.system.spawn(actors::cluster, std::move(options));
  const auto path = p.door->path() + "/actors";
  if (auto ok = open_door(p.system, path, p.cluster); !ok) return ok;
  for (const auto& row : p.nodes->read())
    if (!row.isolated.empty()) table->isolate(row.name, row.isolated);
  p.nodes->when_isolated([journal = p.journal](const node_row& row) {
    caf::anon_send(journal, write_records{{row.standing()}});
  });
  p.nodes->when_steered([table](const std::string& name, node_steering how) {
    if (how == node_steering::uncordon) table->forgive(name);
  });
  link_server_options links;
  links.listen = asked.listen;
  links.folder = asked.folder;
  links.door = path;
  links.links = table;
  links.input_bytes_max = asked.input_bytes_max;
  links.image_pixels_max = asked.image_pixels_max;
  links.actor_node = caf::to_string(p.system.node());
  links.announce = p.announce;
  links.isolate = [table, nodes = p.nodes](const std::string& name, const std::string& why) {
    nodes->isolate(name, why);
    table->isolate(name, why);
  };
  auto server = link_server::start(std::move(links));
  if (!server) return std::unexpected(server.error());
  p.links = std::move(*server);
  return {};
}

std::string orchestra::node_address() const {
  return parts_->links ? parts_->links->address() : std::string{};
}

std::uint64_t orchestra::links_refused() const {
  return parts_->links ? parts_->links->refused() : 0;
}

node_board& orchestra::nodes() const {
  return *parts_->nodes;
}

const slot_board& orchestra::board() const {
  return *parts_->board;
}

void orchestra::wait_until_loaded() {
  command({}, domain::resume_batch{}); // of no batch: requests wait for the replay
}

command_outcome orchestra::command(const domain::batch_id& batch, domain::command command) {
  caf::scoped_actor self{parts_->system};
  command_outcome answer = no_answer(); // should none come
  self->request(parts_->coordinator, caf::infinite, batch_request{batch, std::move(command)})
      .receive([&](command_outcome& outcome) { answer = std::move(outcome); },
               [](const caf::error&) {});
  return answer;
}

batch_view orchestra::describe(const domain::batch_id& batch) {
  caf::scoped_actor self{parts_->system};
  batch_view answer;
  self->request(parts_->coordinator, caf::infinite, describe_batch{batch})
      .receive([&](batch_view& view) { answer = std::move(view); }, [](const caf::error&) {});
  return answer;
}

domain::seq orchestra::follow(const domain::batch_id& batch, on_events events,
                              std::function<void()> cut) {
  caf::scoped_actor self{parts_->system};
  auto reader = parts_->system.spawn(follower, parts_->hub, std::move(events), std::move(cut));
  domain::seq seq = 0;
  self->request(parts_->hub, caf::infinite, subscribe{reader, batch})
      .receive([&](subscribed answer) { seq = answer.seq; }, [](const caf::error&) {});
  return seq;
}

std::shared_ptr<const void> orchestra::hold(const domain::batch_id& batch) {
  return parts_->holds->hold(batch);
}

void orchestra::watch(watch_callbacks callbacks) {
  parts_->system.spawn(watcher, parts_->hub, std::move(callbacks));
}

void orchestra::limit_users(std::function<owner_limits(const std::string&)> of_owner) {
  parts_->usage->limit(std::move(of_owner));
}

const usage_board& orchestra::usage() const {
  return *parts_->usage;
}

const vitals& orchestra::numbers() const {
  return *parts_->numbers;
}

namespace {

// Lets GATEWAY ask; `failed` is what `then` gets when no answer comes.
template<class Answer, class Actor, class Request>
void ask_through(const gateway_actor& gateway, const Actor& to, Request request,
                 std::function<void(Answer)> then, Answer failed) {
  if (!gateway) return then(std::move(failed)); // it ends
  caf::anon_send(gateway, gateway_task{[to, request = std::move(request), then = std::move(then),
                                        failed = std::move(failed)](gateway_actor::pointer self) {
                   self->request(to, std::chrono::milliseconds(limits::ask_ms), request)
                       .then([then](const Answer& answer) { then(answer); },
                             [then, failed](const caf::error&) { then(failed); });
                 }});
}

} // namespace

void orchestra::ask(batch_request request, std::function<void(command_outcome)> then) {
  ask_through(parts_->gateway, parts_->coordinator, std::move(request), std::move(then),
              command_outcome{no_answer()});
}

void orchestra::ask(add_files_request request, std::function<void(files_outcome)> then) {
  ask_through(parts_->gateway, parts_->coordinator, std::move(request), std::move(then),
              files_outcome{no_answer()});
}

void orchestra::ask(describe_batch request, std::function<void(batch_view)> then) {
  ask_through(parts_->gateway, parts_->coordinator, request, std::move(then), batch_view{});
}

void orchestra::ask(describe_queue request, std::function<void(queue_view)> then) {
  ask_through(parts_->gateway, parts_->dispatcher, request, std::move(then), queue_view{});
}

void orchestra::ask(describe_waits request, std::function<void(batch_waits)> then) {
  ask_through(parts_->gateway, parts_->dispatcher, std::move(request), std::move(then),
              batch_waits{});
}

void orchestra::ask(steer_node request, std::function<void(node_steered)> then) {
  ask_through(parts_->gateway, parts_->dispatcher, std::move(request), std::move(then),
              node_steered{});
}

void orchestra::keep(std::vector<persistence::access_record> records,
                     std::function<void(bool)> then) {
  ask_through<records_written>(
      parts_->gateway, parts_->journal, write_records{std::move(records)},
      [then = std::move(then)](records_written answer) { then(answer.durable); }, {});
}

void orchestra::look(preview_order order, on_preview then) {
  auto& p = *parts_;
  if (!p.gateway) return then(preview_failed{}); // it ends
  const auto made = p.system.spawn(previewer, std::move(order), p.dispatcher, p.pool, p.previews,
                                   std::move(then));
  caf::delayed_anon_send(p.gateway, std::chrono::milliseconds(limits::preview_ms),
                         gateway_task{[weak = made.address()](gateway_actor::pointer self) {
                           const auto strong = caf::actor_cast<caf::strong_actor_ptr>(weak);
                           if (strong)
                             self->send(caf::actor_cast<converter_actor>(strong), interrupt_file{});
                         }});
}

void orchestra::read_headers(std::string owner, std::vector<domain::file_entry> files,
                             on_headers then) {
  auto& p = *parts_;
  if (files.empty()) return then({});
  if (!p.gateway) { // it ends
    then({files.size(), std::unexpected(codecs::codec_error{})});
    return;
  }
  p.system.spawn(header_reader, std::move(owner), std::move(files), p.pool, std::move(then));
}

void orchestra::close_journal(const std::string& why) {
  auto& p = *parts_;
  // At once, whatever the journal's thread waits for.
  p.numbers->journal_usable = false;
  p.views->take_away(why);
  const persistence::journal_error error{persistence::journal_fault::io, why};
  caf::anon_send(p.journal, actors::close_journal{error});
  caf::anon_send(p.coordinator, journal_failed{error});
}

std::string orchestra::journal_fault() const {
  return parts_->views->fault();
}

std::shared_ptr<const persistence::read_view> orchestra::view() {
  return parts_->views->get();
}

void orchestra::measured(std::uint64_t own_bytes) {
  const auto& p = *parts_;
  if (p.slots == 0) return;
  const auto all = lease_memory_bytes(p.memory_bytes, p.slots, own_bytes);
  const auto bytes =
      std::max(all > p.reserved_bytes ? all - p.reserved_bytes : 0, limits::memory_lease_min_bytes);
  caf::anon_send(p.dispatcher, resize_local_node{bytes / limits::MiB * limits::MiB});
}

void orchestra::worked_for_files(std::uint64_t cpu_us) {
  caf::anon_send(parts_->dispatcher, server_used{cpu_us});
}

void orchestra::drain(std::chrono::milliseconds most, const std::function<bool()>& hurry) {
  const auto& p = *parts_;
  const auto deadline = std::chrono::steady_clock::now() + most;
  caf::anon_send(p.dispatcher, hold_leases{static_cast<std::uint32_t>(most.count()) * 2});
  while (p.numbers->leases_granted != 0 && std::chrono::steady_clock::now() < deadline && !hurry())
    std::this_thread::sleep_for(std::chrono::milliseconds(limits::drain_poll_ms));
}

bool orchestra::shut_down() {
  auto& p = *parts_;
  if (p.ended) return true;
  p.ended = true;
  bool in_order = false;
  {
    caf::scoped_actor self{p.system};
    self->request(p.coordinator, std::chrono::milliseconds(limits::actor_stop_ms * 2),
                  actors::shut_down{})
        .receive([&](shut_down_done) { in_order = true; }, [](const caf::error&) {});
  }
  p.links.reset();
  if (p.cluster) caf::anon_send_exit(p.cluster, caf::exit_reason::user_shutdown);
  p.cluster = nullptr;
  caf::anon_send_exit(p.gateway, caf::exit_reason::user_shutdown);
  p.coordinator = nullptr;
  p.gateway = nullptr;
  p.dispatcher = nullptr;
  p.pool = nullptr;
  if (p.previews.actor) caf::anon_send_exit(p.previews.actor, caf::exit_reason::user_shutdown);
  p.previews = {};
  p.hub = nullptr;
  p.journal = nullptr;
  p.views->set(nullptr);
  return in_order;
}

} // namespace darkroom::actors
