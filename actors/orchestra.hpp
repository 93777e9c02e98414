// All actors of one process, assembled and ended in the right order: what `main` holds.
#pragma once

#include "actors/header_reader.hpp"
#include "actors/interfaces.hpp"
#include "actors/journal.hpp"
#include "actors/limits.hpp"
#include "actors/node_board.hpp"
#include "actors/previewer.hpp"
#include "actors/slot_board.hpp"
#include "actors/source_opener.hpp"
#include "actors/usage_board.hpp"
#include "actors/vitals.hpp"
#include "base/result.hpp"
#include "config/limits.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace darkroom::persistence {
class read_view;
}

namespace darkroom::actors {

// Letting other machines in.
struct cluster_settings {
  std::string listen; // HOST:PORT
  std::string folder; // of the authority, see certificates.hpp
  std::string data;   // the folder of the journal and the blobs
  std::string version, formats;
  std::uint64_t input_bytes_max = 0, image_pixels_max = 0;
  source_opener open_source;
};

struct orchestra_options {
  std::size_t slots = 1;
  std::size_t cores = 0; // that this process may use; 0: all of the machine
  std::uint64_t memory_bytes = limits::memory_budget_default_bytes; // of the whole process tree
  slot_runner_factory make_runner;
  std::function<std::unique_ptr<preview_runner>()> make_previewer; // null: no host for previews
  std::size_t ready_hosts = 0; // that the runners keep ready, as `ready_hosts` below says
  std::shared_ptr<persistence::output_store> outputs;
  store_opener open_journal;
  std::unique_ptr<persistence::journal_store> journal; // open
  std::function<void(const std::string&)> announce;    // from any thread
  std::function<bool()> has_room;                      // for outputs; null: always. From any thread
  // Whether stored files could not be reached at some time since then; null: they always can. From
  // any thread.
  std::function<bool(std::chrono::steady_clock::time_point)> store_failed_since;
  std::function<void()> give_up; // nothing can go on; from any thread
  std::optional<cluster_settings> cluster;
  std::uint64_t audit_days = 0; // how long entries of the audit are kept; 0: forever
};

// Bytes of the budget that leases may take together. `own_bytes`: of the main process.
std::uint64_t lease_memory_bytes(std::uint64_t budget_bytes, std::size_t slots,
                                 std::uint64_t own_bytes = 0);

// Bytes of what `lease_memory_bytes` gives that are kept for the preview host; with a small budget
// none are.
std::uint64_t preview_memory_bytes(std::uint64_t budget_bytes, std::size_t slots);

// How many hosts are kept ready for slots whose owner changes: one for each, if they take a small
// part of the budget.
std::size_t ready_hosts(std::uint64_t budget_bytes, std::size_t slots);

class orchestra {
public:
  explicit orchestra(orchestra_options options);
  ~orchestra(); // ends everything at once if `shut_down` was not called

  orchestra(const orchestra&) = delete;
  orchestra& operator=(const orchestra&) = delete;

  // Lets other machines in, if that was asked for. Call it once, when all else is ready.
  base::result<void, std::string> open_to_nodes();
  // Where workers join; empty: nowhere.
  std::string node_address() const;
  // Connections to there that were not let in.
  std::uint64_t links_refused() const;

  // Blocks until the journal has been replayed: before, no batch is known.
  void wait_until_loaded();

  // Blocks until the answer is durable.
  command_outcome command(const domain::batch_id& batch, domain::command command);
  batch_view describe(const domain::batch_id& batch);

  // The same without blocking: `then` is called once, from another thread; in doubt when no answer
  // came within `limits::ask_ms`.
  void ask(batch_request request, std::function<void(command_outcome)> then);
  void ask(add_files_request request, std::function<void(files_outcome)> then);
  void ask(describe_batch request, std::function<void(batch_view)> then);
  void ask(describe_queue request, std::function<void(queue_view)> then);
  void ask(describe_waits request, std::function<void(batch_waits)> then);
  void ask(steer_node request, std::function<void(node_steered)> then);
  // Keeps tokens and entries of the audit; `then` learns whether they are on disk.
  void keep(std::vector<persistence::access_record> records, std::function<void(bool)> then);
  // Makes a picture of one file outside of its batch's work; what takes longer than
  // `limits::preview_ms` is given up.
  void look(preview_order order, on_preview then);
  // Reads the headers of an owner's files, ahead of those that nobody waits for; one answer for
  // each.
  void read_headers(std::string owner, std::vector<domain::file_entry> files, on_headers then);

  // What the main process takes of the memory budget: leases get the rest. From any thread.
  void measured(std::uint64_t own_bytes);
  // What the main process has used of the processors for files since the last call, in
  // microseconds: their users are charged with it. From any thread.
  void worked_for_files(std::uint64_t cpu_us);

  // While what is returned lives, a deleted batch is not cleared away.
  std::shared_ptr<const void> hold(const domain::batch_id& batch);

  // Calls back from another thread, in order of seq, with every durable event of the batch that is
  // published after the returned seq. `cut` is called when it was too slow: follow again.
  using on_events = std::function<void(const std::vector<persistence::journaled_event>&)>;
  domain::seq follow(const domain::batch_id& batch, on_events events, std::function<void()> cut);
  // Calls back from another thread, in order of seq, with all durable events of all batches.
  struct watch_callbacks {
    // All events after this seq come; some before it may have been missed, or have never been
    // published. First of all, and whenever the journal was opened again.
    std::function<void(domain::seq from)> begin;
    std::function<void(std::shared_ptr<const std::vector<persistence::journaled_event>>)> events;
  };
  void watch(watch_callbacks callbacks);

  // Nothing more is written to the journal, and nothing read: it is not the one that was opened any
  // more. It is opened again when `open_journal` can do that. From any thread; does not block.
  void close_journal(const std::string& why);
  // Why the journal cannot be used, as a sentence; empty while it can, or when none is known.
  std::string journal_fault() const;

  // The journal for reading; null while it cannot be used. Not to be kept: it holds the journal
  // open.
  std::shared_ptr<const persistence::read_view> view();

  // Grants no more leases and waits until nothing runs, at most so long, or until `hurry` says so.
  void drain(std::chrono::milliseconds most, const std::function<bool()>& hurry);
  // Gives back what runs and ends; false when that took longer than its deadline.
  bool shut_down();

  // From where the limits of users come; null: there are none. It is called from any thread, and
  // no longer when this returns with another one.
  void limit_users(std::function<owner_limits(const std::string&)> of_owner);

  const slot_board& board() const;
  node_board& nodes() const;
  const usage_board& usage() const;
  const vitals& numbers() const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace darkroom::actors
