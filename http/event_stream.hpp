// One client that follows the feed, on the strand of its connection: what it has missed comes from
// the journal, the rest from the feed; it ends when it is too slow, when its token does, or with
// the server.
#pragma once

#include "http/feed.hpp"
#include "http/identity.hpp"
#include "http/message.hpp"

#include <boost/asio/steady_timer.hpp>

namespace darkroom::http {

struct services;

enum class stream_ending : std::uint8_t {
  none,
  too_slow,
  token_ended, // revoked, or expired
  shutdown,
  gone, // the client has left
};

class event_stream : public std::enable_shared_from_this<event_stream> {
public:
  // `on_end` is called once, on the strand, when it ends while the client may not be taking
  // anything.
  static std::shared_ptr<event_stream> open(services& s, const boost::asio::any_io_executor& on,
                                            identity who, std::function<void()> on_end);

  feed::stream& events() { return *events_; }
  const identity& who() const { return who_; }

  // A page of what a subscription has missed, and how far the journal was read with it.
  struct page {
    feed::part events; // of nothing: there were none
    domain::seq read = 0;
  };
  // Nothing while the journal cannot be read; that ends by itself.
  task<std::optional<page>> read_missed(const feed::lag& lag);

  // Until there may be something to do.
  task<void> wait();
  // The same, but no longer than this; false: nothing has come.
  task<bool> wait(std::chrono::milliseconds most);
  // On the strand.
  void wake();
  stream_ending ending() const { return ending_; }
  // From any thread; the first reason counts.
  void end(stream_ending why);

private:
  event_stream(services& s, const boost::asio::any_io_executor& on, identity who,
               std::function<void()> on_end);
  void finish(stream_ending why);
  void watch_expiry();

  services& s_;
  identity who_;
  boost::asio::any_io_executor on_;
  boost::asio::steady_timer timer_, expiry_; // of a wait, and of the token
  std::function<void()> resume_;             // whoever waits
  std::function<void()> on_end_;
  bool awake_ = false;
  std::uint64_t round_ = 0; // of waits with an end
  bool late_ = false;
  stream_ending ending_ = stream_ending::none;
  std::shared_ptr<feed::stream> events_;
};

} // namespace darkroom::http
