#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace darkroom::actors {

// Errors of a link's sockets are awaited as values: `auto [error, n] = co_await …(…, as_result)`.
inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

} // namespace darkroom::actors
