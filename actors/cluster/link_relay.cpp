#include "actors/cluster/link_relay.hpp"

#include "actors/cluster/as_result.hpp"
#include "actors/cluster/limits.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>

#include <netinet/tcp.h>
#include <span>
#include <utility>
#include <vector>

namespace darkroom::actors {

namespace asio = boost::asio;

namespace {

// `look`: replaces what came by what goes on, kept in `passed`; false: the end.
template<class From, class To, class Look>
asio::awaitable<void> carry(From& from, To& to, std::atomic<std::uint64_t>* count, Look look) {
  std::vector<char> buffer(limits::link_buffer_bytes), passed;
  while (true) {
    const auto into = asio::buffer(buffer);
    auto [read_error, n] = co_await from.async_read_some(into, as_result);
    if (read_error) co_return;
    if (count != nullptr) count->fetch_add(n, std::memory_order_relaxed);
    auto going = std::span<const char>(buffer).first(n);
    if (!look(going, passed)) co_return;
    const auto what = asio::buffer(going.data(), going.size());
    auto [write_error, written] = co_await asio::async_write(to, what, as_result);
    if (write_error) co_return;
  }
}

} // namespace

asio::awaitable<void> link_relay::inward() {
  const auto self = shared_from_this();
  const auto look = [this](std::span<const char>& bytes, std::vector<char>& passed) {
    if (!gate_) return true;
    passed.clear();
    const auto ok = gate_->pass(bytes, passed);
    if (!ok && refused_) std::exchange(refused_, nullptr)(ok.error());
    bytes = passed;
    return ok.has_value();
  };
  co_await carry(*network_, actors_, count_.in, look);
  stop();
}

asio::awaitable<void> link_relay::outward() {
  const auto self = shared_from_this();
  const auto look = [](std::span<const char>&, std::vector<char>&) { return true; };
  co_await carry(actors_, *network_, count_.out, look);
  stop();
}

void link_relay::guard(basp_gate gate, std::function<void(const std::string&)> refused) {
  gate_ = std::move(gate);
  refused_ = std::move(refused);
}

void link_relay::start(std::function<void()> ended) {
  ended_ = std::move(ended);
  const auto on = network_->get_executor();
  asio::co_spawn(on, inward(), asio::detached);
  asio::co_spawn(on, outward(), asio::detached);
}

void link_relay::stop() {
  boost::system::error_code ignored;
  network_->lowest_layer().close(ignored);
  actors_.close(ignored);
  if (const auto ended = std::exchange(ended_, nullptr)) ended();
}

void tune(asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  // Bytes that nobody takes must not gather for minutes in the kernel.
  const unsigned most_ms = limits::link_unacknowledged_ms;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &most_ms, sizeof most_ms);
}

asio::awaitable<std::string> read_greeting(link_stream& from, boost::system::error_code& error) {
  std::string text;
  // Byte by byte: what follows belongs to the actors. It is a few hundred bytes, once.
  while (text.size() < limits::link_hello_bytes_max) {
    char next = 0;
    const auto into = asio::buffer(&next, 1);
    auto [failed, n] = co_await from.async_read_some(into, as_result);
    if (failed) {
      error = failed;
      co_return std::string{};
    }
    text += next;
    if (text.ends_with("\n\n")) co_return text;
  }
  co_return std::string{};
}

} // namespace darkroom::actors
