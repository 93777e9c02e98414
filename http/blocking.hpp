// Work that blocks on a disk, done in a few threads of its own, awaited by a connection.
#pragma once

#include "http/message.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>

namespace darkroom::http {

// Starts something that calls back once, from any thread, and waits for it on the connection's own
// strand.
template<class Answer>
task<Answer> await_callback(std::function<void(std::function<void(Answer)>)> start) {
  namespace asio = boost::asio;
  auto answer = std::make_shared<std::optional<Answer>>();
  const auto initiate = [start = std::move(start), answer](auto handler) {
    auto executor = asio::get_associated_executor(handler);
    auto resume = std::make_shared<decltype(handler)>(std::move(handler));
    start([resume, answer, executor, work = asio::make_work_guard(executor)](Answer value) {
      answer->emplace(std::move(value));
      asio::post(executor, [resume] { (*resume)(); });
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(initiate,
                                                                       asio::use_awaitable);
  co_return std::move(**answer);
}

// Runs `work` in the pool; what it throws is thrown here.
template<class Work>
auto run_blocking(boost::asio::thread_pool& pool, Work work) -> task<decltype(work())> {
  using result = decltype(work());
  struct outcome {
    std::optional<result> value;
    std::exception_ptr error;
  };
  // Named, and no closure within the `co_await` expression: GCC 12 would destroy it twice.
  std::function<void(std::function<void(std::shared_ptr<outcome>)>)> start =
      [&pool, work = std::make_shared<Work>(std::move(work))](
          std::function<void(std::shared_ptr<outcome>)> then) {
        boost::asio::post(pool, [work, then = std::move(then)] {
          auto ended = std::make_shared<outcome>();
          try {
            ended->value.emplace((*work)());
          } catch (...) {
            ended->error = std::current_exception();
          }
          then(std::move(ended));
        });
      };
  auto done = co_await await_callback<std::shared_ptr<outcome>>(std::move(start));
  if (done->error) std::rethrow_exception(done->error);
  co_return std::move(*done->value);
}

} // namespace darkroom::http
