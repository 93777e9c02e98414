// A bounded set of connections of which the oldest has to end when another one comes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace darkroom::http {

// Thread-safe. Places may outlive the list.
class eviction_list {
public:
  // At most `most` at once, and `most_per_address` of one address.
  eviction_list(std::size_t most, std::size_t most_per_address);

  // Held by a connection for as long as it is in the list.
  class place {
  public:
    place() = default;
    place(place&& other) noexcept
        : shared_(std::move(other.shared_)), number_(std::exchange(other.number_, 0)) {}
    place& operator=(place&& other) noexcept {
      std::swap(shared_, other.shared_);
      std::swap(number_, other.number_);
      return *this;
    }
    ~place();

  private:
    friend class eviction_list;
    struct entry {
      std::string address;
      std::function<void()> evict;
    };
    struct state {
      std::mutex mutex;
      std::uint64_t next = 1;
      std::map<std::uint64_t, entry> entries; // by age
    };
    place(std::shared_ptr<state> shared, std::uint64_t number)
        : shared_(std::move(shared)), number_(number) {}
    std::shared_ptr<state> shared_;
    std::uint64_t number_ = 0;
  };

  // `evict` is called at most once, from any thread; it must not block, nor enter a list.
  place enter(const std::string& address, std::function<void()> evict);

private:
  std::size_t most_, most_per_address_;
  std::shared_ptr<place::state> shared_ = std::make_shared<place::state>();
};

} // namespace darkroom::http
