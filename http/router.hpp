// Which function answers which request, and what is asked of everybody before: rate limits, who it
// is, which batch it names, and what the audit keeps.
#pragma once

#include "http/route_result.hpp"
#include "http/services.hpp"

namespace darkroom::http {

// One request on its way through a route.
struct call {
  services& s;
  request& rq;
  body_reader& body;
  identity who;
  std::vector<std::string> params; // what stood for {…} in the pattern, in order
  std::string_view action;         // of its route

  // For the audit: the batch that was named, and whose it is.
  std::optional<domain::batch_id> batch;
  std::string owner;
  std::string subject;  // what else was named
  bool audited = false; // the entry was journaled with what was done

  const std::string& param(std::size_t i) const { return params.at(i); }
};

// The batch that a request names, and that the caller may see.
struct named_batch {
  domain::batch_id id;
  actors::usage_board::batch_facts facts;
};

enum class access : std::uint8_t {
  health, // open to everybody, and without limits of rates: a flood must not take the server out
  open,   // to everybody
  user,
  admin,
};

using any_route = std::function<task<route_result>(call&)>;
// Of a pattern whose first parameter is the id of a batch: the router finds it first.
using batch_route = std::function<task<route_result>(call&, const named_batch&)>;

struct route {
  std::string method;
  std::string pattern; // "/v1/batches/{id}/files/{file...}": the last takes the rest
  access needs = access::user;
  // What the audit calls it; empty: only read. A read of somebody else's is kept as well.
  std::string action;
  std::variant<any_route, batch_route> handle;
  // Opened by browsers too, which cannot send headers there: with a ticket.
  enum class browser_use : std::uint8_t { none, feed, download };
  browser_use in_browser = browser_use::none;
  // Names that its query may have, beside `ticket`; any other is refused.
  std::vector<std::string_view> query = {};
};

// All that this server has; `HEAD` is answered wherever `GET` is.
const std::vector<route>& routes();

// Which route a method and the segments of a path lead to.
struct found_route {
  const route* target = nullptr;    // null: none
  std::vector<std::string> params;  // what stood for {…}
  std::vector<std::string> methods; // that the path has, when this one is not among them
};
found_route find_route(std::string_view method, const std::vector<std::string>& segments);

// Whether a refusal of this user gets an entry of the audit: `audit.refusals_per_hour` do. Then
// notes how many before it had none. `about`: who, from where.
bool may_audit_refusal(services& s, const persistence::audit_entry& about);

// The entry of the audit for what this request does; `status` and `outcome` as far as they are
// known.
persistence::audit_entry audit_of(const call& c, unsigned status, std::string_view outcome);

// Answers one request; faults become 500.
task<response> dispatch(services& s, request& rq, body_reader& body);

} // namespace darkroom::http
