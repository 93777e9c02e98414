// A wire that takes its time: forwards TCP, every piece later by a delay that varies, in order.
#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <random>
#include <thread>

namespace darkroom::tests {

struct slow_wire {
  unsigned short port = 0, to = 0; // both on 127.0.0.1
  std::chrono::milliseconds delay{}, jitter{};
};

class slow_proxy {
public:
  explicit slow_proxy(slow_wire wire);
  ~slow_proxy(); // cuts what goes through it

private:
  boost::asio::io_context context_{1};
  std::thread thread_; // in the network of who made it
};

} // namespace darkroom::tests
