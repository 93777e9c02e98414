#include "actors/draft_expiry.hpp"

#include "actors/orchestra.hpp"
#include "persistence/read_view.hpp"

#include <algorithm>
#include <future>
#include <utility>
#include <variant>
#include <vector>

namespace darkroom::actors {

namespace {

command_outcome delete_draft(orchestra& actors, const persistence::batch_summary& draft,
                             std::int64_t now_us) {
  batch_request request;
  request.batch = draft.id;
  request.command = domain::delete_batch{true};
  request.if_unchanged = draft.seq; // not one that was started or got files meanwhile
  persistence::audit_entry entry;
  entry.time_us = now_us;
  entry.role = persistence::role::admin;
  entry.action = "batch.expire";
  entry.batch = draft.id;
  entry.owner = draft.owner;
  entry.status = 202;
  entry.outcome = "ok";
  request.audit = std::move(entry);
  const auto answered = std::make_shared<std::promise<command_outcome>>();
  actors.ask(std::move(request),
             [answered](command_outcome outcome) { answered->set_value(std::move(outcome)); });
  return answered->get_future().get();
}

} // namespace

std::size_t delete_expired_drafts(orchestra& actors, std::uint64_t hours, std::int64_t now_us) {
  const auto journal = actors.view();
  if (!journal) return 0; // the next look finds them
  const auto before = now_us - static_cast<std::int64_t>(hours) * 3'600'000'000;
  std::vector<persistence::batch_summary> expired;
  const auto read = journal->each_batch([&](persistence::batch_summary&& batch) {
    if (batch.phase == domain::batch_phase::draft && batch.changed_us <= before)
      expired.push_back(std::move(batch));
    return true;
  });
  if (!read) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(expired, [&](const auto& draft) {
    return std::holds_alternative<accepted>(delete_draft(actors, draft, now_us));
  }));
}

} // namespace darkroom::actors
