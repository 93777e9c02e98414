#include "http/event_stream.hpp"

#include "http/blocking.hpp"
#include "http/event_views.hpp"
#include "http/services.hpp"

#include <boost/asio/as_tuple.hpp>

namespace darkroom::http {

namespace asio = boost::asio;

event_stream::event_stream(services& s, const asio::any_io_executor& on, identity who,
                           std::function<void()> on_end)
    : s_(s), who_(std::move(who)), timer_(on), on_end_(std::move(on_end)) {}

std::shared_ptr<event_stream> event_stream::open(services& s, const asio::any_io_executor& on,
                                                 identity who, std::function<void()> on_end) {
  std::shared_ptr<event_stream> made(new event_stream(s, on, std::move(who), std::move(on_end)));
  made->events_ = s.events.open([weak = made->weak_from_this(), on] {
    asio::post(on, [weak] {
      if (const auto self = weak.lock()) self->wake();
    });
  });
  s.streams.add(made);
  // Ended since it was shown: whoever ends a token looks for its streams afterwards.
  if (!s.identities.usable(made->who_)) made->ending_ = stream_ending::token_ended;
  return made;
}

void event_stream::wake() {
  events_->rearm();
  awake_ = true;
  timer_.cancel();
  if (events_->cut()) finish(stream_ending::too_slow);
}

void event_stream::finish(stream_ending why) {
  if (ending_ != stream_ending::none) return;
  ending_ = why;
  awake_ = true;
  timer_.cancel();
  if (on_end_) on_end_();
}

void event_stream::end(stream_ending why) {
  asio::post(timer_.get_executor(), [weak = weak_from_this(), why] {
    if (const auto self = weak.lock()) self->finish(why);
  });
}

stream_ending event_stream::ending() {
  if (who_.expires_us != 0 && now_us() >= who_.expires_us) finish(stream_ending::token_ended);
  return ending_;
}

task<void> event_stream::wait(std::chrono::milliseconds most) {
  if (who_.expires_us != 0) {
    const auto left = std::chrono::microseconds(who_.expires_us - now_us());
    most = std::min(most, std::chrono::ceil<std::chrono::milliseconds>(left));
  }
  if (!awake_ && most.count() > 0) {
    timer_.expires_after(most);
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  awake_ = false;
}

namespace {

std::optional<event_stream::page> page_of(const std::shared_ptr<const persistence::read_view>& from,
                                          const feed::lag& lag) {
  const auto events =
      from->events_between(lag.scope, lag.read, lag.upto, limits::feed_page_events);
  if (!events) return std::nullopt;
  event_stream::page page;
  for (const auto& e : *events)
    page.lines.push_back({e.seq, event_json(e, from)});
  const bool more = events->size() == limits::feed_page_events;
  page.read = more ? events->back().seq : lag.upto;
  return page;
}

} // namespace

task<std::optional<event_stream::page>> event_stream::read_missed(const feed::lag& lag) {
  const auto journal = journal_of(s_);
  if (!journal) co_return std::nullopt;
  const auto read = [&journal, &lag] { return page_of(journal, lag); };
  co_return co_await run_blocking(s_.blocking, read);
}

} // namespace darkroom::http
