// What is spoken on `/v1/events`, subprotocol darkroom.v1: a client subscribes to batches, and gets
// what it has missed, then what happens. Every message is one JSON object with an `op`.
//
//   client: subscribe {id, batch | "*", owner?, after?} · unsubscribe {id} · ping {id?}
//   server: hello · events {events} · ok {id, seq} · snapshot {id, seq, …} · unsubscribed {id} ·
//           pong {id?} · error {id?, code, detail} · bye
#pragma once

#include "base/result.hpp"
#include "http/event_stream.hpp"
#include "http/services.hpp"
#include "http/web_socket.hpp"
#include "persistence/access_records.hpp"

#include <boost/json/object.hpp>
#include <deque>

namespace darkroom::http {

inline constexpr std::string_view feed_subprotocol = "darkroom.v1";

class feed_session : public std::enable_shared_from_this<feed_session> {
public:
  // `about`: who asks, as the audit will tell it.
  feed_session(services& s, web_socket& socket, identity who, persistence::audit_entry about);

  // Serves the socket to its end.
  static task<void> serve(std::shared_ptr<feed_session> session);
  // Refuses it, for it is one too many.
  static task<void> refuse(web_socket& socket, const problem& why);

private:
  task<void> run();
  struct subscription {
    std::uint32_t id = 0; // the client's name for it, which may be used again
    event_scope scope;
    std::optional<stream_registry::place> place;
    std::optional<domain::seq> after; // none: the client knows nothing
    enum class state : std::uint8_t { fresh, missed, live };
    state at = state::fresh;
  };
  // By a number of our own, which is never used again: the feed's name for it.
  using subscription_map = std::map<std::uint32_t, subscription>;

  // The reader: what the client says.
  task<void> read_all();
  void on_message(const web_socket::message& message);
  void on_subscribe(const boost::json::object& words);
  void on_unsubscribe(const boost::json::object& words);
  void on_ping(const boost::json::object& words);
  std::optional<std::uint32_t> read_id(const boost::json::object& words, bool needed);
  base::result<event_scope, problem> scope_of(const std::string& batch, const std::string& owner,
                                              bool names_owner);
  bool overlaps(const event_scope& scope) const;
  std::optional<problem> count_refusal();
  void audit(std::string_view outcome, unsigned status, const event_scope& scope,
             const std::string& owner);
  void answer(boost::json::object words);
  void answer_error(const boost::json::object& asked, const problem& why);
  void close_with(std::uint16_t code, std::string reason);

  // The writer: what it gets.
  task<void> write_all(std::shared_ptr<feed_session> self); // which lives as long
  task<bool> write_answers();
  task<bool> write_missed(const feed::lag& lag);
  task<bool> write_events(const feed::taken& taken);
  task<std::optional<bool>> missed_too_much(const feed::lag& lag);
  task<bool> write_snapshot(const feed::lag& lag);
  task<bool> write_text(const std::string& text);
  task<std::optional<boost::json::object>> snapshot_of(const feed::lag& lag);
  subscription* find(std::uint32_t number);
  subscription_map::iterator of_client(std::uint32_t id);
  void caught_up(std::uint32_t number, domain::seq read);
  task<void> say_goodbye();
  task<bool> write_next();
  void fault(const char* what);

  // Gives the writer a moment for what it is writing, which may never be taken.
  void hurry();

  services& s_;
  web_socket& socket_;
  identity who_;
  persistence::audit_entry about_;
  std::shared_ptr<event_stream> stream_;
  subscription_map subscriptions_;
  std::uint32_t last_number_ = 0;
  std::deque<std::string> answers_;
  boost::asio::steady_timer written_; // rung when answers were written, and when the writer ends
  boost::asio::steady_timer linger_;
  bool writing_ = true, reading_ = true;
  std::optional<std::pair<std::uint16_t, std::string>> closing_;
};

} // namespace darkroom::http
