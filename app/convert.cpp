// `darkroom convert`: a local run, through the same actors as everything else.
#include "actors/host_slot.hpp"
#include "actors/orchestra.hpp"
#include "app/cgroup.hpp"
#include "app/commands.hpp"
#include "app/convert_stream.hpp"
#include "app/exit_code.hpp"
#include "app/feed.hpp"
#include "app/limits.hpp"
#include "app/omissions.hpp"
#include "app/process_setup.hpp"
#include "app/progress.hpp"
#include "app/report.hpp"
#include "app/run_plan.hpp"
#include "app/standard_input.hpp"
#include "app/text.hpp"
#include "base/overloaded.hpp"
#include "domain/limits.hpp"
#include "http/event_views.hpp"
#include "persistence/files.hpp"
#include "persistence/output_directory.hpp"
#include "persistence/read_view.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <random>
#include <unistd.h>

namespace darkroom::app {

namespace {

using actors::orchestra;
using persistence::journaled_event;

constexpr auto poll_interval = std::chrono::milliseconds(50); // of signals and the display

std::atomic<int> signals_seen = 0;
static_assert(std::atomic<int>::is_always_lock_free);

// The first signal ends the run in order, the second at once; so does a run that does not end in
// time, as when its disk does not respond. What is done is in the journal.
void on_signal(int) {
  if (signals_seen.fetch_add(1) > 0) ::_exit(exit_interrupted);
  ::alarm(limits::shutdown_ms / 1'000);
}

void on_alarm(int) {
  ::_exit(exit_interrupted);
}

void catch_signals() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  if (hangup_of_process() != hangup::ignored) ::sigaction(SIGHUP, &action, nullptr);
  action.sa_handler = on_alarm;
  ::sigaction(SIGALRM, &action, nullptr);
}

// Lines that other threads want to be said.
class announcements {
public:
  void add(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
  }
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }

  std::atomic<bool> hopeless = false; // nothing can go on

private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

// Where a run begins: for an interrupted batch, with what it has behind it.
struct run_begin {
  domain::batch_id batch;
  domain::seq last_seq = 0;
  run_totals totals;
  std::vector<std::string> paths; // by index
};

persistence::journal_result<run_begin> begin_of(const run_plan& plan,
                                                const persistence::read_view& journal) {
  run_begin begin;
  if (!plan.resumed) {
    begin.batch = domain::new_batch_id();
    begin.totals.files = static_cast<std::uint32_t>(plan.entries.size());
    for (const auto& entry : plan.entries)
      begin.paths.push_back(entry.path);
    return begin;
  }
  begin.batch = *plan.resumed;
  const auto at = journal.replay(begin.batch);
  if (!at) return std::unexpected(at.error());
  begin.last_seq = at->seq;
  begin.totals.files = at->state.total();
  begin.totals.completed = at->state.count(domain::file_status::completed);
  begin.totals.failed = at->state.count(domain::file_status::failed);
  begin.totals.cancelled = at->state.count(domain::file_status::cancelled);
  begin.paths.resize(at->state.files.size());
  const auto ok = journal.each_file(begin.batch, 0, [&](persistence::file_record&& file) {
    if (file.index < begin.paths.size()) begin.paths[file.index] = std::move(file.entry.path);
    return true;
  });
  if (!ok) return std::unexpected(ok.error());
  return begin;
}

// Why a command was not carried out.
std::string reason_of(const actors::command_outcome& outcome) {
  return std::visit(
      base::overloaded{
          [](const actors::in_doubt& o) { return o.why; },
          [](const actors::rejected& o) { return o.refusal.detail; },
          [](const actors::not_found&) { return std::string{"there is no such batch"}; },
          [](const auto&) { return std::string{"the batch has changed meanwhile"}; }},
      outcome);
}

// All was done before, or cannot be.
int end_without_batch(const convert_options& options, const source_list& found,
                      std::size_t already_done) {
  if (!options.quiet)
    std::fprintf(stderr, "nothing to do: %s done before%s\n",
                 count_text(already_done, "file").c_str(),
                 omissions_text(found.unreadable.size(), found.skipped.size()).c_str());
  if (options.report)
    if (const auto ok = write_report(*options.report, found); !ok)
      complain("no report: " + ok.error(), 0);
  if (found.unreadable.empty()) return exit_all;
  return already_done == 0 ? exit_all_failed : exit_some_failed;
}

std::vector<std::string> busy_slots(const actors::slot_board& board) {
  std::vector<std::string> lines;
  for (const auto& slot : board.read())
    lines.push_back(slot.path.empty() ? "-"
                                      : activity_text(slot.progress.percent,
                                                      to_string(slot.progress.stage), slot.path));
  return lines;
}

// One run, from the plan to the exit code.
class conversion_run {
public:
  conversion_run(const convert_options& options, const source_list& found, const run_plan& plan,
                 run_begin begin, orchestra& actors, announcements& announced)
      : options_(options), found_(found), plan_(plan), begin_(std::move(begin)), actors_(actors),
        announced_(announced),
        shown_(display_for_stderr(options.quiet || options.json), colour_for_stderr(),
               [&actors] { return busy_slots(actors.board()); }) {}

  // Makes the batch, or lets the interrupted one go on, and follows it to its end.
  int run() {
    for (const auto& old : plan_.superseded)
      if (const int code = ask(old, domain::cancel_batch{"another run took over"})) return code;
    if (!plan_.resumed && plan_.entries.empty())
      return end_without_batch(options_, found_, plan_.already_done);
    feed events(actors_, begin_.batch, begin_.last_seq);
    if (!plan_.resumed)
      if (const int code = create()) return code;
    // Also one that was interrupted: it may have been so before it was started.
    if (const int code = ask(begin_.batch, domain::start_batch{})) return code;
    shown_.update(begin_.totals, true);
    while (!finished_ && signals_seen == 0 && !announced_.hopeless) {
      for (const auto& e : events.wait(poll_interval))
        on_event(e);
      for (const auto& line : announced_.take())
        shown_.note(line, true);
      shown_.update(begin_.totals);
    }
    if (announced_.hopeless) {
      // What is journaled is safe; the actors that are left cannot be ended in order.
      for (const auto& line : announced_.take())
        complain(line, 0);
      std::fflush(stdout);
      ::_exit(exit_internal);
    }
    return finish(events);
  }

private:
  // The exit code. A refused command is a bug: the batch gets no others than these.
  int ask(const domain::batch_id& batch, domain::command command) {
    const auto answer = actors_.command(batch, std::move(command));
    if (actors::resulting_view(answer) != nullptr) return exit_all;
    const bool in_doubt = std::holds_alternative<actors::in_doubt>(answer);
    return complain(reason_of(answer), in_doubt ? exit_temporary : exit_internal);
  }

  int create() {
    domain::create_batch make;
    make.owner = "local";
    make.name = options_.out;
    make.spec = options_.spec;
    if (const int code = ask(begin_.batch, make)) return code;
    for (std::size_t at = 0; at < plan_.entries.size(); at += limits::files_per_event_max) {
      const auto end = std::min(at + limits::files_per_event_max, plan_.entries.size());
      domain::add_files add;
      add.entries.assign(plan_.entries.begin() + static_cast<std::ptrdiff_t>(at),
                         plan_.entries.begin() + static_cast<std::ptrdiff_t>(end));
      if (const int code = ask(begin_.batch, std::move(add))) return code;
    }
    return exit_all;
  }

  std::string path_of(domain::file_index i) const {
    return i < begin_.paths.size() ? printable(begin_.paths[i]) : "file " + std::to_string(i);
  }

  void on_event(const journaled_event& e) {
    if (options_.json) {
      const auto file = domain::file_of(e.fact);
      const bool named = file && *file < begin_.paths.size();
      const auto line = http::event_json(e, named ? &begin_.paths[*file] : nullptr) + '\n';
      std::fwrite(line.data(), 1, line.size(), stdout);
      std::fflush(stdout);
    }
    if (const auto* done = std::get_if<domain::file_completed>(&e.fact)) {
      begin_.totals.completed += 1;
      begin_.totals.completed_now += 1;
      begin_.totals.bytes_in += done->bytes_in;
      begin_.totals.pixels += std::uint64_t{done->width} * done->height;
      for (const auto& output : done->outputs)
        begin_.totals.bytes_out += output.bytes;
      note_losses(*done);
    } else if (const auto* failed = std::get_if<domain::file_failed>(&e.fact)) {
      begin_.totals.failed += 1;
      shown_.note("failed: " + path_of(failed->index) + ": " +
                      std::string{to_string(failed->reason)} + ", " +
                      std::string{domain::explain(failed->reason)} +
                      (failed->detail.empty() ? "" : " (" + printable(failed->detail) + ")"),
                  true);
    } else if (const auto* wait = std::get_if<domain::file_retry_scheduled>(&e.fact)) {
      shown_.note("again in " + duration_text(wait->delay_ms / 1000.0) + ": " +
                      path_of(wait->index) + ": " + std::string{to_string(wait->reason)} +
                      (wait->detail.empty() ? "" : " (" + printable(wait->detail) + ")"),
                  true);
    } else if (const auto* back = std::get_if<domain::file_interrupted>(&e.fact)) {
      if (back->cause == domain::interruption::disk_full)
        shown_.note("no room in " + printable(options_.out) + ": waiting until there is", true);
    } else if (std::holds_alternative<domain::batch_finished>(e.fact)) {
      finished_ = true;
    }
  }

  void note_losses(const domain::file_completed& done) {
    domain::loss_set salvaged;
    if (done.losses.has(domain::loss::truncated_salvaged))
      salvaged.add(domain::loss::truncated_salvaged);
    if (done.losses.has(domain::loss::damage_salvaged)) salvaged.add(domain::loss::damage_salvaged);
    const auto detail = detail_of(done);
    for (const auto l : salvaged.list())
      shown_.note("salvaged: " + path_of(done.index) + ": " + std::string{to_string(l)} +
                      (detail.empty() ? "" : " (" + detail + ")"),
                  false);
  }

  int finish(feed& events) {
    const bool interrupted = !finished_;
    if (options_.report) report();
    actors_.shut_down();
    for (const auto& e : events.wait(std::chrono::milliseconds(0)))
      on_event(e);
    shown_.clear();
    if (!options_.quiet) say_summary(interrupted);
    if (interrupted) return exit_interrupted;
    if (begin_.totals.failed == 0 && begin_.totals.cancelled == 0 && found_.unreadable.empty())
      return exit_all;
    return begin_.totals.completed + plan_.already_done == 0 ? exit_all_failed : exit_some_failed;
  }

  void report() {
    const auto journal = actors_.view();
    if (!journal) {
      complain("no report: the journal cannot be read", 0);
      return;
    }
    if (const auto ok = write_report(*options_.report, *journal, begin_.batch, found_); !ok)
      complain("no report: " + ok.error(), 0);
  }

  void say_summary(bool interrupted) {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    begin_.totals.unreadable = found_.unreadable.size();
    begin_.totals.skipped = found_.skipped.size();
    std::string text = summary_text(begin_.totals, seconds);
    if (plan_.already_done != 0)
      text += "; " + count_text(plan_.already_done, "file") + " done before";
    if (interrupted) text += "\ninterrupted: the same command goes on from here";
    std::fprintf(stderr, "%s\n", text.c_str());
  }

  const convert_options& options_;
  const source_list& found_;
  const run_plan& plan_;
  run_begin begin_;
  orchestra& actors_;
  announcements& announced_;
  progress shown_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  bool finished_ = false;
};

// What was read from standard input: needed as long as an interrupted run may go on with it.
struct stored_inputs {
  std::string folder;
  bool keep = false;
  ~stored_inputs() {
    if (!keep) remove_standard_inputs(folder);
  }
};

actors::slot_runner_factory runner_factory(codecs::host::zygote& hosts,
                                           std::shared_ptr<persistence::output_store> outputs) {
  return [&hosts, outputs] {
    return std::make_unique<actors::host_slot>(hosts, outputs, codecs::input_limits{});
  };
}

} // namespace

int run_convert(convert_options& options, codecs::host::zygote& hosts) {
  const auto means = prepare_process(needs_of_conversions(options.slots));
  if (!means) return complain(means.error(), exit_usage);
  for (const auto& warning : means->warnings)
    if (!options.quiet) complain(warning, 0);
  if (auto ok = codecs::host::self_test(hosts); !ok) return complain(ok.error(), exit_usage);
  if (options.out == standard_stream) return convert_to_standard_output(options, hosts);
  const auto out = absolute_path(options.out);
  const bool from_stream = take_standard_stream(options.sources);
  auto sources = find_sources(options.sources, out);
  if (!sources) return complain(sources.error(), exit_usage);
  base::result<standard_input, std::string> input = standard_input{};
  if (from_stream) input = read_standard_input();
  if (!input) return complain(input.error(), exit_usage);
  if (sources->empty() && !from_stream) return complain(nothing_found_text(*sources), exit_usage);
  say_omissions(*sources, options.quiet, limits::skipped_files_shown_max);

  const auto directory = journal_directory(out);
  if (auto made = persistence::make_directories(directory); !made)
    return complain(made.error().text(), exit_of(made.error()));
  auto journal = persistence::journal_store::open({directory, nullptr});
  if (!journal && journal.error().fault == persistence::journal_fault::locked)
    return complain("another run is writing to " + options.out +
                        "; wait for it, or choose another folder",
                    exit_of(journal.error()));
  if (!journal) return complain(journal.error().detail, exit_of(journal.error()));
  stored_inputs inputs{own_directory(out)};
  if (from_stream) {
    // Now that no other run can be using this folder.
    auto stored = store_standard_input(*input, own_directory(out));
    if (!stored) return complain(stored.error(), exit_usage);
    sources->files.push_back(std::move(*stored));
  }
  const auto plan = plan_run(sources->files, out, options.spec, (*journal)->view().get());
  if (!plan) return complain(plan.error(), exit_usage);
  if (!plan->resumed && plan->entries.empty() && plan->superseded.empty())
    return end_without_batch(options, *sources, plan->already_done);

  catch_signals();
  auto begin = begin_of(*plan, *(*journal)->view());
  if (!begin) return complain(begin.error().detail, exit_of(begin.error()));
  auto outputs = std::make_shared<persistence::output_directory>(out, options.keep_times);
  auto announced = std::make_shared<announcements>();
  orchestra actors(
      {.slots = options.slots,
       .cores = usable_cores(),
       .memory_bytes = options.memory_bytes,
       .make_runner = runner_factory(hosts, outputs),
       .outputs = outputs,
       .open_journal =
           [directory] { return persistence::journal_store::open({directory, nullptr, true}); },
       .journal = std::move(*journal),
       .announce = [announced](const std::string& line) { announced->add(line); },
       .give_up = [announced] { announced->hopeless = true; }});
  conversion_run run(options, *sources, *plan, std::move(*begin), actors, *announced);
  const int code = run.run();
  inputs.keep = code >= exit_interrupted; // also after a fault
  std::error_code error;
  if (!std::filesystem::exists(directory + "/CURRENT", error))
    return complain(options.out + " was removed while it was written to: what is there now is not "
                                  "all; say the same command again",
                    exit_temporary);
  return code;
}

} // namespace darkroom::app
