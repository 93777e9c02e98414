// Machines and wires, made of network namespaces: the test itself is the server's machine, each
// other one is joined to it by a wire that can be cut, slowed down or made to lose. Everything is
// gone with the test. Needs root.
#pragma once

#include "app/crash_test/child_process.hpp"
#include "tests/support/scratch.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace darkroom::tests {

// Ends the test as skipped where namespaces cannot be made.
void need_namespaces();

class network {
public:
  network(); // from here on, the test has a network of its own
  ~network();
  network(const network&) = delete;
  network& operator=(const network&) = delete;

  // A machine, by number from 1. The server is reached from it at `server_of(number)`.
  void add_machine(int number);
  static std::string server_of(int number) { return "10.77." + std::to_string(number) + ".1"; }
  // A command that runs there.
  std::vector<std::string> on(int number, const std::vector<std::string>& words) const;

  // What the wire does, from now on.
  void cut(int number, bool to_server = true, bool from_server = true);
  void lose(int number, int percent);
  void limit(int number, const std::string& rate); // as tc has it: "1mbit"
  void mend(int number);

private:
  void run(const std::vector<std::string>& words) const;
  std::string wire(int number) const { return "wire" + std::to_string(number); }
  void drop(int number, const std::string& chain, const std::string& match);

  scratch folder_;
  int outside_ = -1; // the namespace that the test came from
  std::map<int, std::unique_ptr<app::child_process>> machines_;
};

} // namespace darkroom::tests
