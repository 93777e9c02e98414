#include "actors/cluster/link_table.hpp"

#include "actors/cluster/limits.hpp"

#include <algorithm>

namespace darkroom::actors {

std::shared_ptr<link_facts> link_table::of_name(const std::string& name) const {
  for (const auto& [token, link] : by_token_)
    if (link->name == name) return link;
  return nullptr;
}

std::optional<link_answer> link_table::refuse(const std::shared_ptr<link_facts>& link) {
  const auto no = [](std::string code, std::string text) {
    link_answer answer;
    answer.refused = std::move(code);
    answer.text = std::move(text);
    return answer;
  };
  const auto& hello = link->hello;
  if (hello.protocol != link_protocol)
    return no("protocol_mismatch", "this worker is Darkroom " + hello.version + ", the server " +
                                       version_ + "; install the server's version here");
  if (hello.version != version_)
    return no("version_mismatch", "this worker is Darkroom " + hello.version + ", the server " +
                                      version_ + "; install the same version on both");
  if (hello.formats != formats_)
    return no("formats_mismatch", "this worker knows the formats " + hello.formats +
                                      ", the server " + formats_ +
                                      "; install the same build on both");
  std::shared_ptr<link_facts> older;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = isolated_.find(link->name); at != isolated_.end())
      return no("isolated", "the server does not trust this node: " + at->second +
                                "; an admin lets it in again with uncordon");
    if (by_token_.size() >= limits::nodes_max)
      return no("too_many_nodes", "the server has " + std::to_string(by_token_.size()) +
                                      " workers already, which is all that it takes");
    older = of_name(link->name);
    if (older && older->hello.machine != hello.machine)
      return no("name_taken", "another worker with the certificate of " + link->name +
                                  " is joined, from " + older->address +
                                  "; issue one certificate for each machine");
    // An actor system drops a second handshake of a node that it still knows.
    for (const auto& [token, other] : by_token_)
      if (other->hello.actor_node == hello.actor_node)
        return no("identity_taken", "the server still knows this process; try again as another");
    by_token_[link->token] = link;
  }
  if (older) older->cut();
  return std::nullopt;
}

void link_table::remove(const std::shared_ptr<link_facts>& link) {
  const std::lock_guard lock(mutex_);
  const auto at = by_token_.find(link->token);
  if (at != by_token_.end() && at->second == link) by_token_.erase(at);
}

std::shared_ptr<link_facts> link_table::find(const std::string& token) const {
  const std::lock_guard lock(mutex_);
  const auto at = by_token_.find(token);
  return at == by_token_.end() ? nullptr : at->second;
}

std::vector<std::shared_ptr<link_facts>> link_table::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<link_facts>> links;
  links.reserve(by_token_.size());
  for (const auto& [token, link] : by_token_)
    links.push_back(link);
  return links;
}

void link_table::cut(const std::string& name) {
  for (const auto& link : all())
    if (link->name == name) link->cut();
}

void link_table::isolate(const std::string& name, const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    isolated_[name] = reason;
  }
  cut(name);
}

void link_table::forgive(const std::string& name) {
  const std::lock_guard lock(mutex_);
  isolated_.erase(name);
}

std::map<std::string, std::string> link_table::isolated() const {
  const std::lock_guard lock(mutex_);
  return isolated_;
}

} // namespace darkroom::actors
