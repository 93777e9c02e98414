// TRANSFER: bytes of a node's files, by pieces.
#include "actors/cluster/limits.hpp"
#include "noting_actors.hpp"

#include "actors/cluster/transfer.hpp"
#include "persistence/output_directory.hpp"

#include <catch2/generators/catch_generators.hpp>

using namespace darkroom;
using namespace darkroom::actors;
using namespace darkroom::tests;

namespace {

// A TRANSFER between a node and a worker that note.
struct bench {
  explicit bench(const std::string& input = "0123456789") {
    std::ofstream(folder / "input") << input;
    const auto open = [this](const domain::file_entry&,
                             bool) -> codecs::result<darkroom::base::unique_fd> {
      opened += 1;
      auto file = persistence::open_for_reading(folder / "input");
      if (!file) return codecs::fail(domain::failure_reason::source_missing, "gone");
      return std::move(*file);
    };
    worker = on.system().spawn(noting_worker, to);
    node = on.system().spawn(noting_node, to);
    under_test =
        on.system().spawn(transfer,
                          transfer_options{open, std::make_shared<persistence::output_directory>(
                                                     std::string{folder / "outputs"})},
                          worker);
    std::filesystem::create_directory(folder / "outputs");
  }
  ~bench() {
    for (const auto& actor :
         {caf::actor_cast<caf::actor>(worker), caf::actor_cast<caf::actor>(node),
          caf::actor_cast<caf::actor>(under_test)})
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    to->puller = nullptr;
    on.run();
  }
  void open(domain::lease_id lease, bool read_now = false) {
    auto entry = *job_of(lease).file;
    entry.bytes = 10;
    caf::send_as(node, under_test,
                 open_input{lease, std::make_shared<domain::file_entry>(entry), read_now});
    on.run();
  }
  void pull(domain::lease_id lease, std::uint64_t offset, std::uint32_t bytes) {
    caf::send_as(worker, under_test, pull_input{lease, offset, bytes});
    on.run();
  }
  void fetch(domain::lease_id lease, const domain::file_completed& result) {
    caf::send_as(node, under_test,
                 fetch_outputs{lease, job_of(lease, result.outputs.size()), result});
    on.run();
  }
  // The only end of a fetch, if it is this; else null.
  template<class Outcome>
  const Outcome* fetched() const {
    REQUIRE(to->fetched.size() == 1);
    return std::get_if<Outcome>(&to->fetched[0].outcome);
  }
  void give(domain::lease_id lease, std::uint32_t output, std::uint64_t offset,
            std::string content) {
    caf::send_as(worker, under_test, output_piece{lease, output, offset, std::move(content)});
    on.run();
  }

  scratch folder;
  int opened = 0;
  std::shared_ptr<heard> to = std::make_shared<heard>();
  stage on;
  worker_actor worker;
  node_actor node;
  transfer_actor under_test;
};

} // namespace

TEST_CASE("an input is read by pieces, each byte once") {
  bench b;
  b.open(1);
  b.pull(1, 0, 4);
  b.pull(1, 4, 4);
  b.pull(1, 0, 4); // again
  b.pull(1, 8, 4);
  REQUIRE(b.to->input_pieces.size() == 4);
  CHECK(b.to->input_pieces[0].content == "0123");
  CHECK(b.to->input_pieces[1].content == "4567");
  CHECK(b.to->input_pieces[2].failed);
  CHECK(b.to->input_pieces[3].content == "89");
  CHECK(b.opened == 1);
}

TEST_CASE("what cannot be read is told to the node, with the reason") {
  bench b;
  SECTION("gone") {
    std::filesystem::remove(b.folder / "input");
    b.open(1);
    b.pull(1, 0, 4);
    REQUIRE(b.to->inputs_read.size() == 1);
    CHECK(b.to->inputs_read[0].error->reason == domain::failure_reason::source_missing);
  }
  SECTION("shorter than it was") {
    std::ofstream(b.folder / "input") << "0123";
    b.open(1);
    b.pull(1, 0, 10);
    REQUIRE(b.to->inputs_read.size() == 1);
    CHECK(b.to->inputs_read[0].error->reason == domain::failure_reason::io_error);
  }
  REQUIRE(b.to->input_pieces.size() == 1);
  CHECK(b.to->input_pieces[0].failed);
}

TEST_CASE("only the worker is heard") {
  bench b;
  b.open(1);
  caf::anon_send(b.under_test, pull_input{1, 0, 4});
  b.on.run();
  CHECK(b.to->input_pieces.empty());
  b.fetch(2, result_of({"abc"}));
  caf::anon_send(b.under_test, output_piece{2, 0, 0, "lie"});
  b.on.run();
  CHECK(b.to->fetched.empty());
}

TEST_CASE("every request for an input is answered, also one that cannot be met") {
  bench b;
  SECTION("no such lease") {
    b.pull(9, 0, 4);
  }
  SECTION("a lease that is over") {
    b.open(1);
    caf::anon_send(b.under_test, end_transfer{1});
    b.pull(1, 0, 4);
  }
  SECTION("more than a piece may have") {
    b.open(1);
    b.pull(1, 0, limits::piece_bytes_most + 1);
  }
  SECTION("not where it has come to") {
    b.open(1);
    b.pull(1, 4, 4);
  }
  REQUIRE(b.to->input_pieces.size() == 1);
  CHECK(b.to->input_pieces[0].failed);
  CHECK(b.to->input_pieces[0].content.empty());
}

TEST_CASE("outputs are fetched by pieces, compared, and put on disk") {
  bench b;
  const std::vector<std::string> contents{std::string(100'000, 'a'), "second"};
  b.fetch(1, result_of(contents));
  for (std::size_t i = 0; i < b.to->output_pulls.size(); ++i) { // grows meanwhile
    const auto pull = b.to->output_pulls[i];
    CHECK(pull.bytes <= limits::piece_bytes_most);
    b.give(pull.lease, pull.output, pull.offset,
           contents.at(pull.output).substr(pull.offset, pull.bytes));
  }
  const auto* done = b.fetched<outputs_kept>();
  REQUIRE(done != nullptr);
  REQUIRE(done->staged.size() == 2);
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(content_of(b.folder / ("outputs/" + done->staged[i].temporary)) == contents[i]);
}

TEST_CASE("a small input is read whole for the order") {
  bench b;
  const bool gone = GENERATE(false, true);
  if (gone) std::filesystem::remove(b.folder / "input");
  b.open(1, true);
  REQUIRE(b.to->inputs_read.size() == 1);
  CHECK(b.to->inputs_read[0].content == (gone ? "" : "0123456789"));
  CHECK(b.to->inputs_read[0].error.has_value() == gone);
}

TEST_CASE("outputs that came with their result are compared, and put on disk") {
  bench b;
  const auto result = result_of({"one", "two"});
  const bool lies = GENERATE(false, true);
  caf::send_as(b.node, b.under_test,
               fetch_outputs{1, job_of(1, 2), result, {"one", lies ? "owt" : "two"}});
  b.on.run();
  CHECK(b.to->output_pulls.empty());
  CHECK((b.fetched<outputs_kept>() != nullptr) == !lies);
  CHECK((b.fetched<worker_lied>() != nullptr) == lies);
  CHECK(std::filesystem::is_empty(b.folder / "outputs") == lies);
}

TEST_CASE("a result without outputs has nothing to fetch") {
  bench b;
  b.fetch(1, result_of({}));
  CHECK(b.fetched<outputs_kept>() != nullptr);
  CHECK(b.to->output_pulls.empty());
}

TEST_CASE("bytes that are not as the worker said are a lie") {
  bench b;
  auto result = result_of({"0123456789"});
  SECTION("other bytes") {
    b.fetch(1, result);
    b.give(1, 0, 0, "0123456788");
  }
  SECTION("another checksum") {
    result.outputs[0].crc32 ^= 1;
    b.fetch(1, result);
    b.give(1, 0, 0, "0123456789");
  }
  SECTION("too few") {
    b.fetch(1, result);
    b.give(1, 0, 0, "012345678");
  }
  SECTION("too many") {
    b.fetch(1, result);
    b.give(1, 0, 0, "0123456789+");
  }
  SECTION("none") {
    b.fetch(1, result);
    b.give(1, 0, 0, "");
  }
  SECTION("from elsewhere") {
    b.fetch(1, result);
    b.give(1, 0, 5, "0123456789");
  }
  SECTION("of another output") {
    b.fetch(1, result);
    b.give(1, 1, 0, "0123456789");
  }
  const auto* lie = b.fetched<worker_lied>();
  REQUIRE(lie != nullptr);
  CHECK_FALSE(lie->what.empty());
  CHECK(std::filesystem::is_empty(b.folder / "outputs"));
}

TEST_CASE("a disk that takes no output is no lie of the worker's") {
  bench b;
  std::filesystem::remove(b.folder / "outputs");
  std::ofstream(b.folder / "outputs") << "a file where the folder should be";
  b.fetch(1, result_of({"0123456789"}));
  b.give(1, 0, 0, "0123456789");
  const auto* lost = b.fetched<outputs_lost>();
  REQUIRE(lost != nullptr);
  CHECK_FALSE(lost->error.detail.empty());
}

TEST_CASE("pieces that nobody asked for, and those of a lease that is over, are nothing") {
  bench b;
  b.give(1, 0, 0, "unasked");
  CHECK(b.to->fetched.empty());
  b.fetch(1, result_of({"0123456789"}));
  b.fetch(2, result_of({"abc"}));
  caf::anon_send(b.under_test, end_transfer{1});
  b.give(1, 0, 0, "0123456789");
  CHECK(b.to->fetched.empty());
  b.give(2, 0, 0, "abc");
  CHECK(b.fetched<outputs_kept>() != nullptr);
}

TEST_CASE("only so much is on its way at a time") {
  bench b;
  std::vector<std::string> contents(1, std::string(limits::fetched_bytes_max / 2 + 1, 'x'));
  const auto result = result_of(contents);
  b.fetch(1, result);
  b.fetch(2, result);
  const auto all_of_the_first = [](const pull_output& p) { return p.lease == 1; };
  CHECK(b.to->output_pulls.size() <= limits::pieces_in_flight_max);
  for (std::size_t i = 0; i < b.to->output_pulls.size() && b.to->fetched.empty(); ++i) {
    CHECK(std::ranges::all_of(b.to->output_pulls, all_of_the_first));
    const auto pull = b.to->output_pulls[i];
    b.give(pull.lease, 0, pull.offset, contents[0].substr(pull.offset, pull.bytes));
  }
  REQUIRE(b.to->fetched.size() == 1);
  CHECK(b.to->output_pulls.back().lease == 2);
}
