// Between connections and actors: `co_await` an answer of an actor, and wait for a batch to change.
#pragma once

#include "actors/orchestra.hpp"
#include "http/message.hpp"

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <mutex>

namespace darkroom::http {

class actor_gateway {
public:
  explicit actor_gateway(actors::orchestra& actors);

  task<actors::command_outcome> ask(actors::batch_request&& request);
  task<actors::files_outcome> ask(actors::add_files_request&& request);
  task<actors::batch_view> ask(const actors::describe_batch& request);
  task<actors::batch_waits> ask(actors::describe_waits&& request);
  task<bool> keep(std::vector<persistence::access_record>&& records);
  task<actors::preview> look(actors::preview_order&& order);
  // One result for each file.
  task<std::vector<codecs::result<codecs::image_info>>>
  read_headers(std::string owner, std::vector<domain::file_entry> files);

  // Somebody who waits for a batch to change. Made before its state is read, so that no change
  // comes unseen in between.
  class waiter {
  public:
    explicit waiter(const boost::asio::any_io_executor& on) : timer_(on) {}
    // Until the batch has changed since the waiter was made, or so long.
    task<void> wait(std::chrono::milliseconds most);

  private:
    friend class actor_gateway;
    boost::asio::steady_timer timer_;
    bool rung_ = false;
  };
  std::shared_ptr<waiter> wait_for(const domain::batch_id& batch,
                                   const boost::asio::any_io_executor& on);
  // Lets everybody who waits go on: the server is about to stop.
  void ring_all();

  actors::orchestra& actors() const { return actors_; }

private:
  actors::orchestra& actors_;
  // Shared with the feed's callbacks, which may outlive this.
  struct bell {
    std::mutex mutex;
    std::multimap<domain::batch_id, std::weak_ptr<waiter>> waiting;
    std::size_t forget_at = 64;
    void ring(const std::vector<persistence::journaled_event>* events); // null: all
  };
  std::shared_ptr<bell> bell_ = std::make_shared<bell>();
};

} // namespace darkroom::http
