// All clients that follow the feed: how many each address and user may have, and how they end
// together.
#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"
#include "domain/ids.hpp"
#include "http/problem.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace darkroom::http {

class event_stream;

class stream_registry {
public:
  explicit stream_registry(config::feed_settings allowed) : allowed_(allowed) {}

  // Counts while it lives.
  class place {
  public:
    place(place&& other) noexcept = default;
    place& operator=(place&& other) noexcept = default;

  private:
    friend class stream_registry;
    explicit place(std::shared_ptr<const void> held) : held_(std::move(held)) {}
    std::shared_ptr<const void> held_;
  };
  enum class full : std::uint8_t { address, user, batch };
  base::result<place, full> enter(const std::string& address, const std::string& user);
  // Another one of this user's that follows this batch.
  base::result<place, full> follow(const std::string& user, const domain::batch_id& batch);

  void add(const std::shared_ptr<event_stream>& one);
  void end_of_token(const std::string& token);
  void end_all();

private:
  std::uint64_t count(const std::string& name) const;
  std::vector<std::shared_ptr<event_stream>> open();
  std::shared_ptr<const void> hold(std::vector<std::string> names);

  config::feed_settings allowed_;
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> counts_; // by kind and name
  std::vector<std::weak_ptr<event_stream>> streams_;
  std::size_t forget_at_ = 64;
};

// What a client is told that has too many.
problem full_problem(stream_registry::full what, const config::feed_settings& allowed);

} // namespace darkroom::http
