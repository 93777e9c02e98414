// The live feed: what happens, as text, in order of seq, to streams that take it at their own pace.
//
// A stream follows topics. It subscribes first, and is told up to which seq it has to read the
// journal itself; what is published meanwhile is kept for it. When it has read so far, it is live:
// there is no gap and no repeat. A text is kept once in a topic, however many streams have yet to
// take it, and only until the slowest has. A stream with too much untaken is cut off.
//
// Volatile texts have no seq: a stream takes the newest of each, whenever it comes by.
//
// Thread-safe, and pure: no sockets, no journal, no clock.
#pragma once

#include "persistence/read_view.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace darkroom::http {

using persistence::event_scope;

// One event, on its way to whoever follows its batch or its batch's owner.
struct event_text {
  domain::seq seq = 0;
  domain::batch_id batch;
  std::string owner;
  std::string json;
};

class feed {
  struct topic;
  struct subscription;

public:
  using clock = std::chrono::steady_clock;

  // Some events of one topic.
  struct piece {
    std::string text; // JSON objects, separated by commas
    struct mark {
      domain::seq seq = 0;
      std::size_t end = 0; // in the text
    };
    std::vector<mark> marks; // where each event ends
    clock::time_point published{};
    void add(domain::seq seq, std::string_view json);
  };
  // What is to be sent of a piece: from this byte on.
  struct part {
    std::shared_ptr<const piece> of;
    std::size_t first_mark = 0;
    std::string_view text() const;
    // The event of a mark, alone.
    std::string_view event(std::size_t mark) const;
    std::size_t bytes() const { return text().size(); }
  };
  // A subscription that has to read the journal: everything after `read` up to `upto`.
  struct lag {
    std::uint32_t id = 0;
    event_scope scope;
    domain::seq read = 0, upto = 0;
  };
  // What there is to do for a stream.
  struct taken {
    std::optional<lag> behind; // then nothing else is taken
    std::vector<part> events;
    std::vector<std::shared_ptr<const std::string>> volatile_texts;
    bool empty() const { return !behind && events.empty() && volatile_texts.empty(); }
  };

  // One client's side. The feed outlives it.
  class stream : public std::enable_shared_from_this<stream> {
  public:
    ~stream();
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    // Follows under this id, never used before, from the event after `after` on. What has been
    // published by now has to be read from the journal: see `lag`.
    void follow(std::uint32_t id, const event_scope& scope, domain::seq after);
    // False when there is none of this id.
    bool unfollow(std::uint32_t id);

    // It has read the journal so far (or, by a snapshot, knows all up to there); true: it is live
    // now.
    bool caught_up(std::uint32_t id, domain::seq read);

    // A subscription that is not live, or else what those have that are, about so many bytes at
    // most.
    taken take(std::size_t bytes_max);
    // Whether it was cut off: nothing more comes.
    bool cut() const;
    // To be called when what was woken has been looked at: the next thing wakes again.
    void rearm() { woken_ = false; }

  private:
    friend class feed;
    stream(feed& from, std::function<void()> wake) : feed_(from), wake_(std::move(wake)) {}
    bool to_wake() { return !woken_.exchange(true); }
    std::optional<lag> next_lag();

    feed& feed_;
    std::function<void()> wake_;
    std::atomic<bool> woken_ = false;
    // The rest under the feed's mutex.
    std::map<std::uint32_t, std::unique_ptr<subscription>> subscriptions_;
    std::uint32_t last_taken_ = 0;  // whose turn it was: the next one is first
    bool lag_turn_ = true;          // those that are behind and those that are live take turns
    std::size_t untaken_bytes_ = 0; // published and not taken, by those that are live
    std::size_t stalled_bytes_ = 0; // published for the others since one of them has read
    bool cut_ = false;
  };

  // `wake` is called from any thread, once until `rearm`.
  std::shared_ptr<stream> open(std::function<void()> wake);

  // Whether somebody would get an event of this batch.
  bool wanted(const domain::batch_id& batch, const std::string& owner) const;
  std::uint64_t streams() const { return streams_; } // open ones

  // To be called before it is asked what is wanted: whoever comes from now on reads everything up
  // to there from the journal.
  void reach(domain::seq last);
  // In order of seq; what is not among the events up to `last` is wanted by nobody.
  void publish(std::span<const event_text> events, domain::seq last, clock::time_point now);
  // Something up to `last` may not have been published: whoever follows reads it from the journal.
  void reset(domain::seq last);
  domain::seq last_seq() const;

  // Nothing volatile is known of this batch any more.
  void drop_volatiles(const domain::batch_id& batch, const std::string& owner);
  // The newest text of this name about a batch; null: there is none any more.
  void set_volatile(const domain::batch_id& batch, const std::string& owner,
                    const std::string& name, std::shared_ptr<const std::string> text);

  std::uint64_t streams_cut() const { return streams_cut_; }

private:
  using topic_name = std::string;

  // A piece's number in its topic rises by one.
  struct topic {
    event_scope scope;
    struct kept_piece {
      std::shared_ptr<const piece> what;
      std::size_t takers = 0; // who have yet to take it
    };
    std::deque<kept_piece> pieces;
    std::uint64_t first = 0; // number of the first of them
    std::uint64_t end() const { return first + pieces.size(); }
    std::vector<subscription*> subscriptions;
    struct volatile_text {
      std::uint64_t version = 0;
      std::shared_ptr<const std::string> text;
    };
    std::map<std::string, volatile_text> volatiles; // by batch and name
    std::uint64_t version = 0;                      // of the newest
  };
  struct subscription {
    stream* of = nullptr;
    std::uint32_t id = 0;
    topic* on = nullptr;
    std::uint64_t next = 0;     // number of the piece to take next
    domain::seq read = 0;       // what the client knows
    domain::seq upto = 0;       // of the journal to be read, while not live
    std::size_t kept_bytes = 0; // of the pieces from `next` on, while not live
    std::uint64_t version_taken = 0;
    bool live = false;
  };

  static topic_name name_of(const event_scope& scope);
  std::vector<topic_name> topics_of(const domain::batch_id& batch, const std::string& owner) const;
  void leave(subscription& s);
  void cut_off(stream& who);
  using wake_list = std::vector<std::shared_ptr<stream>>;
  void add(topic& to, std::shared_ptr<const piece> what, wake_list& woken);
  static void note(stream& who, wake_list& woken);
  static void pass_over(subscription& s, std::uint64_t to);
  static void take_from(subscription& s, std::size_t bytes_max, std::size_t& bytes, taken& out);

  mutable std::mutex mutex_;
  std::map<topic_name, topic> topics_;
  domain::seq last_seq_ = 0;
  std::atomic<std::uint64_t> streams_ = 0, streams_cut_ = 0;
};

} // namespace darkroom::http
