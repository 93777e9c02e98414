// Everything that routes use, shared by all connections.
#pragma once

#include "config/settings.hpp"
#include "domain/output_format.hpp"
#include "http/actor_gateway.hpp"
#include "http/backup_runner.hpp"
#include "http/cross_origin.hpp"
#include "http/feed_source.hpp"
#include "http/health_board.hpp"
#include "http/identity.hpp"
#include "http/log_identity.hpp"
#include "http/metrics.hpp"
#include "http/quota.hpp"
#include "http/rate_limiter.hpp"
#include "http/refusal_audit.hpp"
#include "http/stream_registry.hpp"
#include "http/tickets.hpp"
#include "persistence/blob_committer.hpp"
#include "persistence/blob_store.hpp"
#include "persistence/output_store.hpp"
#include "persistence/thumbnail_cache.hpp"

#include <atomic>
#include <set>

namespace boost::asio {
class thread_pool;
}

namespace darkroom::http {

struct preview_format {
  domain::output_spec output; // its resize is not set
  std::string extension;      // without dot
  std::string media_type;
};

// What this room is told of formats: it knows no codecs.
struct format_facts {
  std::vector<domain::output_format> writable;
  std::vector<std::pair<std::string, std::string>> by_extension; // media types
  preview_format preview;                                        // of thumbnails
  std::string json;                                              // GET /v1/formats
  std::string media_type_of_path(const std::string& path) const;
};

// Names of things that only one request at a time may do.
class busy_set {
public:
  class hold {
  public:
    hold(hold&& other) noexcept
        : set_(std::exchange(other.set_, nullptr)), name_(std::move(other.name_)) {}
    hold& operator=(hold&& other) noexcept {
      std::swap(set_, other.set_);
      std::swap(name_, other.name_);
      return *this;
    }
    ~hold();

  private:
    friend class busy_set;
    hold(busy_set& set, std::string name) : set_(&set), name_(std::move(name)) {}
    busy_set* set_;
    std::string name_;
  };
  // Nothing when somebody else holds it.
  std::optional<hold> take(const std::string& name);

private:
  std::mutex mutex_;
  std::set<std::string> names_;
};

// How many bytes lie in memory until they are sent.
class sending_bytes {
public:
  // Counts these bytes until the last copy of what it returns is gone.
  std::shared_ptr<const void> add(std::uint64_t bytes);
  std::uint64_t now() const { return *bytes_; }

private:
  // Shared: a connection may hold its part longer than the services live.
  std::shared_ptr<std::atomic<std::uint64_t>> bytes_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
};

// The id that a request with an idempotency key has chosen for its batch, while it may be repeated
// before the journal knows of it.
class attempted_ids {
public:
  struct attempt {
    domain::batch_id batch;
    bool first = false; // none before it can have made the batch
  };
  attempt attempt_for(const std::string& name, std::int64_t now_us,
                      const std::function<domain::batch_id()>& make);
  std::size_t size() const;

private:
  using attempts_by_name = std::map<std::string, domain::batch_id>;
  mutable std::mutex mutex_;
  attempts_by_name attempts_;
  // The oldest first, also when the clock is set back: each leaves once, however many there are.
  std::multimap<std::int64_t, attempts_by_name::iterator> by_time_;
};

struct services {
  services(const config::settings& s, actors::orchestra& actors, persistence::blob_store& store,
           std::shared_ptr<persistence::output_store> out, boost::asio::thread_pool& pool,
           format_facts known, std::string log_key)
      : settings(s), gateway(actors), blobs(store), committer(store), outputs(std::move(out)),
        backups(store), blocking(pool), formats(std::move(known)), identities(s.auth),
        ip_rate(static_cast<double>(s.rate.ip_per_s), s.rate.ip_burst),
        user_rate(static_cast<double>(s.rate.user_per_s), s.rate.user_burst),
        refusals(s.audit.refusals_per_hour), quotas(s.quota, identities, actors.usage()),
        origins(s.http.allowed_origins), streams(s.feed), source(actors, events),
        log_names(std::move(log_key)) {
    limits_ = std::make_shared<limits_source>();
    limits_->quotas = &quotas;
    limit_users();
  }
  ~services();
  services(const services&) = delete;
  services& operator=(const services&) = delete;

  // Takes what a reload may change. From any thread.
  void reload(const config::settings& s);

  // As they were at the start. What a reload may change (`config::is_reloadable`) is read
  // from what enforces it: `ip_rate`, `user_rate`, `quotas`, `origins`.
  const config::settings settings;
  actor_gateway gateway;
  persistence::blob_store& blobs;
  persistence::blob_committer committer;
  std::shared_ptr<persistence::output_store> outputs;
  backup_runner backups;
  boost::asio::thread_pool& blocking;
  format_facts formats;
  identity_store identities;
  rate_limiter ip_rate, user_rate;
  refusal_audit refusals;
  quota quotas; // reads `identities`
  origin_list origins;
  busy_set uploads, requests; // by batch and path; by user and idempotency key
  attempted_ids attempts;
  edge_metrics metrics;
  feed events;
  stream_registry streams;
  ticket_office tickets;
  feed_source source;
  const log_identity log_names;
  std::shared_ptr<const health_board> probes;               // null: nothing is probed
  std::function<std::uint64_t()> log_lines_dropped;         // null: none can be
  std::shared_ptr<persistence::thumbnail_cache> thumbnails; // null: none are kept
  sending_bytes pictures;                                   // previews and thumbnails
  std::atomic<bool> draining = false;

private:
  void limit_users();
  // What the actors ask for limits of users: either of the two may end first.
  struct limits_source {
    std::mutex mutex;
    const quota* quotas = nullptr;
  };
  std::shared_ptr<limits_source> limits_;
};

// For what may outlast a call: the services themselves outlive every connection.
std::shared_ptr<services> shared_services(services& s);
// The journal for reading; null while it cannot be used.
std::shared_ptr<const persistence::read_view> journal_of(services& s);
// Bytes free where the data is; nothing when that cannot be told.
std::optional<std::uint64_t> free_bytes(const services& s);

// Whether there is a slot that may get files.
bool has_workers(services& s);

} // namespace darkroom::http
