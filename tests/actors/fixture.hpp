// Actors on a scheduler that the test drives, and a clock that the test moves. Around them: a codec
// pool that holds conversions until the test ends them, outputs in memory, a journal on disk whose
// writes can be made to fail.
#pragma once

#include "actors/coordinator.hpp"
#include "actors/dispatcher.hpp"
#include "actors/event_hub.hpp"
#include "actors/placer.hpp"
#include "actors/remover.hpp"
#include "base/units.hpp"
#include "persistence/read_view.hpp"
#include "tests/support/scratch.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <deque>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <set>

namespace darkroom::tests {

// The scheduler alone.
class stage {
public:
  stage();
  caf::actor_system& system() { return system_; }
  // Until nobody has anything to do.
  void run();
  // So many messages at most.
  void run(std::size_t messages);
  void advance(std::uint32_t ms);

private:
  struct config : caf::actor_system_config {
    config();
  };
  config config_;
  caf::actor_system system_;
  caf::scheduler::test_coordinator& scheduler_;
};

// What the pool and the outputs were told; filled by the actors, read by the test.
struct record {
  struct conversion {
    actors::conversion_job job;
    actors::converter_actor asker;
  };
  std::map<domain::file_index, conversion> converting;
  std::vector<domain::file_index> probed;
  std::vector<domain::lease_id> interrupted;
  std::map<std::string, codecs::codec_error> bad_headers; // by path
  std::uint32_t image_side = 8;
  std::uint64_t file_bytes = limits::unread_bytes_max + 1; // of each; fewer: not probed
  std::set<std::string> staged, placed, swept, released;
  bool disk_full = false;
  std::set<std::string> taken; // names that are somebody else's
};

// Says that there is no space when it is told to.
class failing_disk final : public rocksdb::FileSystemWrapper {
public:
  failing_disk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "failing"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* context) override;
  std::atomic<bool> broken = false;
  std::function<void()> on_read;
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(
      std::shared_ptr<rocksdb::FileSystem>(this, [](rocksdb::FileSystem*) {}));
};

// Everything but the pool is real.
class world {
public:
  explicit world(std::uint32_t slots = 2, std::uint64_t memory_bytes = limits::GiB);
  // Called for each read of the journal's tables, within the actor that reads.
  void on_table_read(std::function<void()> call);
  // Nobody hears the answer.
  void send(const domain::command& command, const domain::batch_id& batch = id);
  void set_room(bool has_room) { has_room_ = has_room; } // on the disk
  // From the next `crash` on, the store is probed, and found to work or not.
  void set_store(bool works) { store_works_ = works; }
  // From the next `crash` on, what reads for a batch is to have a thread of its own. The scheduler
  // is for one thread alone: there must be none for them.
  void detach_readers(bool detached) { detached_readers_ = detached; }
  const std::shared_ptr<actors::name_threads>& name_threads() { return parts_.naming_threads; }
  ~world();

  actors::command_outcome tell(domain::command command, domain::batch_id batch = id);
  // The second is asked before the first is answered.
  void tell_both(domain::command first, domain::command second);
  // The second is asked so many messages after the first, whose answer nobody hears.
  actors::command_outcome tell_again(const domain::command& command, std::size_t messages);
  // It is asked, and so many messages later whatever comes next is done; nobody hears the answer.
  void ask_only(const domain::command& command, std::size_t messages);
  // Adds files that have these paths, as people do.
  std::vector<actors::file_addition> add(const std::vector<std::string>& paths);
  // The addition of a file, and the command behind it, as far as they are answered.
  struct two_answers {
    std::optional<actors::files_outcome> added;
    std::optional<actors::command_outcome> told;
  };
  two_answers add_and_tell(const std::string& path, const domain::command& command,
                           const std::function<void()>& meanwhile = nullptr);
  actors::batch_view look(domain::batch_id batch = id);
  // As `look`, within an actor: nothing while the answer has to wait for that.
  std::optional<actors::batch_view> answer(domain::batch_id batch);
  // Creates a batch, adds files f0, f1, … and starts it.
  void start(std::uint32_t files, std::uint32_t max_failed = 0);
  // Creates a batch without files.
  void start_draft(std::uint32_t max_failed = 0);

  // Ends a conversion that the pool holds.
  void finish(domain::file_index file);
  void fail(domain::file_index file, domain::failure_reason why);
  // A host finds that a file, whose header nobody has read, needs so much.
  void need(domain::file_index file, std::uint64_t memory_bytes);
  // Finishes whatever runs until nothing does.
  void finish_all();
  std::vector<domain::file_index> running() const;

  void run() { stage_->run(); }
  void run_some(std::size_t messages) { stage_->run(messages); }
  void advance(std::uint32_t ms) {
    now_us_ += std::int64_t{ms} * 1'000;
    stage_->advance(ms);
  }
  // The process dies and begins again on the same journal.
  void crash();
  bool shut_down();
  void break_disk(bool broken);
  // So much is left for the slots of this machine.
  void resize(std::uint64_t memory_bytes);
  const actors::attempt_counts& attempts() const { return *parts_.attempts; }

  std::vector<persistence::journaled_event> events(domain::batch_id batch = id);
  std::string names(domain::batch_id batch = id); // of the events, one word each
  std::vector<persistence::file_record> files(domain::batch_id batch = id);
  // From the journal, as it is on disk.
  persistence::positioned_state replay(domain::batch_id batch = id);
  domain::batch_state replayed(domain::batch_id batch = id);

  std::shared_ptr<record> seen = std::make_shared<record>();
  std::vector<std::string> announced;
  std::shared_ptr<actors::usage_board> usage;
  bool gave_up = false;
  // An actor dies of a fault.
  void kill_journal();
  // The next supervisor that reads the clock dies of it.
  void break_clock_once() { clock_broken_ = true; }
  static inline const domain::batch_id id{{7}};

private:
  void build();
  void tear_down();
  template<class Answer, class Question>
  Answer ask(Question question);

  std::uint32_t slots_;
  std::uint64_t memory_bytes_;
  bool has_room_ = true;
  std::int64_t now_us_ = 1'000'000; // of events
  bool clock_broken_ = false;
  bool detached_readers_ = false;
  std::optional<bool> store_works_; // nothing: it is not probed
  scratch directory_;
  std::unique_ptr<failing_disk> disk_;
  std::unique_ptr<stage> stage_;
  actors::coordinator_parts parts_;
  actors::coordinator_actor coordinator_;
};

} // namespace darkroom::tests
