#include "actors/stuck_batches.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

const domain::batch_id ann{{1}}, bob{{2}};

struct looked {
  stuck_batches stuck;
  std::set<domain::batch_id> waiting{ann, bob};
  std::string at(std::uint64_t now_ms, const std::vector<domain::batch_id>& fit_nowhere) {
    std::string text;
    const auto waits = [&](const domain::batch_id& batch) { return waiting.contains(batch); };
    for (const auto& [batch, is] : stuck.look(fit_nowhere, waits, now_ms))
      text += std::string(is ? "+" : "-") + std::to_string(batch.bytes[0]) + " ";
    return text;
  }
};

constexpr std::uint64_t after_ms = limits::stuck_after_ms, look_ms = limits::stuck_look_ms;

} // namespace

TEST_CASE("a batch is stuck when its requests have fitted nowhere for a while") {
  looked l;
  CHECK(l.at(100, {}).empty());
  CHECK_FALSE(l.stuck.wake_ms());
  CHECK(l.at(1'000, {ann}).empty());
  CHECK(l.stuck.wake_ms() == 1'000 + look_ms);
  CHECK(l.at(1'000 + look_ms, {ann, bob}).empty());
  CHECK(l.at(1'000 + after_ms, {ann, bob}) == "+1 ");
  CHECK(l.at(1'000 + after_ms + look_ms, {ann, bob}) == "+2 "); // each is told once
  CHECK(l.at(1'000 + after_ms + 2 * look_ms, {ann}) == "-2 ");
  CHECK(l.at(1'000 + after_ms + 3 * look_ms, {}) == "-1 ");
  CHECK_FALSE(l.stuck.wake_ms());
}

TEST_CASE("a batch that fits meanwhile begins anew") {
  looked l;
  CHECK(l.at(0, {ann}).empty());
  CHECK(l.at(after_ms - look_ms, {}).empty());
  CHECK(l.at(after_ms, {ann}).empty());
  CHECK(l.at(2 * after_ms, {ann}) == "+1 ");
}

TEST_CASE("a stuck batch without a waiting request stays so until one of its files has a machine") {
  looked l;
  l.at(0, {ann});
  CHECK(l.at(after_ms, {ann}) == "+1 ");
  l.waiting.erase(ann);
  CHECK(l.at(2 * after_ms, {}).empty());
  CHECK(l.stuck.forget(ann));
  CHECK_FALSE(l.stuck.forget(ann));
  CHECK_FALSE(l.stuck.wake_ms());
}
