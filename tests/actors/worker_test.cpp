// WORKER: what it fetches, runs and keeps, with a server that the test speaks for.
#include "actors/cluster/limits.hpp"
#include "noting_actors.hpp"

#include "actors/cluster/worker.hpp"
#include "persistence/spec_codec.hpp"

#include <catch2/generators/catch_generators.hpp>

using namespace darkroom;
using namespace darkroom::actors;
using namespace darkroom::tests;
using domain::failure_reason;

namespace {

// Copies the input to the output.
class copying_runner final : public slot_runner {
public:
  copying_runner(std::shared_ptr<spool> files, std::shared_ptr<std::vector<std::string>> seen)
      : files_(files), outputs_(files), seen_(std::move(seen)) {}
  codecs::result<codecs::image_info> probe(const probe_job&) override { return {}; }
  conversion_outcome convert(const conversion_job& job, const codecs::progress_listener&) override {
    const auto file = files_->open_input(std::stoull(job.file->source));
    REQUIRE(file);
    seen_->push_back(content_of("/proc/self/fd/" + std::to_string(file->get())));
    const auto staged = outputs_.stage(job.batch, job.index, 0, job.file->outputs.at(0),
                                       file->get(), domain::existing_policy::fail);
    REQUIRE(staged);
    file_converted done;
    done.result.outputs.push_back({.bytes = staged->bytes, .sha256 = staged->sha256});
    return done;
  }
  void interrupt(domain::lease_id) noexcept override {}

private:
  std::shared_ptr<spool> files_;
  spool_outputs outputs_;
  std::shared_ptr<std::vector<std::string>> seen_;
};

struct workplace {
  explicit workplace(std::size_t slots = 1) {
    server = on.system().spawn(noting_transfer, to);
    node = on.system().spawn(noting_node, to);
    under_test = on.system().spawn(
        worker,
        worker_options{slots, [this] { return std::make_unique<copying_runner>(files, converted); },
                       files, std::make_shared<slot_board>(slots), false,
                       [this](const std::string& line) { announced.push_back(line); },
                       [this] { left = true; }});
  }
  ~workplace() {
    for (const auto& actor :
         {caf::actor_cast<caf::actor>(server), caf::actor_cast<caf::actor>(node),
          caf::actor_cast<caf::actor>(under_test)})
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    on.run();
  }

  // `named`: the source is named by its digest, as blobs are.
  void assign(domain::lease_id lease, const std::string& content, bool named = false,
              const std::string& carried = {}) {
    contents[lease] = content;
    auto job = job_of(lease);
    auto entry = *job.file;
    entry.bytes = content.size();
    if (named) entry.source = persistence::to_hex(result_of({content}).outputs[0].sha256);
    assign_file order;
    order.lease = lease;
    order.source = server;
    order.batch.assign(16, 'b');
    order.index = job.index;
    order.entry = persistence::encode_entry(entry);
    order.content = carried;
    order.spec = persistence::encode_spec(*job.spec);
    assign(order);
  }
  void assign(const assign_file& order) {
    caf::send_as(node, under_test, order);
    on.run();
  }
  template<class Message>
  void say(Message message) {
    caf::anon_send(under_test, std::move(message));
    on.run();
  }
  // Answers what it has asked for.
  void serve(std::size_t pieces = SIZE_MAX) {
    for (; pieces > 0 && !to->input_pulls.empty(); --pieces) {
      const auto pull = to->input_pulls.front();
      to->input_pulls.erase(to->input_pulls.begin());
      say(input_piece{pull.lease, pull.offset, contents[pull.lease].substr(pull.offset, pull.bytes),
                      false});
    }
  }
  std::string output_of(domain::lease_id lease, std::uint32_t bytes) {
    caf::send_as(server, under_test, pull_output{lease, 0, 0, bytes});
    on.run();
    return to->output_pieces.back().content;
  }

  scratch folder;
  bool left = false;
  std::vector<std::string> announced;
  std::map<domain::lease_id, std::string> contents;
  std::shared_ptr<spool> files = std::make_shared<spool>(folder.path());
  std::shared_ptr<std::vector<std::string>> converted =
      std::make_shared<std::vector<std::string>>();
  std::shared_ptr<heard> to = std::make_shared<heard>();
  stage on;
  transfer_actor server;
  node_actor node;
  worker_actor under_test;
};

} // namespace

TEST_CASE("a large input lies in the folder while it is there, without a name") {
  workplace w;
  w.assign(1, std::string(limits::small_input_bytes + 1, 'x'));
  CHECK(std::filesystem::is_empty(w.folder.path()));
  w.serve();
  REQUIRE(w.converted->size() == 1);
  CHECK(w.converted->front().size() == limits::small_input_bytes + 1);
}

TEST_CASE("a worker that cannot keep inputs says so, once") {
  workplace w;
  std::filesystem::remove_all(w.folder.path());
  for (domain::lease_id lease : {1, 2})
    w.assign(lease, std::string(limits::small_input_bytes + 1, 'x'));
  REQUIRE(w.to->ended.size() == 2);
  CHECK(w.to->ended[0].how == static_cast<std::uint8_t>(file_end::failed));
  REQUIRE(w.announced.size() == 1);
  CHECK(w.announced[0].find(w.folder.path()) != std::string::npos);
  CHECK(w.announced[0].find("until there is room") != std::string::npos);
}

TEST_CASE("an input is fetched, converted, and its output kept until the server has it") {
  workplace w;
  w.assign(1, "picture", true);
  w.serve();
  CHECK(*w.converted == std::vector<std::string>{"picture"});
  REQUIRE(w.to->ended.size() == 1);
  CHECK(w.to->ended[0].how == static_cast<std::uint8_t>(file_end::converted));
  const auto result = persistence::decode_outcome(w.to->ended[0].result);
  REQUIRE(result);
  CHECK(std::get<domain::file_completed>(result->result).index == 1);
  CHECK(w.output_of(1, 100) == "picture");
  CHECK(w.output_of(1, 100) == "picture"); // as often as it likes
  CHECK(w.output_of(1, limits::piece_bytes_most + 1).empty());
  w.say(drop_file{1, false});
  CHECK(w.to->file_dropped == std::vector<domain::lease_id>{1});
  CHECK(w.output_of(1, 100).empty());
  CHECK(std::filesystem::is_empty(w.folder.path())); // its files have no names
}

TEST_CASE("a small input comes with its order, and small outputs go with their result") {
  workplace w;
  w.assign(1, "picture", true, "picture");
  CHECK(w.to->input_pulls.empty());
  CHECK(*w.converted == std::vector<std::string>{"picture"});
  REQUIRE(w.to->ended.size() == 1);
  CHECK(w.to->ended[0].contents == std::vector<std::string>{"picture"});
  w.say(drop_file{.lease = 1, .quiet = true});
  CHECK(w.to->file_dropped.empty());
  CHECK(w.output_of(1, 100).empty());
  SECTION("large ones wait to be fetched") {
    w.assign(2, std::string(limits::carried_bytes_max + 1, 'x'));
    w.serve();
    REQUIRE(w.to->ended.size() == 2);
    CHECK(w.to->ended[1].contents.empty());
  }
  SECTION("a damaged one is not converted") {
    const auto* damaged = GENERATE("Picture", "pictures", "pic");
    w.assign(2, "picture", true, damaged);
    REQUIRE(w.to->ended.size() == 2);
    CHECK(w.to->ended[1].reason == static_cast<std::uint8_t>(failure_reason::io_error));
    CHECK(w.converted->size() == 1);
  }
}

TEST_CASE("inputs come in pieces, so many on their way") {
  workplace w;
  w.assign(1, std::string(10 * limits::piece_bytes_most, 'x'));
  CHECK(w.to->input_pulls.size() == limits::pieces_in_flight_max);
  w.serve(1);
  CHECK(w.to->input_pulls.size() == limits::pieces_in_flight_max);
  w.serve();
  CHECK(w.to->ended.size() == 1);
}

TEST_CASE("an input that does not arrive as it should is not converted") {
  workplace w;
  const auto piece = [&](std::uint64_t offset, const std::string& content, bool failed = false) {
    w.say(input_piece{1, offset, content, failed});
  };
  w.assign(1, "picture", true);
  SECTION("other bytes") {
    piece(0, "Picture");
  }
  SECTION("from elsewhere") {
    piece(3, "picture");
  }
  SECTION("too many") {
    piece(0, "pictures");
  }
  SECTION("the server cannot read it") {
    piece(0, "", true);
  }
  REQUIRE(w.to->ended.size() == 1);
  CHECK(w.to->ended[0].how == static_cast<std::uint8_t>(file_end::failed));
  CHECK(w.to->ended[0].reason == static_cast<std::uint8_t>(failure_reason::io_error));
  CHECK(w.converted->empty());
}

TEST_CASE("orders that cannot be met are answered") {
  workplace w;
  SECTION("an empty file") {
    w.assign(1, "");
    REQUIRE(w.to->ended.size() == 1);
    CHECK(w.to->ended[0].reason == static_cast<std::uint8_t>(failure_reason::truncated_input));
  }
  SECTION("an order that cannot be read") {
    assign_file order;
    order.lease = 1;
    order.source = w.server;
    order.entry = "?";
    w.assign(order);
    REQUIRE(w.to->ended.size() == 1);
    CHECK(w.to->ended[0].reason == static_cast<std::uint8_t>(failure_reason::internal));
  }
  SECTION("a spec that cannot be read") {
    assign_file order;
    order.lease = 1;
    order.source = w.server;
    order.batch.assign(16, 'b');
    order.entry = persistence::encode_entry(*job_of(1).file);
    order.spec = "?";
    w.assign(order);
    REQUIRE(w.to->ended.size() == 1);
    CHECK(w.to->ended[0].reason == static_cast<std::uint8_t>(failure_reason::internal));
  }
  SECTION("no folder for inputs") {
    std::filesystem::remove_all(w.folder.path());
    w.assign(1, std::string(limits::small_input_bytes + 1, 'x'));
    REQUIRE(w.to->ended.size() == 1);
    CHECK(w.to->ended[0].reason == static_cast<std::uint8_t>(failure_reason::io_error));
  }
}

TEST_CASE("the same order twice is one") {
  workplace w;
  w.assign(1, "picture");
  w.assign(1, "picture");
  CHECK(w.to->input_pulls.size() == 1);
}

TEST_CASE("files wait for a slot in the order of their leases") {
  workplace w(1);
  w.assign(1, "one");
  w.assign(2, "two");
  w.assign(3, "three");
  w.serve();
  CHECK(*w.converted == std::vector<std::string>{"one", "two", "three"});
  CHECK(w.to->ended.size() == 3);
}

TEST_CASE("a file that is wanted no more leaves nothing, and what still comes is dropped") {
  workplace w;
  w.assign(1, "picture");
  const bool only_if_waiting = GENERATE(false, true);
  w.say(drop_file{1, only_if_waiting});
  CHECK(w.to->file_dropped == std::vector<domain::lease_id>{1});
  w.serve();
  CHECK(w.converted->empty());
  CHECK(w.to->ended.empty());
  w.assign(2, "next");
  w.serve();
  CHECK(w.to->ended.size() == 1);
}

TEST_CASE("a result that waits for its server is not recalled") {
  workplace w;
  w.assign(1, "picture");
  w.serve();
  w.say(drop_file{1, true});
  CHECK(w.to->file_dropped.empty());
  CHECK(w.output_of(1, 100) == "picture");
}

TEST_CASE("a lease that it does not have is free") {
  workplace w;
  w.assign(1, "picture"); // from then on it knows whom to tell
  w.say(drop_file{9, true});
  CHECK(w.to->file_dropped.empty());
  w.say(drop_file{9, false});
  CHECK(w.to->file_dropped == std::vector<domain::lease_id>{9});
}

TEST_CASE("it tells where its files are when that has changed, and as a sign of life") {
  workplace w;
  w.assign(1, std::string(4 * limits::piece_bytes_first, 'x'));
  w.serve(1);
  w.on.advance(limits::progress_ms);
  REQUIRE(w.to->positions.size() == 1);
  CHECK(w.to->positions[0].phase == static_cast<std::uint8_t>(work_phase::fetching));
  CHECK(w.to->positions[0].percent == 25);
  w.serve();
  w.on.advance(limits::progress_ms);
  CHECK(w.to->positions[0].phase == static_cast<std::uint8_t>(work_phase::kept));
}

TEST_CASE("it leaves when the server has taken everything") {
  workplace w;
  SECTION("nothing to do") {
    w.say(leaving{});
    CHECK(w.left);
  }
  SECTION("a result is left") {
    w.assign(1, "picture");
    w.serve();
    w.say(leaving{});
    CHECK(w.to->leaving);
    CHECK_FALSE(w.left);
    w.say(drop_file{1, false});
    CHECK(w.left);
  }
}
