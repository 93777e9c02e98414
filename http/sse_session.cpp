#include "http/sse_session.hpp"

#include "actors/limits.hpp"
#include "http/limits.hpp"

namespace darkroom::http {

using std::chrono::milliseconds;

namespace {

constexpr std::uint32_t only_one = 1; // the id of its one subscription

// The connection, as long as it is ours.
struct connection {
  body_writer* out;
  bool writing;
};

} // namespace

task<bool> sse_session::run(body_writer& out) {
  const auto link = std::make_shared<connection>(connection{&out, false});
  const auto on_end = [link] {
    if (link->writing && link->out != nullptr) link->out->abort();
  };
  stream_ = event_stream::open(s_, out.executor(), who_, on_end);
  out.when_gone([weak = std::weak_ptr(stream_)] {
    if (const auto stream = weak.lock()) stream->end(stream_ending::gone);
  });
  stream_->events().follow(only_one, scope_, after_);
  std::string text = "retry: " + std::to_string(limits::sse_retry_ms) + "\n\n";
  bool alive = true;
  while (alive && stream_->ending() == stream_ending::none) {
    if (!text.empty()) {
      link->writing = true;
      alive = co_await out.write(text);
      link->writing = false;
      text.clear();
      continue;
    }
    const auto taken = stream_->events().take(limits::feed_message_bytes);
    if (taken.behind) {
      const auto page = co_await stream_->read_missed(*taken.behind);
      if (!page) {
        co_await stream_->wait(milliseconds(limits::journal_reopen_ms));
        continue;
      }
      if (page->events.of) add(text, page->events);
      // Whether it is live now makes no difference here: nothing is told to the client of it.
      (void)stream_->events().caught_up(only_one, page->read);
    } else if (!taken.empty()) {
      add(text, taken);
    } else {
      const bool woken = co_await stream_->wait(milliseconds(limits::sse_heartbeat_ms));
      if (!woken) text = ": still here\n\n";
    }
  }
  link->out = nullptr;
  const auto why = stream_->ending();
  stream_.reset();
  co_return alive && (why == stream_ending::shutdown || why == stream_ending::token_ended);
}

void sse_session::add(std::string& to, const feed::part& events) {
  for (auto i = events.first_mark; i < events.of->marks.size(); ++i) {
    to += "id: " + std::to_string(events.of->marks[i].seq) + "\ndata: ";
    to.append(events.event(i)).append("\n\n");
  }
}

void sse_session::add(std::string& to, const feed::taken& taken) {
  for (const auto& part : taken.events)
    add(to, part);
  for (const auto& text : taken.volatile_texts)
    to.append("data: ").append(*text).append("\n\n");
}

} // namespace darkroom::http
