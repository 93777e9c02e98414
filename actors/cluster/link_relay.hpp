// Carries bytes between a link's TLS stream and the Unix socket of the actor system, both ways,
// until either side ends; then it ends both. Runs on the stream's executor.
#pragma once

#include "actors/cluster/basp_gate.hpp"
#include "actors/cluster/link_tls.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace darkroom::actors {

using link_stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

class link_relay : public std::enable_shared_from_this<link_relay> {
public:
  struct counters {
    std::atomic<std::uint64_t>*in = nullptr, *out = nullptr; // of the network
  };
  link_relay(std::shared_ptr<link_stream> network,
             boost::asio::local::stream_protocol::socket actors, counters count,
             std::shared_ptr<const void> keeps)
      : network_(std::move(network)), actors_(std::move(actors)), count_(count),
        keeps_(std::move(keeps)) {}

  // Looks from now on at what comes from the network; `refused` is called once if it is refused.
  void guard(basp_gate gate, std::function<void(const std::string&)> refused);
  // `ended` is called once.
  void start(std::function<void()> ended);
  void stop(); // on the executor

private:
  boost::asio::awaitable<void> inward();
  boost::asio::awaitable<void> outward();

  std::shared_ptr<link_stream> network_;
  boost::asio::local::stream_protocol::socket actors_;
  counters count_;
  std::shared_ptr<const void> keeps_; // what is counted in
  std::optional<basp_gate> gate_;
  std::function<void(const std::string&)> refused_;
  std::function<void()> ended_;
};

// Shared by both sides of a link.
void tune(boost::asio::ip::tcp::socket& socket);
// One text up to an empty line, of at most `link_hello_bytes_max`; empty when there is none.
boost::asio::awaitable<std::string> read_greeting(link_stream& from,
                                                  boost::system::error_code& error);

} // namespace darkroom::actors
