#include "http/tickets.hpp"

#include "http/limits.hpp"
#include "http/request_id.hpp"

#include <algorithm>
#include <ranges>

namespace darkroom::http {

namespace {
constexpr std::size_t ticket_bytes = 24;
}

void ticket_office::drop_old(std::int64_t now_us) {
  std::erase_if(tickets_, [&](const auto& one) { return one.second.ends_us <= now_us; });
}

std::optional<std::string> ticket_office::issue(const identity& who, std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  drop_old(now_us);
  const auto own = std::ranges::count_if(tickets_, [&](const auto& one) {
    return one.second.path.empty() && one.second.who.user == who.user;
  });
  if (static_cast<std::size_t>(own) >= limits::tickets_per_user_max) return std::nullopt;
  auto ticket = random_hex(ticket_bytes);
  tickets_[ticket] = {who, now_us + std::int64_t{limits::ticket_ms} * 1'000, {}};
  return ticket;
}

std::optional<identity> ticket_office::redeem(const std::string& ticket, std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  drop_old(now_us);
  const auto found = tickets_.find(ticket);
  if (found == tickets_.end() || !found->second.path.empty()) return std::nullopt;
  auto used = tickets_.extract(found);
  return std::move(used.mapped().who);
}

std::string ticket_office::issue_download(const identity& who, std::string path,
                                          std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  drop_old(now_us);
  const auto is_own = [&](const auto& one) {
    return !one.second.path.empty() && one.second.who.user == who.user;
  };
  if (static_cast<std::size_t>(std::ranges::count_if(tickets_, is_own)) >=
      limits::download_tickets_per_user_max) {
    auto own = tickets_ | std::views::filter(is_own);
    tickets_.erase(std::ranges::min_element(own, {}, [](const auto& one) {
                     return one.second.ends_us;
                   }).base());
  }
  auto ticket = random_hex(ticket_bytes);
  tickets_[ticket] = {who, now_us + std::int64_t{limits::download_ticket_ms} * 1'000,
                      std::move(path)};
  return ticket;
}

std::optional<identity> ticket_office::look_up(const std::string& ticket, std::string_view path,
                                               std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  drop_old(now_us);
  const auto found = tickets_.find(ticket);
  if (found == tickets_.end() || found->second.path != path) return std::nullopt;
  return found->second.who;
}

} // namespace darkroom::http
