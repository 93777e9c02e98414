// NODE: one machine, seen from the server, with a worker that the test speaks for.
#include "actors/cluster/limits.hpp"
#include "base/units.hpp"
#include "codecs/limits.hpp"
#include "noting_actors.hpp"

#include "actors/cluster/node.hpp"
#include "persistence/output_directory.hpp"
#include "tests/support/no_threads.hpp"

#include <catch2/generators/catch_generators.hpp>

using namespace darkroom;
using namespace darkroom::actors;
using namespace darkroom::tests;
using domain::failure_reason;
using domain::interruption;

namespace {

struct machine {
  explicit machine(bool detached = false) {
    link->name = "m";
    link->token = "t";
    link->address = "10.0.0.2";
    link->hello.version = "1";
    link->hello.machine = link->hello.actor_node = "a";
    link->hello.slots = 2;
    link->hello.memory_bytes = limits::GiB;
    link->cut = [this] { cut = true; };
    REQUIRE_FALSE(links->refuse(link));
    worker = on.system().spawn(noting_worker, to);
    asker = on.system().spawn(noting_converter, to);
    dispatcher = on.system().spawn(noting_dispatcher, to);
    under_test = on.system().spawn(
        node,
        node_options{
            link, links, nodes, slots, dispatcher,
            transfer_options{[this](const domain::file_entry&,
                                    bool) -> codecs::result<darkroom::base::unique_fd> {
                               auto file = persistence::open_for_reading(input);
                               if (!file)
                                 return codecs::fail(failure_reason::source_missing, "gone");
                               return std::move(*file);
                             },
                             std::make_shared<persistence::output_directory>(folder.path())},
            detached, [this] { return now_us; }},
        worker);
    on.run();
  }
  ~machine() {
    for (const auto& actor :
         {caf::actor_cast<caf::actor>(worker), caf::actor_cast<caf::actor>(asker),
          caf::actor_cast<caf::actor>(dispatcher), caf::actor_cast<caf::actor>(under_test)})
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    to->puller = nullptr;
    to->assigned.clear();
    to->registered.reset();
    on.run();
  }

  void convert(domain::lease_id lease, std::size_t outputs = 1) {
    caf::send_as(asker, under_test, convert_file{job_of(lease, outputs)});
    on.run();
  }
  // Time in which the worker only answers that it is there.
  void silence(std::uint32_t ms) {
    for (; ms > 0; ms -= std::min(ms, limits::node_look_ms)) {
      on.advance(std::min(ms, limits::node_look_ms));
      worker_says(echo{});
    }
  }
  template<class Message>
  void worker_says(Message message) {
    caf::send_as(worker, under_test, std::move(message));
    on.run();
  }
  void says_at(domain::lease_id lease, work_phase phase, std::uint8_t percent = 0) {
    worker_says(work_progress{{{lease, static_cast<std::uint8_t>(phase), 0, percent}}});
  }
  void says_done(domain::lease_id lease, const domain::file_completed& result,
                 std::vector<std::string> contents = {}) {
    file_ended ended;
    ended.contents = std::move(contents);
    ended.lease = lease;
    ended.how = static_cast<std::uint8_t>(file_end::converted);
    ended.result = as_told(result);
    worker_says(std::move(ended));
  }
  void says_failed(domain::lease_id lease, std::uint8_t reason, std::string detail = {}) {
    file_ended ended;
    ended.lease = lease;
    ended.how = static_cast<std::uint8_t>(file_end::failed);
    ended.reason = reason;
    ended.detail = std::move(detail);
    worker_says(std::move(ended));
  }
  void says_interrupted(domain::lease_id lease, interruption cause, std::string detail = {}) {
    file_ended ended;
    ended.lease = lease;
    ended.how = static_cast<std::uint8_t>(file_end::interrupted);
    ended.reason = static_cast<std::uint8_t>(cause);
    ended.detail = std::move(detail);
    worker_says(std::move(ended));
  }
  void give(domain::lease_id lease, std::string content) {
    caf::send_as(worker, to->puller, output_piece{lease, 0, 0, std::move(content)});
    on.run();
  }
  void interrupt(domain::lease_id lease) {
    caf::anon_send(under_test, interrupt_conversion{lease});
    on.run();
  }
  node_row row() const { return nodes->read(now_us).at(0); }
  // The only outcome, which must be this.
  template<class Outcome>
  const Outcome& outcome() const {
    REQUIRE(to->outcomes.size() == 1);
    const auto* one = std::get_if<Outcome>(to->outcomes[0].outcome.get());
    REQUIRE(one != nullptr);
    return *one;
  }
  // Why the conversion with this number was interrupted; nothing: it was not.
  std::optional<interruption> cause(std::size_t i) const {
    const auto* end = std::get_if<conversion_interrupted>(to->outcomes.at(i).outcome.get());
    return end == nullptr ? std::nullopt : std::optional{end->cause};
  }

  scratch folder, inputs;
  std::int64_t now_us = 1;
  std::string input = inputs.write("input", std::string(100, 'i'));
  bool cut = false;
  std::shared_ptr<link_facts> link = std::make_shared<link_facts>();
  std::shared_ptr<link_table> links = std::make_shared<link_table>("1", "");
  std::shared_ptr<node_board> nodes = std::make_shared<node_board>();
  std::shared_ptr<slot_board> slots = std::make_shared<slot_board>(0);
  std::shared_ptr<heard> to = std::make_shared<heard>();
  stage on;
  worker_actor worker;
  converter_actor asker;
  dispatcher_actor dispatcher;
  node_actor under_test;
};

} // namespace

TEST_CASE("a machine brings its slots, and room for files ahead") {
  machine m;
  REQUIRE(m.to->registered);
  CHECK(m.to->registered->name == "m");
  CHECK(m.to->registered->slots == 2);
  CHECK(m.to->registered->ahead == 1);
  CHECK_FALSE(m.to->registered->local);
  CHECK(m.row().present);
}

TEST_CASE("a file goes to the worker, its outputs come back, and only then its lease ends") {
  machine m;
  m.convert(5);
  REQUIRE(m.to->assigned.size() == 1);
  CHECK(m.to->assigned[0].lease == 5);
  CHECK(m.to->assigned[0].owner == "ann");
  const auto entry = persistence::decode_entry(m.to->assigned[0].entry);
  REQUIRE(entry);
  CHECK(entry->path == "f5");
  CHECK(m.to->assigned[0].content == std::string(100, 'i'));
  m.says_at(5, work_phase::converting, 40);
  CHECK(m.slots->read()[2].path == "f5");
  CHECK(m.slots->read()[2].progress.percent == 40);
  m.says_done(5, result_of({"output"}));
  CHECK(m.to->outcomes.empty());
  CHECK(m.to->leases_ended.empty());
  m.give(5, "output");
  REQUIRE(m.outcome<file_converted>().staged.size() == 1);
  CHECK(m.outcome<file_converted>().result.bytes_in == 100); // as the server knows it
  CHECK(m.to->leases_ended == std::vector<domain::lease_id>{5});
  CHECK(m.to->dropped.size() == 1);
  CHECK(m.slots->read()[2].path.empty());
  CHECK(m.row().files_completed == 1);
}

TEST_CASE("small outputs come with the result, and nothing is fetched") {
  machine m;
  m.convert(5, 2);
  m.says_done(5, result_of({"one", "two"}), {"one", "two"});
  CHECK(m.to->output_pulls.empty());
  REQUIRE(m.outcome<file_converted>().staged.size() == 2);
  CHECK(content_of(m.folder / m.outcome<file_converted>().staged[1].temporary) == "two");
  CHECK(m.to->leases_ended == std::vector<domain::lease_id>{5});
}

TEST_CASE("a file that is taken back before it was sent is sent no more") {
  machine m;
  caf::send_as(m.asker, m.under_test, convert_file{job_of(5)});
  const bool recalled = GENERATE(false, true);
  if (recalled)
    caf::anon_send(m.under_test, recall_lease{5});
  else
    caf::anon_send(m.under_test, interrupt_conversion{5});
  m.on.run();
  CHECK(m.to->assigned.empty());
  CHECK(m.to->dropped.empty());
  CHECK(m.outcome<conversion_interrupted>().cause ==
        (recalled ? interruption::not_begun : interruption::shutdown));
  CHECK(m.to->leases_ended == std::vector<domain::lease_id>{5});
  CHECK(m.to->leases_ran == std::vector{false});
}

TEST_CASE("a file that fails there fails with the worker's reason, made printable") {
  machine m;
  m.convert(5);
  m.says_failed(5, static_cast<std::uint8_t>(failure_reason::truncated_input),
                "ends\x1b[2J early" + std::string(10'000, 'x'));
  CHECK(m.outcome<conversion_failed>().error.reason == failure_reason::truncated_input);
  CHECK(m.outcome<conversion_failed>().error.detail.find('\x1b') == std::string::npos);
  CHECK(m.outcome<conversion_failed>().error.detail.size() < 5'000);
  CHECK(m.to->leases_ended == std::vector<domain::lease_id>{5});
}

TEST_CASE("a worker whose disk is full or broken rests, and its file goes elsewhere") {
  machine m;
  m.convert(5);
  m.says_failed(
      5, static_cast<std::uint8_t>(GENERATE(failure_reason::disk_full, failure_reason::io_error)),
      "no room");
  CHECK(m.outcome<conversion_interrupted>().cause == interruption::disk_full);
  CHECK(m.to->paused_ms == std::vector<std::uint32_t>{limits::node_paused_ms});
  CHECK(m.to->leases_ended == std::vector<domain::lease_id>{5});
  CHECK(m.row().state() == "paused");
  CHECK(m.row().paused == "no room");
  m.now_us += limits::node_paused_ms * 1'000;
  CHECK(m.row().state() == "active");
}

TEST_CASE("a file whose host was killed on a machine is given back, and the machine goes on") {
  machine m;
  m.convert(5);
  m.says_interrupted(5, interruption::host_killed, "by signal 9");
  CHECK(m.outcome<conversion_interrupted>().cause == interruption::host_killed);
  CHECK(m.outcome<conversion_interrupted>().detail == "by signal 9");
  CHECK(m.to->paused_ms.empty());
  CHECK(m.to->leases_ended == std::vector<domain::lease_id>{5});
}

TEST_CASE("a file of which nothing was known is given back when it needs more memory") {
  machine m;
  auto job = job_of(5);
  job.header_read = false;
  job.memory_bytes = 8;
  job.cpu_ms = 3;
  caf::send_as(m.asker, m.under_test, convert_file{job});
  m.on.run();
  REQUIRE(m.to->assigned.size() == 1);
  CHECK_FALSE(m.to->assigned[0].header_read);
  file_ended ended;
  ended.lease = 5;
  ended.how = static_cast<std::uint8_t>(file_end::interrupted);
  ended.reason = static_cast<std::uint8_t>(interruption::memory_raised);
  ended.cpu_us = 1'000'000'000;
  m.worker_says(ended);
  CHECK(m.outcome<conversion_interrupted>().cause == interruption::memory_raised);
  CHECK(m.outcome<conversion_interrupted>().memory_bytes == 8); // then its header is read
  CHECK(m.to->leases_ended == std::vector<domain::lease_id>{5});
  CHECK(m.to->lease_costs.at(0) == 3'000); // what it may take, whatever the worker says
  CHECK(m.to->paused_ms.empty());
}

TEST_CASE("that a worker rests is told once, however often it has to") {
  std::vector<std::string> told; // until the machine has ended
  machine m;
  m.nodes->listen([&](const node_event& e) { told.push_back(e.what + ": " + e.detail); });
  domain::lease_id lease = 5;
  const auto fails = [&] {
    m.convert(lease);
    m.says_failed(lease++, static_cast<std::uint8_t>(failure_reason::disk_full), "no room");
  };
  for (int i = 0; i < 20; ++i) {
    fails();
    m.now_us += limits::node_paused_ms * 1'000 + 1;
  }
  CHECK(told == std::vector<std::string>{"paused: no room"});
  m.now_us += limits::pause_told_again_us;
  fails();
  CHECK(told.size() == 2);
}

TEST_CASE("what a worker says that cannot be isolates it, and gives all its files back") {
  machine m;
  m.convert(5);
  m.convert(6);
  m.says_at(5, work_phase::converting);
  SECTION("a file that it was not given") {
    m.says_done(77, result_of({"x"}));
  }
  SECTION("a result that cannot be read") {
    file_ended ended;
    ended.lease = 5;
    ended.how = static_cast<std::uint8_t>(file_end::converted);
    ended.result = "?";
    m.worker_says(ended);
  }
  SECTION("too many outputs") {
    m.says_done(5, result_of({"x", "y"}));
  }
  SECTION("an output of no bytes") {
    m.says_done(5, result_of({""}));
  }
  SECTION("an output larger than any") {
    auto result = result_of({"x"});
    result.outputs[0].bytes = limits::output_bytes_max + 1;
    m.says_done(5, result);
  }
  SECTION("twice") {
    m.says_done(5, result_of({"x"}));
    m.says_done(5, result_of({"x"}));
  }
  SECTION("an end that there is not") {
    file_ended ended;
    ended.lease = 5;
    ended.how = 77;
    m.worker_says(ended);
  }
  SECTION("a reason that there is not") {
    m.says_failed(5, 250);
  }
  SECTION("too little memory for a file whose header was read") {
    m.says_interrupted(5, interruption::memory_raised);
  }
  SECTION("a phase that there is not") {
    m.worker_says(work_progress{{{5, 9, 0, 0}}});
  }
  SECTION("a stage that there is not") {
    m.worker_says(work_progress{{{5, 2, 99, 0}}});
  }
  SECTION("more than everything") {
    m.says_at(5, work_phase::converting, 101);
  }
  SECTION("contents of another size than the result says") {
    m.says_done(5, result_of({"x"}), {"xx"});
  }
  SECTION("contents that are too large to come with a result") {
    const std::string content(limits::carried_bytes_max + 1, 'x');
    m.says_done(5, result_of({content}), {content});
  }
  SECTION("contents with another digest") {
    m.says_done(5, result_of({"x"}), {"y"});
  }
  SECTION("bytes that are not those of the result") {
    m.says_done(5, result_of({"x"}));
    m.give(5, "y");
  }
  CHECK(m.to->left);
  CHECK(m.cut);
  CHECK(m.row().state() == "isolated");
  CHECK(m.links->isolated().contains("m"));
  REQUIRE(m.to->outcomes.size() == 2);
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(m.cause(i).has_value());
  CHECK(m.row().files_interrupted == 2);
}

TEST_CASE("a lease without a step forward ends; its slot is free when the worker says so") {
  machine m;
  m.convert(5);
  const auto nearly = limits::lease_silence_ms - limits::node_look_ms;
  m.silence(nearly);
  m.says_at(5, work_phase::converting, 10);
  m.silence(nearly);
  m.says_at(5, work_phase::converting, 20);
  m.silence(nearly);
  CHECK(m.to->outcomes.empty());
  m.says_at(5, work_phase::converting, 10); // no step forward
  for (int i = 0; i < 1'000 && m.to->outcomes.empty(); ++i)
    m.silence(limits::node_look_ms);
  CHECK(m.outcome<conversion_interrupted>().cause == interruption::node_lost);
  CHECK(m.to->leases_ended.empty());
  m.worker_says(file_dropped{5});
  CHECK(m.to->leases_ended == std::vector<domain::lease_id>{5});
  CHECK(m.to->leases_ran == std::vector{false}); // nobody pays for a machine that stands still
  SECTION("what comes late is dropped and counted") {
    m.says_done(5, result_of({"x"}));
    CHECK(m.to->outcomes.size() == 1);
    CHECK(m.row().late_results == 1);
    CHECK(m.row().state() == "active");
  }
}

TEST_CASE(
    "while one input comes, the others wait for the link; when none does, they had not begun") {
  machine m;
  m.convert(5);
  m.convert(6);
  for (std::uint64_t received = 1; received < 5; ++received) {
    m.worker_says(work_progress{{{5, 0, 0, 0, received}, {6, 0, 0, 0, 0}}});
    m.silence(limits::lease_silence_ms - limits::node_look_ms);
    CHECK(m.to->outcomes.empty());
  }
  m.silence(2 * limits::node_look_ms);
  REQUIRE(m.to->outcomes.size() == 2);
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(m.cause(i) == interruption::not_begun);
}

TEST_CASE("a worker that does not say that it has dropped a file is lost") {
  machine m;
  m.convert(5);
  m.interrupt(5);
  m.silence(limits::lease_silence_ms + 2 * limits::node_look_ms);
  CHECK(m.to->left);
  CHECK(m.row().state() == "lost");
}

TEST_CASE("a worker that answers nothing is lost, whatever its link says") {
  machine m;
  m.on.advance(limits::node_look_ms);
  m.on.advance(limits::lease_silence_ms + 2 * limits::node_look_ms);
  CHECK(m.row().state() == "lost");
}

TEST_CASE("a lease does not last for ever, whatever the worker says") {
  machine m;
  m.convert(5);
  for (std::uint32_t ms = 0; ms <= limits::lease_ms_max && m.to->outcomes.empty(); ms += 20'000) {
    m.says_at(5, work_phase::waiting);
    m.silence(20'000);
  }
  CHECK(m.cause(0).has_value());
}

TEST_CASE("what the server cannot read fails with its own reason") {
  machine m;
  std::filesystem::remove(m.input);
  m.convert(5);
  CHECK(m.to->assigned.empty());
  CHECK(m.outcome<conversion_failed>().error.reason == failure_reason::source_missing);
  CHECK(m.to->leases_ended == std::vector<domain::lease_id>{5});
}

TEST_CASE("a worker whose slots end rests for a while") {
  machine m;
  m.convert(5);
  m.says_interrupted(5, interruption::shutdown);
  CHECK(m.cause(0).has_value());
  CHECK(m.to->paused_ms == std::vector<std::uint32_t>{limits::node_paused_ms});
}

TEST_CASE("a lost machine's actor ends when nothing late can come") {
  machine m;
  caf::anon_send_exit(m.worker, caf::exit_reason::kill);
  m.on.run();
  m.convert(7);
  CHECK(m.to->outcomes.size() == 1);
  m.on.advance(limits::node_grace_ms);
  m.convert(8);
  CHECK(m.to->outcomes.size() == 1);
}

TEST_CASE("outputs that come after their lease are not kept") {
  machine m;
  m.convert(5);
  m.says_done(5, result_of({"output"}));
  const auto puller = m.to->puller;
  m.interrupt(5);
  CHECK(m.cause(0).has_value());
  caf::send_as(m.worker, puller, output_piece{5, 0, 0, "output"});
  m.on.run();
  CHECK(m.to->outcomes.size() == 1);
  CHECK(std::filesystem::is_empty(m.folder.path()));
}

TEST_CASE("outputs whose lease ended while they were written are discarded") {
  machine m;
  persistence::staged_output written;
  written.temporary = "written";
  std::ofstream(m.folder / written.temporary) << "output";
  outputs_fetched late;
  late.lease = 5;
  late.outcome = outputs_kept{{}, {written}};
  caf::anon_send(m.under_test, late);
  m.on.run();
  CHECK(std::filesystem::is_empty(m.folder.path()));
}

TEST_CASE("an interruption is answered at once, and the slot counts until it is free") {
  machine m;
  m.convert(5);
  const bool begun = GENERATE(false, true);
  if (begun) m.says_at(5, work_phase::converting);
  m.interrupt(5);
  CHECK(m.outcome<conversion_interrupted>().cause == interruption::shutdown);
  REQUIRE(m.to->dropped.size() == 1);
  CHECK_FALSE(m.to->dropped[0].only_if_waiting);
  CHECK(m.to->leases_ended.empty());
  m.interrupt(5); // again: it is being dropped
  CHECK(m.to->leases_ended.empty());
  m.worker_says(file_dropped{5});
  CHECK(m.to->leases_ended.size() == 1);
  CHECK(m.to->leases_ran == std::vector{begun});
  SECTION("of a lease that it never had") {
    m.interrupt(9);
    CHECK(m.to->leases_ended.back() == 9);
  }
}

TEST_CASE("a file that has not begun can be had back; one that has is left alone") {
  machine m;
  m.convert(5);
  m.convert(6);
  m.says_at(5, work_phase::converting);
  caf::anon_send(m.under_test, recall_lease{5});
  caf::anon_send(m.under_test, recall_lease{6});
  m.on.run();
  REQUIRE(m.to->dropped.size() == 1);
  CHECK(m.to->dropped[0].lease == 6);
  CHECK(m.to->dropped[0].only_if_waiting);
  CHECK(m.to->outcomes.empty()); // the worker may have begun it meanwhile
  m.worker_says(file_dropped{6});
  CHECK(m.outcome<conversion_interrupted>().cause == interruption::not_begun);
  CHECK(m.to->leases_ended == std::vector<domain::lease_id>{6});
  CHECK(m.to->leases_ran == std::vector{false});
}

TEST_CASE("a lost link gives everything back at once: what had begun, and what had not") {
  machine m;
  m.convert(5);
  m.convert(6);
  m.says_at(5, work_phase::converting);
  caf::anon_send_exit(m.worker, caf::exit_reason::kill);
  m.on.run();
  CHECK(m.to->left);
  CHECK(m.cut);
  CHECK(m.row().state() == "lost");
  CHECK(m.links->all().empty());
  REQUIRE(m.to->outcomes.size() == 2);
  std::map<domain::lease_id, std::optional<interruption>> causes;
  for (std::size_t i = 0; i < 2; ++i)
    causes[m.to->outcomes[i].lease] = m.cause(i);
  CHECK(causes[5] == interruption::node_lost);
  CHECK(causes[6] == interruption::not_begun);
  SECTION("and what is still sent there comes back") {
    m.convert(7);
    REQUIRE(m.to->outcomes.size() == 3);
    CHECK(m.cause(2) == interruption::not_begun);
  }
}

TEST_CASE("a worker that leaves gets no more, and keeps what it has begun") {
  machine m;
  m.convert(5);
  m.convert(6);
  m.says_at(5, work_phase::converting);
  m.worker_says(leaving{});
  CHECK(m.to->paused_ms == std::vector<std::uint32_t>{UINT32_MAX});
  REQUIRE(m.to->dropped.size() == 1);
  CHECK(m.to->dropped[0].lease == 6);
  m.says_done(5, result_of({"x"}));
  m.give(5, "x");
  CHECK(m.outcome<file_converted>().staged.size() == 1);
}

TEST_CASE("only its own worker is heard") {
  machine m;
  m.convert(5);
  file_ended ended;
  ended.lease = 77; // would isolate it
  caf::anon_send(m.under_test, ended);
  caf::anon_send(m.under_test, work_progress{{{5, 9, 0, 0}}});
  caf::anon_send(m.under_test, file_dropped{5});
  caf::anon_send(m.under_test, leaving{});
  m.on.run();
  CHECK(m.row().state() == "active");
  CHECK(m.to->outcomes.empty());
  CHECK(m.to->paused_ms.empty());
}

TEST_CASE(
    "a machine for whose transfers the system has no thread is disconnected, and may join again") {
  const tests::no_threads none;
  machine m(true);
  CHECK(m.cut);
  CHECK_FALSE(m.to->registered);
  CHECK(m.row().state() == "lost");
  CHECK(m.row().isolated.empty());
  m.on.advance(limits::node_grace_ms);
}
