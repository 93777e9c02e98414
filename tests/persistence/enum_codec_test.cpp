// Every value of every stored enum comes back from the journal, and no other value goes in.
#include "persistence/access_records.hpp"
#include "persistence/enum_codec.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/spec_codec.hpp"
#include "tests/support/every_choice.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::domain;
using namespace darkroom::persistence;

namespace {

void check_event(const event& fact) {
  const auto read = decode_event(encode_event(fact, 1, 2));
  REQUIRE(read);
  CHECK(read->fact == fact);
}

// Encodes an event with each value of an enum.
template<base::named_enum Enum>
void check_events(auto make) {
  for (const auto value : base::enum_values<Enum>())
    check_event(make(value));
}

void check_snapshot(const batch_state& state) {
  const auto read = decode_snapshot(encode_snapshot(state, 5, 4));
  REQUIRE(read);
  CHECK(read->state.same_facts(state));
}

} // namespace

TEST_CASE("every enum of an event comes back") {
  check_events<pause_mode>([](pause_mode m) { return batch_paused{m}; });
  check_events<batch_phase>([](batch_phase p) { return batch_finished{p, {}}; });
  check_events<failure_reason>([](failure_reason r) { return file_failed{1, 2, r, "why"}; });
  check_events<failure_reason>(
      [](failure_reason r) { return file_retry_scheduled{1, 2, r, "why", 3}; });
  check_events<interruption>([](interruption i) { return file_interrupted{1, i}; });
  check_events<start_rule>([](start_rule s) {
    batch_created e;
    e.start = s;
    return e;
  });
  for (const auto l : base::enum_values<loss>()) {
    file_completed e;
    e.losses.add(l);
    check_event(e);
  }
  tests::with_every_choice([](const conversion_spec& spec) {
    check_event(spec_changed{spec, {}});
    CHECK(decode_spec(encode_spec(spec)) == spec);
  });
}

TEST_CASE("every enum of a snapshot and of a summary comes back") {
  for (const auto phase : base::enum_values<batch_phase>()) {
    batch_state state;
    state.phase = phase;
    check_snapshot(state);
    batch_summary summary;
    summary.phase = phase;
    CHECK(decode_summary(encode_summary(summary)) == summary);
  }
  batch_state state;
  for (const auto status : base::enum_values<file_status>()) {
    state.files.push_back(status);
    state.counts[static_cast<std::size_t>(status)] += 1;
  }
  check_snapshot(state);
  for (const auto reason : base::enum_values<failure_reason>()) {
    state.failures.set(0, reason);
    check_snapshot(state);
  }
  tests::with_every_choice([&](const conversion_spec& spec) {
    state.spec = spec;
    check_snapshot(state);
  });
}

TEST_CASE("every role comes back from a token and from the audit") {
  for (const auto r : base::enum_values<role>()) {
    token_record token;
    token.role = r;
    const auto read = decode_token("", encode_token(token));
    REQUIRE(read);
    CHECK(read->role == r);
    audit_entry entry;
    entry.role = r;
    const auto audit = decode_audit(1, encode_audit(entry));
    REQUIRE(audit);
    CHECK(audit->role == r);
  }
}

TEST_CASE("a value that could not be read again is not written") {
  const auto reason = static_cast<failure_reason>(base::enum_count<failure_reason>);
  CHECK_THROWS_AS(encode_event(file_failed{1, 2, reason, "why"}, 1, 2), std::logic_error);
  conversion_spec spec = tests::whole_spec();
  spec.icc = static_cast<icc_policy>(base::enum_count<icc_policy>);
  CHECK_THROWS_AS(encode_spec(spec), std::logic_error);
  batch_state state;
  state.files = {static_cast<file_status>(base::enum_count<file_status>)};
  CHECK_THROWS_AS(encode_snapshot(state, 1, 1), std::logic_error);
}

TEST_CASE("a number that no value has is refused") {
  failure_reason reason{};
  CHECK_FALSE(read_enum(base::enum_count<failure_reason>, reason));
  CHECK(read_enum(0, reason));
}

TEST_CASE("a field that was added later has its default in an older journal") {
  // An older spec ends before it; zeros below the first explicit tag are zeros.
  const auto spec = decode_spec("");
  REQUIRE(spec);
  CHECK(spec->outputs.empty());
  CHECK(spec->min_saving_percent == 0);
  output_spec output;
  output.quality = 0;
  conversion_spec with;
  with.outputs = {output};
  const auto read = decode_spec(encode_spec(with));
  REQUIRE(read);
  CHECK(read->outputs[0].quality == 0);
}
