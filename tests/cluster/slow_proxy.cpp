#include "slow_proxy.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <deque>
#include <memory>
#include <vector>

namespace darkroom::tests {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using clock = std::chrono::steady_clock;
constexpr auto quietly = asio::as_tuple(asio::use_awaitable);

// One way through the proxy: what was read, and when it is to go on.
struct way {
  way(std::shared_ptr<tcp::socket> reads_from, std::shared_ptr<tcp::socket> writes_to)
      : from(std::move(reads_from)), to(std::move(writes_to)), timer(from->get_executor()) {}
  struct piece {
    clock::time_point due;
    std::vector<char> bytes; // none: the end
  };
  std::shared_ptr<tcp::socket> from, to;
  asio::steady_timer timer; // set off by each new piece
  std::deque<piece> pieces;
};

asio::awaitable<void> read(std::shared_ptr<way> w, slow_wire wire) {
  std::mt19937 dice(1);
  auto last = clock::now();
  while (true) {
    std::vector<char> bytes(16'384);
    const auto [error, n] = co_await w->from->async_read_some(asio::buffer(bytes), quietly);
    bytes.resize(error ? 0 : n);
    const auto span = static_cast<std::uint32_t>(2 * wire.jitter.count() + 1);
    const auto late = wire.delay - wire.jitter + std::chrono::milliseconds(dice() % span);
    last = std::max(last, clock::now() + late);
    w->pieces.push_back({last, std::move(bytes)});
    w->timer.cancel();
    if (error) co_return;
  }
}

asio::awaitable<void> write(std::shared_ptr<way> w) {
  while (true) {
    w->timer.expires_at(w->pieces.empty() ? clock::time_point::max() : w->pieces.front().due);
    co_await w->timer.async_wait(quietly);
    while (!w->pieces.empty() && w->pieces.front().due <= clock::now()) {
      const auto piece = std::move(w->pieces.front());
      w->pieces.pop_front();
      boost::system::error_code ignored;
      if (piece.bytes.empty()) {
        w->to->shutdown(tcp::socket::shutdown_both, ignored);
        w->from->shutdown(tcp::socket::shutdown_both, ignored);
        co_return;
      }
      const auto [error, n] =
          co_await asio::async_write(*w->to, asio::buffer(piece.bytes), quietly);
      if (error) {
        w->from->shutdown(tcp::socket::shutdown_both, ignored);
        co_return;
      }
    }
  }
}

asio::awaitable<void> serve(tcp::acceptor door, slow_wire wire) {
  while (true) {
    auto [error, accepted] = co_await door.async_accept(quietly);
    if (error) co_return;
    const auto near = std::make_shared<tcp::socket>(std::move(accepted));
    const auto far = std::make_shared<tcp::socket>(door.get_executor());
    const tcp::endpoint to(asio::ip::address_v4::loopback(), wire.to);
    const auto [refused] = co_await far->async_connect(to, quietly);
    if (refused) continue; // which closes it
    for (const auto& w : {std::make_shared<way>(near, far), std::make_shared<way>(far, near)}) {
      asio::co_spawn(door.get_executor(), read(w, wire), asio::detached);
      asio::co_spawn(door.get_executor(), write(w), asio::detached);
    }
  }
}

} // namespace

slow_proxy::slow_proxy(slow_wire wire) {
  tcp::acceptor door(context_, {asio::ip::address_v4::loopback(), wire.port});
  asio::co_spawn(context_, serve(std::move(door), wire), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

slow_proxy::~slow_proxy() {
  context_.stop();
  thread_.join();
}

} // namespace darkroom::tests
