#include "http/feed.hpp"

#include "http/limits.hpp"

#include <algorithm>
#include <utility>

namespace darkroom::http {

void feed::piece::add(domain::seq seq, std::string_view json) {
  if (!text.empty()) text += ',';
  text += json;
  marks.push_back({seq, text.size()});
}

std::string_view feed::part::text() const {
  const std::string_view all = of->text;
  if (first_mark == 0) return all;
  return all.substr(of->marks[first_mark - 1].end + 1); // and the comma
}

std::string_view feed::part::event(std::size_t mark) const {
  const auto begin = mark == 0 ? 0 : of->marks[mark - 1].end + 1;
  return std::string_view(of->text).substr(begin, of->marks[mark].end - begin);
}

feed::stream::~stream() {
  const std::lock_guard lock(feed_.mutex_);
  for (auto& [id, s] : subscriptions_)
    feed_.leave(*s);
  feed_.streams_ -= 1;
}

void feed::stream::follow(std::uint32_t id, const event_scope& scope, domain::seq after) {
  const std::lock_guard lock(feed_.mutex_);
  if (cut_) return;
  auto& on = feed_.topics_[name_of(scope)];
  on.scope = scope;
  auto s = std::make_unique<subscription>();
  s->of = this;
  s->id = id;
  s->on = &on;
  s->next = on.end();
  s->read = after;
  s->upto = feed_.last_seq_;
  on.subscriptions.push_back(s.get());
  subscriptions_[id] = std::move(s);
}

bool feed::stream::unfollow(std::uint32_t id) {
  const std::lock_guard lock(feed_.mutex_);
  const auto at = subscriptions_.find(id);
  if (at == subscriptions_.end()) return false;
  auto& s = *at->second;
  if (s.live)
    for (auto n = s.next; n < s.on->end(); ++n)
      untaken_bytes_ -= std::min(untaken_bytes_, s.on->pieces[n - s.on->first].what->text.size());
  feed_.leave(s);
  subscriptions_.erase(at);
  return true;
}

std::optional<feed::lag> feed::stream::next_lag() {
  // Whoever was served last comes last.
  subscription* found = nullptr;
  for (auto& [id, s] : subscriptions_)
    if (!s->live && (found == nullptr || (found->id <= last_taken_ && id > last_taken_)))
      found = s.get();
  if (found == nullptr) return std::nullopt;
  last_taken_ = found->id;
  return lag{found->id, found->on->scope, found->read, found->upto};
}

bool feed::stream::caught_up(std::uint32_t id, domain::seq read) {
  const std::lock_guard lock(feed_.mutex_);
  const auto at = subscriptions_.find(id);
  if (at == subscriptions_.end()) return false;
  auto& s = *at->second;
  s.read = std::max(s.read, read);
  stalled_bytes_ = 0;
  if (s.read < s.upto) return false;
  s.live = true;
  untaken_bytes_ += std::exchange(s.kept_bytes, 0);
  return true;
}

bool feed::stream::cut() const {
  const std::lock_guard lock(feed_.mutex_);
  return cut_;
}

feed::taken feed::stream::take(std::size_t bytes_max) {
  taken out;
  const std::lock_guard lock(feed_.mutex_);
  if (std::exchange(lag_turn_, !lag_turn_)) out.behind = next_lag();
  if (out.behind) return out;
  std::size_t bytes = 0;
  // Each in its turn, so that a busy batch does not keep a quiet one from being told.
  auto at = subscriptions_.upper_bound(last_taken_);
  for (std::size_t i = 0; i < subscriptions_.size() && bytes < bytes_max; ++i, ++at) {
    if (at == subscriptions_.end()) at = subscriptions_.begin();
    last_taken_ = at->first;
    if (at->second->live) take_from(*at->second, bytes_max, bytes, out);
  }
  if (out.empty()) out.behind = next_lag();
  return out;
}

void feed::take_from(subscription& s, std::size_t bytes_max, std::size_t& bytes, taken& out) {
  auto& t = *s.on;
  auto& untaken = s.of->untaken_bytes_;
  while (s.next < t.end() && bytes < bytes_max) {
    const auto next = t.pieces[s.next - t.first].what;
    pass_over(s, s.next + 1);
    untaken -= std::min(untaken, next->text.size());
    // What the client knows already is passed over.
    const auto mark = std::ranges::upper_bound(next->marks, s.read, {}, &piece::mark::seq);
    if (mark == next->marks.end()) continue;
    s.read = next->marks.back().seq;
    out.events.push_back({next, static_cast<std::size_t>(mark - next->marks.begin())});
    bytes += out.events.back().bytes();
  }
  if (s.version_taken == t.version) return;
  for (const auto& [name, one] : t.volatiles)
    if (one.version > s.version_taken) out.volatile_texts.push_back(one.text);
  s.version_taken = t.version;
}

std::shared_ptr<feed::stream> feed::open(std::function<void()> wake) {
  streams_ += 1;
  return std::shared_ptr<stream>(new stream(*this, std::move(wake)));
}

feed::topic_name feed::name_of(const event_scope& scope) {
  if (scope.batch)
    return 'b' + std::string(reinterpret_cast<const char*>(scope.batch->bytes.data()),
                             scope.batch->bytes.size());
  return scope.owner ? 'o' + *scope.owner : "*";
}

std::vector<feed::topic_name> feed::topics_of(const domain::batch_id& batch,
                                              const std::string& owner) const {
  return {name_of({batch, {}}), name_of({{}, owner}), name_of({})};
}

bool feed::wanted(const domain::batch_id& batch, const std::string& owner) const {
  const std::lock_guard lock(mutex_);
  if (topics_.empty()) return false;
  return std::ranges::any_of(topics_of(batch, owner),
                             [&](const auto& name) { return topics_.contains(name); });
}

domain::seq feed::last_seq() const {
  const std::lock_guard lock(mutex_);
  return last_seq_;
}

void feed::leave(subscription& s) {
  auto& t = *s.on;
  pass_over(s, t.end());
  std::erase(t.subscriptions, &s);
  if (t.subscriptions.empty()) topics_.erase(name_of(t.scope));
}

// What nobody has yet to take is dropped.
void feed::pass_over(subscription& s, std::uint64_t to) {
  auto& t = *s.on;
  for (; s.next < to; ++s.next)
    t.pieces[s.next - t.first].takers -= 1;
  while (!t.pieces.empty() && t.pieces.front().takers == 0) {
    t.pieces.pop_front();
    t.first += 1;
  }
}

void feed::cut_off(stream& who) {
  who.cut_ = true;
  streams_cut_ += 1;
  for (auto& [id, s] : who.subscriptions_)
    leave(*s);
  who.subscriptions_.clear();
}

void feed::note(stream& who, wake_list& woken) {
  if (!who.to_wake()) return;
  if (auto strong = who.weak_from_this().lock()) woken.push_back(std::move(strong));
}

void feed::add(topic& to, std::shared_ptr<const piece> what, wake_list& woken) {
  const auto bytes = what->text.size();
  const auto seq = what->marks.back().seq;
  to.pieces.push_back({std::move(what), to.subscriptions.size()});
  std::vector<stream*> too_slow;
  for (auto* s : to.subscriptions) {
    auto& untaken = s->live ? s->of->untaken_bytes_ : s->of->stalled_bytes_;
    untaken += bytes;
    if (!s->live) {
      // It is still reading the journal, where this is as well: no need to keep much of it.
      s->kept_bytes += bytes;
      if (s->kept_bytes > limits::feed_kept_bytes) {
        pass_over(*s, to.end());
        s->kept_bytes = 0;
        s->upto = seq;
      }
    }
    if (untaken > limits::feed_untaken_bytes_max) too_slow.push_back(s->of);
    note(*s->of, woken);
  }
  for (auto* who : too_slow)
    if (!who->cut_) cut_off(*who); // and the topic may be gone with it
}

void feed::reach(domain::seq last) {
  const std::lock_guard lock(mutex_);
  last_seq_ = std::max(last_seq_, last);
}

void feed::publish(std::span<const event_text> events, domain::seq last, clock::time_point now) {
  wake_list woken;
  {
    const std::lock_guard lock(mutex_);
    std::map<topic_name, std::shared_ptr<piece>>
        open; // one for each topic, while it is not too long
    const auto close = [&](std::map<topic_name, std::shared_ptr<piece>>::iterator at) {
      if (const auto t = topics_.find(at->first); t != topics_.end())
        add(t->second, at->second, woken);
      return open.erase(at);
    };
    for (const auto& e : events)
      for (const auto& name : topics_of(e.batch, e.owner)) {
        if (!topics_.contains(name)) continue;
        const auto at = open.try_emplace(name, std::make_shared<piece>()).first;
        auto& p = *at->second;
        p.published = now;
        p.add(e.seq, e.json);
        if (p.text.size() >= limits::feed_piece_bytes) close(at);
      }
    for (auto at = open.begin(); at != open.end();)
      at = close(at);
    last_seq_ = std::max(last_seq_, last);
  }
  for (const auto& one : woken)
    one->wake_();
}

void feed::reset(domain::seq last) {
  wake_list woken;
  {
    const std::lock_guard lock(mutex_);
    last_seq_ = last;
    for (auto& [name, t] : topics_) {
      for (auto* s : t.subscriptions) {
        s->live = false;
        pass_over(*s, t.end());
        s->upto = std::max(s->read, last);
        s->kept_bytes = 0;
        s->of->untaken_bytes_ = s->of->stalled_bytes_ = 0;
        note(*s->of, woken);
      }
    }
  }
  for (const auto& one : woken)
    one->wake_();
}

void feed::drop_volatiles(const domain::batch_id& batch, const std::string& owner) {
  const std::lock_guard lock(mutex_);
  const auto of_batch = name_of({batch, {}});
  for (const auto& name : topics_of(batch, owner))
    if (const auto at = topics_.find(name); at != topics_.end())
      std::erase_if(at->second.volatiles,
                    [&](const auto& one) { return one.first.starts_with(of_batch); });
}

void feed::set_volatile(const domain::batch_id& batch, const std::string& owner,
                        const std::string& what, std::shared_ptr<const std::string> text) {
  wake_list woken;
  {
    const std::lock_guard lock(mutex_);
    const auto key = name_of({batch, {}}) + what;
    for (const auto& name : topics_of(batch, owner)) {
      const auto at = topics_.find(name);
      if (at == topics_.end()) continue;
      auto& t = at->second;
      if (!text) {
        t.volatiles.erase(key);
        continue;
      }
      t.volatiles[key] = {++t.version, text};
      for (auto* s : t.subscriptions)
        if (s->live) note(*s->of, woken);
    }
  }
  for (const auto& one : woken)
    one->wake_();
}

} // namespace darkroom::http
