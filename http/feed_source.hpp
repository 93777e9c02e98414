// Makes text of what happens, once for everybody, and gives it to the feed: events as they become
// durable, and now and then how files, batches and the queue stand. In a thread of its own: paths
// are read from the journal.
#pragma once

#include "actors/orchestra.hpp"
#include "http/feed.hpp"

#include <condition_variable>
#include <set>
#include <thread>
#include <variant>

namespace darkroom::http {

class feed_source {
public:
  // Both outlive it. Waits until it is known where the journal stands.
  feed_source(actors::orchestra& actors, feed& to);
  ~feed_source();
  feed_source(const feed_source&) = delete;
  feed_source& operator=(const feed_source&) = delete;

  // Nothing more is asked of the actors.
  void stop();

private:
  using clock = feed::clock;
  using event_list = std::shared_ptr<const std::vector<persistence::journaled_event>>;
  struct begin_at {
    domain::seq seq = 0;
  };
  // Shared with callbacks, which may outlive this.
  struct inbox {
    using item = std::variant<begin_at, event_list, actors::batch_view, actors::queue_view>;
    std::mutex mutex;
    std::condition_variable filled;
    std::deque<item> items;
    std::size_t events = 0; // among them
    bool began = false;
    bool stopping = false;
    void put(item one);
  };
  struct told_file {
    domain::batch_id batch;
    std::string owner;
    domain::file_index file = 0;
    domain::conversion_progress progress;
    bool operator==(const told_file&) const = default;
  };

  void run();
  // The last seq that these tell of.
  static std::optional<domain::seq> last_of(const std::deque<inbox::item>& items);
  void handle(const begin_at& begin);
  void handle(const event_list& events);
  void handle(const actors::batch_view& view);
  void handle(const actors::queue_view& view);
  void tick(clock::time_point now);
  void tell_files();
  void tell_nodes();
  void ask_batches(clock::time_point now);
  void ask_queue(clock::time_point now);
  void forget_ended(clock::time_point now);
  void forget(const domain::batch_id& batch, const std::string& owner);
  std::optional<std::string> owner_of(const domain::batch_id& batch) const;

  actors::orchestra& actors_;
  feed& to_;
  std::shared_ptr<inbox> inbox_ = std::make_shared<inbox>();
  std::thread thread_;

  // Of the thread alone. Owners are kept beside their batches: one that was deleted is known to
  // nobody else.
  using by_batch = std::map<domain::batch_id, std::string>;
  std::vector<told_file> files_told_; // by slot
  by_batch changed_;                  // since they were asked
  by_batch asking_;
  std::map<domain::batch_id, clock::time_point> asked_; // and when, while they are followed
  domain::batch_id asked_last_;
  struct told_place {
    std::string owner;
    std::uint32_t ahead = 0;
    actors::wait_reason reason{};
    bool operator==(const told_place&) const = default;
  };
  std::map<domain::batch_id, told_place> places_told_;
  std::map<std::string, std::string> nodes_told_; // what was told of each
  struct ended_batch {
    clock::time_point forget_at;
    domain::batch_id batch;
    std::string owner;
  };
  std::deque<ended_batch> ended_;
  clock::time_point queue_asked_;
};

} // namespace darkroom::http
