#include "http/feed_source.hpp"

#include "actors/limits.hpp"
#include "base/clock.hpp"
#include "base/thread_name.hpp"
#include "domain/text.hpp"
#include "http/event_views.hpp"
#include "http/limits.hpp"
#include "http/services.hpp"
#include "http/views.hpp"

#include <algorithm>
#include <spdlog/spdlog.h>

namespace darkroom::http {

namespace {

using std::chrono::milliseconds;

// How long the last words about a batch that has ended can be taken.
constexpr auto last_words = std::chrono::seconds(5);

std::string file_name(domain::file_index file) {
  std::string name = "file ";
  return name.append(std::to_string(file));
}

} // namespace

void feed_source::inbox::put(item one) {
  {
    const std::lock_guard lock(mutex);
    if (const auto* list = std::get_if<event_list>(&one)) events += (*list)->size();
    if (std::holds_alternative<begin_at>(one)) began = true;
    if (events > limits::feed_queue_events_max) {
      // Too many to make text of: who follows reads them from the journal.
      const auto* list = std::get_if<event_list>(&one);
      const auto last = list != nullptr ? (*list)->back().seq : std::get<begin_at>(one).seq;
      std::erase_if(items, [](const item& i) {
        return std::holds_alternative<event_list>(i) || std::holds_alternative<begin_at>(i);
      });
      events = 0;
      one = begin_at{last};
    }
    items.push_back(std::move(one));
  }
  filled.notify_all();
}

feed_source::feed_source(actors::orchestra& actors, feed& to) : actors_(actors), to_(to) {
  actors_.watch({.begin = [in = inbox_](domain::seq from) { in->put(begin_at{from}); },
                 .events =
                     [in = inbox_](event_list events) {
                       if (!events->empty()) in->put(std::move(events));
                     }});
  {
    std::unique_lock lock(inbox_->mutex);
    inbox_->filled.wait_for(lock, milliseconds(limits::ask_ms), [this] { return inbox_->began; });
  }
  thread_ = std::thread([this] {
    base::name_thread("feed");
    run();
  });
}

feed_source::~feed_source() {
  stop();
}

void feed_source::stop() {
  {
    const std::lock_guard lock(inbox_->mutex);
    inbox_->stopping = true;
  }
  inbox_->filled.notify_all();
  if (thread_.joinable()) thread_.join();
}

void feed_source::run() {
  auto next_tick = clock::now();
  while (true) {
    std::deque<inbox::item> items;
    {
      std::unique_lock lock(inbox_->mutex);
      inbox_->filled.wait_for(lock, milliseconds(limits::feed_tick_ms),
                              [this] { return inbox_->stopping || !inbox_->items.empty(); });
      if (inbox_->stopping) return;
      items.swap(inbox_->items);
      inbox_->events = 0;
    }
    try {
      for (const auto& one : items)
        std::visit([this](const auto& what) { handle(what); }, one);
      if (const auto now = clock::now(); now >= next_tick) {
        next_tick = now + milliseconds(limits::feed_tick_ms);
        tick(now);
      }
    } catch (const std::exception& e) {
      // What could not become text is in the journal.
      spdlog::error("fault in the feed: {}", domain::printable(e.what()));
      to_.reset(last_of(items).value_or(to_.last_seq()));
    }
  }
}

std::optional<domain::seq> feed_source::last_of(const std::deque<inbox::item>& items) {
  std::optional<domain::seq> last;
  for (const auto& one : items) {
    if (const auto* begin = std::get_if<begin_at>(&one)) last = begin->seq;
    if (const auto* events = std::get_if<event_list>(&one)) last = (*events)->back().seq;
  }
  return last;
}

std::optional<std::string> feed_source::owner_of(const domain::batch_id& batch) const {
  const auto facts = actors_.usage().find(batch);
  return facts ? std::optional{facts->owner} : std::nullopt;
}

void feed_source::handle(const begin_at& begin) {
  to_.reset(begin.seq);
}

void feed_source::handle(const event_list& events) {
  std::vector<event_text> texts;
  std::shared_ptr<const persistence::read_view> journal;
  to_.reach(events->back().seq);
  for (const auto& e : *events) {
    if (std::holds_alternative<domain::batch_deleted>(e.fact)) forget(e.batch, e.owner);
    if (!to_.wanted(e.batch, e.owner)) continue;
    changed_[e.batch] = e.owner;
    if (!journal) journal = actors_.view();
    texts.push_back({e.seq, e.batch, e.owner, event_json(e, journal)});
  }
  to_.publish(texts, events->back().seq, clock::now());
}

void feed_source::tick(clock::time_point now) {
  if (to_.streams() == 0) {
    changed_.clear();
    asked_.clear();
    files_told_.clear();
    places_told_.clear();
    nodes_told_.clear();
    return;
  }
  tell_files();
  tell_nodes();
  ask_batches(now);
  ask_queue(now);
  forget_ended(now);
}

void feed_source::tell_files() {
  const auto slots = actors_.board().read();
  files_told_.resize(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto& slot = slots[i];
    auto& told = files_told_[i];
    told_file now;
    if (!slot.path.empty() && slot.batch != domain::batch_id{}) { // not a preview
      const auto owner = owner_of(slot.batch);
      if (owner && to_.wanted(slot.batch, *owner))
        now = {slot.batch, *owner, slot.file, slot.progress};
    }
    if (now == told) continue;
    if (now.batch != told.batch || now.file != told.file)
      to_.set_volatile(told.batch, told.owner, file_name(told.file), nullptr);
    told = std::move(now);
    if (told.batch == domain::batch_id{}) continue;
    to_.set_volatile(
        told.batch, told.owner, file_name(told.file),
        std::make_shared<const std::string>(file_progress_json(slot, base::unix_now_us())));
    if (!asked_.contains(told.batch)) changed_[told.batch] = told.owner; // somebody new follows
  }
}

// For those who follow everything, which only admins may.
void feed_source::tell_nodes() {
  if (!to_.wanted({}, {})) return nodes_told_.clear();
  for (const auto& node : actors_.nodes().read()) {
    const auto now = std::string{node.state()} + ' ' + std::to_string(node.times_lost);
    auto& told = nodes_told_[node.name];
    if (told == now) continue;
    told = now;
    to_.set_volatile({}, {}, "node " + node.name,
                     std::make_shared<const std::string>(node_json(node, base::unix_now_us())));
  }
}

void feed_source::ask_batches(clock::time_point now) {
  // While something runs, the time that is left changes also without events.
  for (const auto& told : files_told_) {
    const auto asked = asked_.find(told.batch);
    if (asked != asked_.end() &&
        now - asked->second >= milliseconds(limits::batch_progress_quiet_ms))
      changed_[told.batch] = told.owner;
  }
  // Each in its turn, should there be too many at a time.
  auto at = changed_.upper_bound(asked_last_);
  for (std::size_t left = changed_.size(); left != 0; --left) {
    if (asking_.size() >= limits::batch_progress_asks_max) return;
    if (at == changed_.end()) at = changed_.begin();
    const auto [batch, owner] = *at;
    const auto asked = asked_.find(batch);
    const bool soon =
        asked != asked_.end() && now - asked->second < milliseconds(limits::batch_progress_ms);
    if (soon || asking_.contains(batch)) {
      ++at;
      continue;
    }
    at = changed_.erase(at);
    if (!to_.wanted(batch, owner)) {
      asked_.erase(batch);
      continue;
    }
    asked_last_ = batch;
    asked_[batch] = now;
    asking_[batch] = owner;
    actors_.ask(actors::describe_batch{batch, {}}, [in = inbox_, batch](actors::batch_view view) {
      view.summary.id = batch; // also when there is no such batch
      in->put(std::move(view));
    });
  }
}

void feed_source::handle(const actors::batch_view& view) {
  const auto asked = asking_.extract(view.summary.id);
  if (asked.empty()) return; // it was deleted meanwhile
  const auto& batch = asked.key();
  const auto& owner = asked.mapped();
  if (!view.found || view.summary.phase == domain::batch_phase::deleted)
    return forget(batch, owner);
  auto shown = view;
  const auto place = places_told_.find(batch);
  if (is_waiting(view.summary) && place != places_told_.end())
    shown.waiting_for = place->second.reason;
  to_.set_volatile(
      batch, owner, "batch",
      std::make_shared<const std::string>(batch_progress_json(shown, base::unix_now_us())));
  if (domain::is_terminal(view.summary.phase))
    ended_.push_back({clock::now() + last_words, batch, owner});
}

void feed_source::forget(const domain::batch_id& batch, const std::string& owner) {
  changed_.erase(batch);
  asking_.erase(batch);
  asked_.erase(batch);
  places_told_.erase(batch);
  to_.drop_volatiles(batch, owner);
}

void feed_source::forget_ended(clock::time_point now) {
  while (!ended_.empty() && ended_.front().forget_at <= now) {
    forget(ended_.front().batch, ended_.front().owner);
    ended_.pop_front();
  }
}

void feed_source::ask_queue(clock::time_point now) {
  if (now - queue_asked_ < milliseconds(limits::queue_position_ms)) return;
  queue_asked_ = now;
  actors_.ask(actors::describe_queue{},
              [in = inbox_](actors::queue_view view) { in->put(std::move(view)); });
}

void feed_source::handle(const actors::queue_view& view) {
  std::map<domain::batch_id, told_place> told;
  for (const auto& place : view.places) {
    const auto owner = owner_of(place.batch);
    if (!owner || !to_.wanted(place.batch, *owner)) continue;
    const told_place now{*owner, place.ahead, place.reason};
    told[place.batch] = now;
    const auto before = places_told_.find(place.batch);
    if (before != places_told_.end() && before->second == now) continue;
    to_.set_volatile(
        place.batch, *owner, "queue",
        std::make_shared<const std::string>(queue_position_json(place, base::unix_now_us())));
  }
  for (const auto& [batch, place] : places_told_)
    if (!told.contains(batch)) to_.set_volatile(batch, place.owner, "queue", nullptr);
  places_told_ = std::move(told);
}

} // namespace darkroom::http
