// One client of `text/event-stream` (HTML standard, section 9.2): the events of a batch. What has a
// seq has it as its id; what is volatile has none.
#pragma once

#include "http/event_stream.hpp"
#include "http/services.hpp"

namespace darkroom::http {

class sse_session {
public:
  // The services outlive it.
  sse_session(services& s, identity who, event_scope scope, domain::seq after)
      : s_(s), who_(std::move(who)), scope_(std::move(scope)), after_(after) {}

  // Writes until the client, its token or the server ends.
  task<bool> run(body_writer& out);

private:
  static void add(std::string& to, const feed::part& events);
  static void add(std::string& to, const feed::taken& taken);

  services& s_;
  identity who_;
  event_scope scope_;
  domain::seq after_;
  std::shared_ptr<event_stream> stream_;
};

} // namespace darkroom::http
