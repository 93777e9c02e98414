// The links that are up, and who may have one. From any thread.
#pragma once

#include "actors/cluster/link_hello.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace darkroom::actors {

// One link, from the greeting to its end.
struct link_facts {
  std::string name;    // of its certificate
  std::string serial;  // of it
  std::string address; // of its machine
  link_hello hello;
  std::string token;
  std::atomic<bool> joined = false;                       // its actors as well
  std::atomic<std::uint64_t> bytes_in = 0, bytes_out = 0; // without encryption
  std::function<void()> cut;                              // ends it; from any thread
};

class link_table {
public:
  // `version`, `formats`: of the server, which a worker's must equal.
  link_table(std::string version, std::string formats)
      : version_(std::move(version)), formats_(std::move(formats)) {}

  // Enters it, or says why not. An older link of the same worker gives way.
  std::optional<link_answer> refuse(const std::shared_ptr<link_facts>& link);
  void remove(const std::shared_ptr<link_facts>& link);

  // By its token; null when there is none (any more).
  std::shared_ptr<link_facts> find(const std::string& token) const;
  std::vector<std::shared_ptr<link_facts>> all() const;
  void cut(const std::string& name);

  // A node that has lied: cut, and not let in again until it is forgiven.
  void isolate(const std::string& name, const std::string& reason);
  void forgive(const std::string& name);
  std::map<std::string, std::string> isolated() const; // why, by name

private:
  std::shared_ptr<link_facts> of_name(const std::string& name) const;

  const std::string version_, formats_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<link_facts>> by_token_;
  std::map<std::string, std::string> isolated_;
};

} // namespace darkroom::actors
