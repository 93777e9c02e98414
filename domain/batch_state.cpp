#include "domain/batch_state.hpp"

#include "base/result.hpp"

#include <algorithm>

namespace darkroom::domain {

namespace {

using result = base::result<void, illegal>;

// Applies one event; each `on` checks first and changes afterwards.
class applier {
public:
  explicit applier(batch_state& state) : s(state) {}

  result operator()(const batch_created& e) {
    if (s.phase != batch_phase::absent) return wrong_state();
    s.phase = batch_phase::draft;
    s.owner = e.owner;
    s.spec = e.spec;
    attributes_of(s) = e;
    s.present.assign(s.required.size(), 0);
    return {};
  }
  result operator()(const files_added& e) {
    if (s.sealed || !live()) return wrong_state();
    if (e.first != s.files.size()) return std::unexpected(illegal::wrong_order);
    s.files.resize(s.files.size() + e.entries.size(), file_status::queued);
    counter(file_status::queued) += static_cast<std::uint32_t>(e.entries.size());
    for (const auto& entry : e.entries) {
      s.bytes_added += entry.bytes;
      count_companions(s, entry.path, true, s.present);
    }
    return {};
  }
  result operator()(const file_removed& e) {
    if (s.phase != batch_phase::draft) return wrong_state();
    if (auto ok = move(e.index, file_status::queued, file_status::removed); !ok) return ok;
    s.bytes_added -= std::min(s.bytes_added, e.bytes);
    count_companions(s, e.path, false, s.present);
    return {};
  }
  result operator()(const batch_started& e) {
    if (s.phase != batch_phase::draft) return wrong_state();
    s.phase = batch_phase::running;
    s.sealed = e.sealed;
    return {};
  }
  result operator()(const batch_sealed&) {
    if (s.sealed || !live()) return wrong_state();
    s.sealed = true;
    return {};
  }
  result operator()(const batch_paused&) {
    if (s.phase != batch_phase::running) return wrong_state();
    s.phase = batch_phase::paused;
    return {};
  }
  result operator()(const batch_resumed&) {
    if (s.phase != batch_phase::paused) return wrong_state();
    s.phase = batch_phase::running;
    return {};
  }
  result operator()(const batch_cancelled& e) {
    if (!live()) return wrong_state();
    end(batch_phase::cancelled, e.spared);
    return {};
  }
  result operator()(const batch_finished& e) {
    const bool works = s.phase == batch_phase::running || s.phase == batch_phase::paused;
    if (!works || !is_terminal(e.phase)) return wrong_state();
    end(e.phase, e.spared);
    return {};
  }
  result operator()(const batch_retried& e) {
    if (!is_terminal(s.phase) || s.phase == batch_phase::completed ||
        s.phase == batch_phase::deleted)
      return wrong_state();
    for (const file_index i : e.files) {
      if (i >= s.files.size()) return std::unexpected(illegal::no_such_file);
      if (s.files[i] != file_status::failed && s.files[i] != file_status::cancelled)
        return wrong_state();
    }
    for (const file_index i : e.files) {
      s.failures.erase(i);
      set(i, file_status::queued);
    }
    s.phase = batch_phase::running;
    return {};
  }
  result operator()(const priority_changed& e) {
    if (!live()) return wrong_state();
    s.priority = e.priority;
    return {};
  }
  result operator()(const spec_changed& e) {
    if (s.phase != batch_phase::draft && s.phase != batch_phase::paused) return wrong_state();
    s.spec = e.spec;
    if (e.names_follow) {
      s.unplanned_from = 0;
      s.unplanned_upto = static_cast<file_index>(s.files.size());
    }
    return {};
  }
  result operator()(const files_replanned& e) {
    if (s.phase == batch_phase::absent || s.phase == batch_phase::deleted) return wrong_state();
    if (e.first != s.unplanned_from || e.next <= e.first || e.next > s.unplanned_upto)
      return std::unexpected(illegal::wrong_order);
    for (const auto& file : e.files)
      if (file.index < e.first || file.index >= e.next || is(file.index, file_status::completed))
        return wrong_state();
    s.unplanned_from = e.next;
    if (s.unplanned_from == s.unplanned_upto) s.unplanned_from = s.unplanned_upto = 0;
    return {};
  }
  result operator()(const batch_recovered& e) {
    if (e.interrupted.empty()) return wrong_state();
    for (const file_index i : e.interrupted)
      if (!is(i, file_status::running)) return wrong_state();
    for (const file_index i : e.interrupted) {
      auto& history = s.histories[i];
      history.crashes += e.process_survived || history.elsewhere ? 0 : 1;
      give_back(history);
      if (live())
        set(i, file_status::queued);
      else
        finish(i, file_status::cancelled);
    }
    return {};
  }
  result operator()(const details_changed& e) {
    if (s.phase == batch_phase::absent || s.phase == batch_phase::deleted) return wrong_state();
    s.name = e.name;
    s.tags = e.tags;
    return {};
  }
  result operator()(const batch_deleted&) {
    if (s.phase == batch_phase::absent || s.phase == batch_phase::deleted) return wrong_state();
    end(batch_phase::deleted, {});
    return {};
  }
  result operator()(const file_started& e) {
    if (s.phase != batch_phase::running) return wrong_state();
    if (e.index < s.files.size() && s.awaits_names(e.index)) return wrong_state();
    if (auto ok = move(e.index, file_status::queued, file_status::running); !ok) return ok;
    auto& history = s.histories[e.index];
    history.attempts = e.attempt;
    history.lease = e.lease;
    history.elsewhere = e.node != local_node;
    return {};
  }
  result operator()(const file_completed& e) {
    if (!is(e.index, file_status::running)) return wrong_state();
    finish(e.index, file_status::completed);
    s.bytes_in += e.bytes_in;
    s.pixels += std::uint64_t{e.width} * e.height;
    for (const auto& output : e.outputs)
      s.bytes_out += output.bytes;
    return {};
  }
  result operator()(const file_failed& e) {
    if (!may_fail(e.index)) return wrong_state();
    finish(e.index, file_status::failed);
    s.failures.set(e.index, e.reason);
    return {};
  }
  result operator()(const file_retry_scheduled& e) {
    if (!may_fail(e.index) || is_terminal(s.phase)) return wrong_state();
    set(e.index, file_status::retry_wait);
    auto& history = s.histories[e.index];
    history.attempts = e.attempt;
    history.lease = 0;
    history.nodes_lost = 0;
    s.finishing.erase(e.index);
    return {};
  }
  result operator()(const file_requeued& e) {
    return move(e.index, file_status::retry_wait, file_status::queued);
  }
  result operator()(const file_interrupted& e) {
    if (auto ok = move(e.index, file_status::running, file_status::queued); !ok) return ok;
    auto& history = s.histories[e.index];
    if (e.cause == interruption::node_lost) history.nodes_lost += 1;
    give_back(history);
    s.finishing.erase(e.index);
    return {};
  }

private:
  batch_state& s;

  static result wrong_state() { return std::unexpected(illegal::wrong_state); }
  bool live() const { return s.phase != batch_phase::absent && !is_terminal(s.phase); }
  bool is(file_index i, file_status status) const {
    return i < s.files.size() && s.files[i] == status;
  }
  // A queued file fails when its header already says so; a spared one also after the end.
  bool may_fail(file_index i) const {
    if (is(i, file_status::running)) return true;
    return is(i, file_status::queued) &&
           (s.phase == batch_phase::running || s.phase == batch_phase::paused);
  }
  std::uint32_t& counter(file_status status) { return s.counts[static_cast<std::size_t>(status)]; }
  void set(file_index i, file_status to) {
    counter(s.files[i]) -= 1;
    counter(to) += 1;
    s.files[i] = to;
  }
  result move(file_index i, file_status from, file_status to) {
    if (i >= s.files.size()) return std::unexpected(illegal::no_such_file);
    if (s.files[i] != from) return wrong_state();
    set(i, to);
    return {};
  }
  void finish(file_index i, file_status to) {
    set(i, to);
    s.histories.erase(i);
    s.finishing.erase(i);
  }
  static void give_back(file_history& history) {
    if (history.attempts > 0) history.attempts -= 1;
    history.lease = 0;
  }
  void end(batch_phase phase, std::vector<file_index> spare) {
    s.phase = phase;
    s.sealed = true;
    if (s.open() == 0) return;
    std::ranges::sort(spare); // of a million files hundreds may be spared
    for (file_index i = 0; i < s.files.size(); ++i)
      if (!is_terminal(s.files[i]) && !std::ranges::binary_search(spare, i))
        finish(i, file_status::cancelled);
  }
};

} // namespace

std::uint32_t batch_state::total() const {
  return static_cast<std::uint32_t>(files.size()) - count(file_status::removed);
}

std::uint32_t batch_state::open() const {
  return count(file_status::queued) + count(file_status::running) + count(file_status::retry_wait);
}

void count_companions(const batch_state& state, std::string_view path, bool comes,
                      std::vector<std::uint32_t>& present) {
  for (std::size_t i = 0; i < state.required.size() && i < present.size(); ++i)
    if (matches(state.required[i], path)) {
      if (comes)
        ++present[i];
      else if (present[i] > 0)
        --present[i];
    }
}

bool batch_state::same_facts(const batch_state& o) const {
  return phase == o.phase && sealed == o.sealed && owner == o.owner &&
         attributes_of(*this) == attributes_of(o) && spec == o.spec && files == o.files &&
         counts == o.counts && histories == o.histories && failures == o.failures &&
         bytes_in == o.bytes_in && bytes_out == o.bytes_out && bytes_added == o.bytes_added &&
         pixels == o.pixels && present == o.present && unplanned_from == o.unplanned_from &&
         unplanned_upto == o.unplanned_upto;
}

base::result<void, illegal> apply(batch_state& state, const event& e) {
  return std::visit(applier(state), e);
}

} // namespace darkroom::domain
