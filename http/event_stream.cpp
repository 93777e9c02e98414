#include "http/event_stream.hpp"

#include "base/clock.hpp"
#include "http/blocking.hpp"
#include "http/event_views.hpp"
#include "http/limits.hpp"
#include "http/services.hpp"

#include <boost/asio/as_tuple.hpp>

namespace darkroom::http {

namespace asio = boost::asio;

event_stream::event_stream(services& s, const asio::any_io_executor& on, identity who,
                           std::function<void()> on_end)
    : s_(s), who_(std::move(who)), on_(on), timer_(on), expiry_(on), on_end_(std::move(on_end)) {}

std::shared_ptr<event_stream> event_stream::open(services& s, const asio::any_io_executor& on,
                                                 identity who, std::function<void()> on_end) {
  std::shared_ptr<event_stream> made(new event_stream(s, on, std::move(who), std::move(on_end)));
  made->events_ = s.events.open([weak = made->weak_from_this(), on] {
    asio::post(on, [weak] {
      if (const auto self = weak.lock()) self->wake();
    });
  });
  s.streams.add(made);
  // Ended since it was asked for: whoever ends tokens, or all of them, looks for streams
  // afterwards.
  if (!s.identities.usable(made->who_)) made->ending_ = stream_ending::token_ended;
  if (s.draining) made->ending_ = stream_ending::shutdown;
  made->watch_expiry();
  return made;
}

void event_stream::watch_expiry() {
  if (who_.expires_us == 0) return;
  const auto left_us = who_.expires_us - base::unix_now_us();
  if (left_us <= 0) return finish(stream_ending::token_ended);
  // A timer counts nanoseconds, and tokens may live for centuries.
  constexpr std::int64_t most_us = std::int64_t{24} * 3'600 * 1'000'000;
  expiry_.expires_after(std::chrono::microseconds(std::min(left_us, most_us)));
  expiry_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = error ? nullptr : weak.lock();
    if (self) self->watch_expiry();
  });
}

void event_stream::wake() {
  events_->rearm();
  if (events_->cut()) finish(stream_ending::too_slow);
  awake_ = true;
  if (resume_) std::exchange(resume_, nullptr)();
}

void event_stream::finish(stream_ending why) {
  if (ending_ != stream_ending::none) return;
  ending_ = why;
  if (on_end_) on_end_();
  awake_ = true;
  if (resume_) std::exchange(resume_, nullptr)();
}

void event_stream::end(stream_ending why) {
  asio::post(on_, [weak = weak_from_this(), why] {
    if (const auto self = weak.lock()) self->finish(why);
  });
}

task<void> event_stream::wait() {
  if (!awake_) {
    const auto suspend = [this](auto handler) {
      auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
      resume_ = [waiting] { (*waiting)(); };
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(suspend,
                                                                         asio::use_awaitable);
  }
  awake_ = false;
}

task<bool> event_stream::wait(std::chrono::milliseconds most) {
  const auto round = ++round_; // the timer may come when something else has
  late_ = false;
  timer_.expires_after(most);
  timer_.async_wait([weak = weak_from_this(), round](const boost::system::error_code& error) {
    const auto self = error ? nullptr : weak.lock();
    if (!self || self->round_ != round || !self->resume_) return;
    self->late_ = true;
    std::exchange(self->resume_, nullptr)();
  });
  co_await wait();
  ++round_;
  timer_.cancel();
  co_return !late_;
}

namespace {

std::optional<event_stream::page> page_of(const std::shared_ptr<const persistence::read_view>& from,
                                          const feed::lag& lag) {
  const auto run = from->events_between(lag.scope, lag.read, lag.upto, limits::feed_page_events,
                                        limits::feed_message_bytes / 2);
  if (!run) return std::nullopt;
  const auto piece = std::make_shared<feed::piece>();
  for (const auto& e : run->events)
    piece->add(e.seq, event_json(e, from));
  return event_stream::page{{run->events.empty() ? nullptr : piece, 0}, run->read};
}

} // namespace

task<std::optional<event_stream::page>> event_stream::read_missed(const feed::lag& lag) {
  const auto journal = journal_of(s_);
  if (!journal) co_return std::nullopt;
  const auto read = [&journal, &lag] { return page_of(journal, lag); };
  co_return co_await run_blocking(s_.blocking, read);
}

} // namespace darkroom::http
