#include "http/actor_gateway.hpp"

#include "http/blocking.hpp"

#include <boost/asio/as_tuple.hpp>

#include <set>

namespace darkroom::http {

namespace asio = boost::asio;

actor_gateway::actor_gateway(actors::orchestra& actors) : actors_(actors) {
  actors_.watch({.begin = [bell = bell_](domain::seq) { bell->ring(nullptr); },
                 .events = [bell = bell_](const auto& events) { bell->ring(events.get()); }});
}

void actor_gateway::bell::ring(const std::vector<persistence::journaled_event>* events) {
  std::set<domain::batch_id> changed;
  if (events != nullptr)
    for (const auto& e : *events)
      changed.insert(e.batch);
  const std::lock_guard lock(mutex);
  std::erase_if(waiting, [&](const auto& entry) {
    const auto one = entry.second.lock();
    if (!one) return true;
    if (events != nullptr && !changed.contains(entry.first)) return false;
    asio::post(one->timer_.get_executor(), [one] {
      one->rung_ = true;
      one->timer_.cancel();
    });
    return true;
  });
}

void actor_gateway::ring_all() {
  bell_->ring(nullptr);
}

std::shared_ptr<actor_gateway::waiter> actor_gateway::wait_for(const domain::batch_id& batch,
                                                               const asio::any_io_executor& on) {
  auto made = std::make_shared<waiter>(on);
  const std::lock_guard lock(bell_->mutex);
  if (bell_->waiting.size() >= bell_->forget_at) { // of those who have gone
    std::erase_if(bell_->waiting, [](const auto& entry) { return entry.second.expired(); });
    bell_->forget_at = std::max<std::size_t>(64, 2 * bell_->waiting.size());
  }
  bell_->waiting.emplace(batch, made);
  return made;
}

task<void> actor_gateway::waiter::wait(std::chrono::milliseconds most) {
  if (rung_) co_return;
  timer_.expires_after(most);
  co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

// None of these is a coroutine, and none takes an aggregate by value: GCC 12 destroys such
// temporaries of a `co_await` expression twice.

task<actors::command_outcome> actor_gateway::ask(actors::batch_request&& request) {
  return await_callback<actors::command_outcome>(
      [this, request = std::move(request)](auto then) { actors_.ask(request, std::move(then)); });
}

task<actors::files_outcome> actor_gateway::ask(actors::add_files_request&& request) {
  return await_callback<actors::files_outcome>(
      [this, request = std::move(request)](auto then) { actors_.ask(request, std::move(then)); });
}

task<actors::batch_view> actor_gateway::ask(const actors::describe_batch& request) {
  return await_callback<actors::batch_view>(
      [this, request](auto then) { actors_.ask(request, std::move(then)); });
}

task<actors::batch_waits> actor_gateway::ask(actors::describe_waits&& request) {
  return await_callback<actors::batch_waits>(
      [this, request = std::move(request)](auto then) { actors_.ask(request, std::move(then)); });
}

task<bool> actor_gateway::keep(std::vector<persistence::access_record>&& records) {
  return await_callback<bool>(
      [this, records = std::move(records)](auto then) { actors_.keep(records, std::move(then)); });
}

task<actors::preview> actor_gateway::look(actors::preview_order&& order) {
  return await_callback<actors::preview>(
      [this, order = std::move(order)](auto then) { actors_.look(order, std::move(then)); });
}

task<std::vector<codecs::result<codecs::image_info>>>
actor_gateway::read_headers(std::string owner, std::vector<domain::file_entry> files) {
  return await_callback<std::vector<codecs::result<codecs::image_info>>>(
      [this, owner = std::move(owner), files = std::move(files)](auto then) {
        actors_.read_headers(owner, files, std::move(then));
      });
}

} // namespace darkroom::http
