// What is known of every machine, for displays and admins: written by the actors, read from any
// thread. A machine that was lost stays on it, and is known again by its name.
#pragma once

#include "actors/lease_messages.hpp"
#include "actors/limits.hpp"
#include "base/clock.hpp"
#include "persistence/access_records.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace darkroom::actors {

struct node_row {
  std::string name;
  bool present = false;
  bool local = false;
  bool cordoned = false;
  bool drains = false;              // cordoned, and to be switched off
  std::string isolated;             // why it is not trusted; empty: it is
  std::string paused;               // why it gets no files for a while; empty: it does
  std::int64_t paused_until_us = 0; // since the Unix epoch
  std::string address;              // of its link
  std::string version;              // of Darkroom
  std::uint32_t slots = 0, leases = 0;
  std::uint64_t memory_bytes = 0, memory_granted_bytes = 0;
  std::int64_t joined_us = 0; // since the Unix epoch; 0: never
  std::int64_t lost_us = 0;   // the last time; 0: never
  std::uint32_t times_lost = 0;
  std::uint64_t round_trip_us = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0; // over all its links, without encryption
  std::uint64_t files_completed = 0, files_failed = 0, files_interrupted = 0;
  std::uint64_t late_results = 0; // of leases that had ended: dropped

  persistence::node_standing standing() const { return {name, cordoned, drains, isolated}; }
  std::string_view state() const {
    if (!isolated.empty()) return "isolated";
    if (!present) return "lost";
    if (drains) return leases == 0 ? "drained" : "draining";
    if (cordoned) return "cordoned";
    return paused.empty() ? "active" : "paused";
  }
};

// Something that admins may want to see at once.
struct node_event {
  std::string what; // joined, lost, isolated, paused, cordoned, uncordoned, draining
  std::string node;
  std::string detail;
};

class node_board {
public:
  void join(const node_row& row) {
    const std::lock_guard lock(mutex_);
    auto& r = rows_[row.name];
    r.name = row.name;
    r.present = true;
    r.local = row.local;
    r.address = row.address;
    r.version = row.version;
    r.slots = row.slots;
    r.memory_bytes = row.memory_bytes;
    r.joined_us = row.joined_us;
    r.leases = 0;
    r.memory_granted_bytes = 0;
    if (!r.local) tell({"joined", r.name, r.address});
  }
  void lose(const std::string& name, std::int64_t now_us, const std::string& why) {
    const std::lock_guard lock(mutex_);
    auto& r = rows_[name];
    r.present = false;
    r.leases = 0;
    r.memory_granted_bytes = 0;
    r.lost_us = now_us;
    r.times_lost += 1;
    tell({"lost", name, why});
  }
  void isolate(const std::string& name, const std::string& why) {
    const std::lock_guard lock(mutex_);
    auto& r = rows_[name];
    r.name = name; // it may have lied before it joined
    r.isolated = why;
    tell({"isolated", name, why});
    if (isolated_) isolated_(r);
  }
  // It gets no files until then. Told once, as long as that goes on.
  void pause(const std::string& name, const std::string& why, std::int64_t now_us,
             std::int64_t until_us) {
    const std::lock_guard lock(mutex_);
    auto& r = rows_[name];
    const bool goes_on =
        r.paused_until_us != 0 && now_us < r.paused_until_us + limits::pause_told_again_us;
    r.paused = why;
    r.paused_until_us = until_us;
    if (!goes_on) tell({"paused", name, why});
  }
  // As an earlier life of the server had decided.
  void restore(const persistence::node_standing& standing) {
    const std::lock_guard lock(mutex_);
    auto& r = rows_[standing.name];
    r.name = standing.name;
    r.cordoned = standing.cordoned;
    r.drains = standing.drains;
    r.isolated = standing.isolated;
  }
  // False when there has never been such a node.
  bool steer(const std::string& name, node_steering how) {
    const std::lock_guard lock(mutex_);
    const auto at = rows_.find(name);
    if (at == rows_.end()) return false;
    auto& r = at->second;
    r.cordoned = how != node_steering::uncordon;
    r.drains = how == node_steering::drain;
    if (how == node_steering::uncordon) r.isolated.clear();
    constexpr const char* names[] = {"cordoned", "uncordoned", "draining"};
    tell({names[static_cast<std::size_t>(how)], name, {}});
    if (steered_) steered_(name, how);
    return true;
  }
  void leased(const std::string& name, std::uint32_t leases, std::uint64_t memory_bytes) {
    const std::lock_guard lock(mutex_);
    auto& r = rows_[name];
    r.leases = leases;
    r.memory_granted_bytes = memory_bytes;
  }
  template<class Change>
  void change(const std::string& name, Change change) {
    const std::lock_guard lock(mutex_);
    change(rows_[name]);
  }
  std::vector<node_row> read(std::int64_t now_us = base::unix_now_us()) const {
    const std::lock_guard lock(mutex_);
    std::vector<node_row> all;
    all.reserve(rows_.size());
    for (const auto& [name, row] : rows_) {
      all.push_back(row);
      if (row.paused_until_us <= now_us) all.back().paused.clear();
    }
    return all;
  }
  // Called within `steer`.
  void when_steered(std::function<void(const std::string&, node_steering)> call) {
    const std::lock_guard lock(mutex_);
    steered_ = std::move(call);
  }
  // Called within `isolate`.
  void when_isolated(std::function<void(const node_row&)> call) {
    const std::lock_guard lock(mutex_);
    isolated_ = std::move(call);
  }
  // Called with each event from then on, from any thread; must not block.
  void listen(std::function<void(const node_event&)> listener) {
    const std::lock_guard lock(mutex_);
    listener_ = std::move(listener);
  }

private:
  void tell(const node_event& event) const {
    if (listener_) listener_(event);
  }

  mutable std::mutex mutex_;
  std::map<std::string, node_row> rows_;
  std::function<void(const node_event&)> listener_;
  std::function<void(const std::string&, node_steering)> steered_;
  std::function<void(const node_row&)> isolated_;
};

} // namespace darkroom::actors
