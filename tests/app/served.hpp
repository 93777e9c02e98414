// A server as its users run it, on a port of its own.
#pragma once

#include "process.hpp"

#include <string>
#include <vector>

namespace darkroom::tests {

class served {
public:
  // Its data are in `directory`; `more` goes behind the arguments.
  explicit served(const std::string& directory, std::vector<std::string> more = {});
  std::string address() const; // http://HOST:PORT
  std::uint16_t port() const;
  std::string token() const; // of the first admin; empty at later starts
  process& running() { return process_; }

private:
  std::string directory_;
  process process_;
};

// Whether a program is installed.
bool has(const char* program);

} // namespace darkroom::tests
