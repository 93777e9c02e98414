// What may come through a worker's link: every kind of message, however its bytes are cut.
#include "actors/cluster/basp_gate.hpp"
#include "actors/cluster/limits.hpp"
#include "actors/cluster/wire.hpp"
#include "base/units.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/exit_reason.hpp>
#include <caf/io/basp/header.hpp>
#include <caf/message_id.hpp>
#include <caf/system_messages.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace darkroom;
using namespace darkroom::actors;
using caf::io::basp::header;
using caf::io::basp::message_type;

namespace {

constexpr std::uint64_t asynchronous = caf::message_id::default_async_value;
constexpr std::uint64_t request = asynchronous | 7;

struct wire_config : caf::actor_system_config {
  wire_config() { add_message_types<caf::id_block::darkroom_wire>(); }
};

class transcript {
public:
  template<class... Content>
  std::string frame(header head, const Content&... content) {
    std::vector<char> payload, text;
    caf::binary_serializer inner{system_, payload};
    if constexpr (sizeof...(content) != 0) REQUIRE_FALSE(inner(content...));
    head.payload_len = static_cast<std::uint32_t>(payload.size());
    caf::binary_serializer outer{system_, text};
    REQUIRE_FALSE(outer(head));
    text.insert(text.end(), payload.begin(), payload.end());
    return {text.begin(), text.end()};
  }
  template<class... Content>
  std::string message(std::uint64_t id, const Content&... content) {
    return frame({message_type::direct_message, 0, 0, id, 5, 9},
                 std::vector<caf::strong_actor_ptr>{}, caf::make_message(content...));
  }
  // With a worker of this id, on this machine.
  std::string join(std::uint64_t actor, const caf::node_id& on, const std::string& token = "token",
                   std::uint64_t sender = 4) {
    return frame({message_type::direct_message, 0, 0, request, sender, 9}, std::uint8_t{0},
                 std::uint16_t{0}, std::string{"@<>+darkroom::actors::join_cluster"}, token, actor,
                 on);
  }
  std::string down(const caf::error& reason) {
    return frame({message_type::down_message, 0, 0, 0, 3, 0}, worker, server, reason);
  }
  std::string beginning() { return handshake() + join(5, worker); }
  std::string handshake() { return frame({message_type::client_handshake, 0, 0, 0, 0, 0}, worker); }
  std::string news(message_type what, const caf::node_id& from, const caf::node_id& to) {
    return frame({what, 0, 0, 0, 3, 4}, from, to);
  }
  std::string heartbeat() { return frame({message_type::heartbeat, 0, 0, 0, 0, 0}); }
  basp_gate gate() { return basp_gate{caf::to_string(worker), caf::to_string(server)}; }

  const caf::node_id worker = node(1), server = node(2), third = node(3);

private:
  static caf::node_id node(std::uint32_t process) {
    return *caf::make_node_id(process, "0123456789ABCDEF0123456789ABCDEF01234567");
  }
  wire_config config_;
  caf::actor_system system_{config_};
};

// Why it was refused; empty: it was not.
std::string refusal(basp_gate gate, const std::string& text) {
  std::vector<char> out;
  const auto ok = gate.pass(text, out);
  return ok ? "" : ok.error();
}

} // namespace

TEST_CASE("what a worker says passes unchanged, however it is cut") {
  transcript t;
  output_piece piece{7, 0, 0, std::string(limits::piece_bytes_most, 'x')};
  const std::string said =
      t.handshake() + t.heartbeat() + t.handshake() +
      t.news(message_type::monitor_message, t.worker, t.server) + t.join(5, t.worker) +
      t.message(asynchronous, pull_input{7, 0, 100}) + t.message(asynchronous, piece) +
      t.message(asynchronous, file_ended{}) + t.message(asynchronous, file_dropped{7}) +
      t.message(asynchronous, work_progress{{file_position{}, file_position{}}}) +
      t.message(asynchronous, echo{}) + t.message(asynchronous, leaving{}) + t.heartbeat() +
      t.down(caf::exit_reason::user_shutdown) + t.down({}) +
      t.down(caf::make_error(caf::sec::runtime_error, std::string{"why"}));
  const std::size_t step = GENERATE(1, 2, 31, 32, 33, 63, 1'000, 1'000'000);
  CAPTURE(step);
  auto gate = t.gate();
  std::vector<char> out;
  for (std::size_t at = 0; at < said.size(); at += step) {
    const auto ok = gate.pass(std::string_view{said}.substr(at, step), out);
    INFO((ok ? "" : ok.error()));
    REQUIRE(ok);
  }
  CHECK(std::string(out.begin(), out.end()) == said);
}

TEST_CASE("a join is written as CAF writes it") {
  transcript t;
  const auto by_caf =
      t.frame({message_type::direct_message, 0, 0, request, 4, 9},
              std::vector<caf::strong_actor_ptr>{}, caf::make_message(join_cluster{"token", {}}));
  CHECK(by_caf == t.join(0, {}));
}

TEST_CASE("what is not a worker's to say is refused, and does not come through whole") {
  transcript t;
  const auto of = [&t](header head, std::vector<caf::strong_actor_ptr> by, caf::message content) {
    return t.frame(std::move(head), by, content);
  };
  const auto some = caf::make_message(echo{});
  const header plain{message_type::direct_message, 0, 0, asynchronous, 5, 9};
  header routed = plain, response = plain, streamed = plain, named = plain, answered = plain,
         odd = plain, nobody = plain, another = plain;
  nobody.source_actor = 0;
  another.source_actor = 6;
  routed.operation = message_type::routed_message;
  streamed.operation_data = caf::message_id{asynchronous}
                                .with_category(caf::message_id::upstream_message_category)
                                .integer_value();
  response.operation_data = caf::message_id{request}.response_id().integer_value();
  named.flags = header::named_receiver_flag;
  answered.operation_data |= caf::message_id::answered_flag_mask;
  odd.operation = static_cast<message_type>(7);
  using down = caf::down_msg;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"not a worker's to say: @<>+@exit",
       t.message(asynchronous, caf::exit_msg{{}, caf::exit_reason::kill})},
      {"not a worker's to say: @<>+@down", t.message(asynchronous, down{{}, {}})},
      {"not a worker's to say: @<>+@atom+@atom+@str",
       t.message(request, caf::sys_atom::value, caf::get_atom::value, std::string{"info"})},
      {"not a worker's to say: @<>+darkroom::actors::assign_file",
       t.message(asynchronous, assign_file{})},
      {"not a worker's to say: @<>+darkroom::actors::echo+darkroom::actors::echo",
       t.message(asynchronous, echo{}, echo{})},
      {"not a worker's to say: @<>", of(plain, {}, {})},
      {"by way of others", of(plain, {caf::strong_actor_ptr{}}, some)},
      {"an unusual way", of(nobody, {}, some)},
      {"let somebody else speak", of(another, {}, some)},
      {"not a worker's to say", t.join(5, t.worker)}, // once more
      {"an unusual way", of(response, {}, some)},
      {"an unusual way", of(streamed, {}, some)},
      {"an unusual way", of(named, {}, some)},
      {"an unusual way", of(answered, {}, some)},
      {"spoke for others", of(routed, {}, some)},
      {"spoke for others", of(odd, {}, some)},
      {"spoke for others", t.frame({message_type::server_handshake, 0, 0, 0, 0, 0}, t.worker)},
      {"another name", t.frame({message_type::client_handshake, 0, 0, 0, 0, 0}, t.third)},
      {"another machine", t.news(message_type::down_message, t.third, t.server)},
      {"another machine", t.news(message_type::down_message, t.server, t.server)},
      {"not for us", t.news(message_type::down_message, t.worker, t.third)},
      {"not for us", t.news(message_type::monitor_message, t.worker, caf::node_id{})},
      {"news without a reason", t.news(message_type::down_message, t.worker, t.server)},
      {"news with something behind", t.frame({message_type::monitor_message, 0, 0, 0, 0, 4},
                                             t.worker, t.server, std::string{"x"})},
      {"a reason with something in it: @<>+@strong_actor_ptr",
       t.down(caf::make_error(caf::sec::runtime_error, caf::strong_actor_ptr{}))},
      {"a reason with something in it: @<>+@str+@str",
       t.down(caf::make_error(caf::sec::runtime_error, std::string{"a"}, std::string{"b"}))},
      {"a heartbeat with", t.frame({message_type::heartbeat, 0, 0, 0, 0, 0}, std::string{"x"})},
      {"news of 0 bytes", t.frame({message_type::monitor_message, 0, 0, 0, 0, 0})},
      {"a message of 0 bytes", t.frame(plain)},
      {"a message of ",
       t.message(asynchronous, output_piece{1, 0, 0, std::string(limits::MiB, 'x')})},
      {"news of ", t.frame({message_type::down_message, 0, 0, 0, 0, 0}, t.worker, t.server,
                           std::string(limits::link_news_bytes_max, 'x'))}};
  for (const auto& [why, text] : cases) {
    CAPTURE(why);
    CHECK(refusal(t.gate(), t.beginning() + text).find(why) != std::string::npos);
    auto gate = t.gate();
    std::vector<char> out;
    REQUIRE(gate.pass(t.beginning(), out));
    bool refused = false;
    for (std::size_t at = 0; at < text.size() && !refused; ++at)
      refused = !gate.pass(std::string_view{text}.substr(at, 1), out);
    CHECK(refused);
    CHECK(out.size() == t.beginning().size());
  }
}

TEST_CASE("a link begins with a greeting in its own name") {
  transcript t;
  CHECK(refusal(t.gate(), t.heartbeat()).find("did not greet") != std::string::npos);
  CHECK(refusal(t.gate(), t.message(asynchronous, echo{})).find("did not greet") !=
        std::string::npos);
  for (const auto& node : {t.third, t.server, caf::node_id{}})
    CHECK(refusal(t.gate(), t.frame({message_type::client_handshake, 0, 0, 0, 0, 0}, node))
              .find("another name") != std::string::npos);
  CHECK(refusal(t.gate(), t.frame({message_type::client_handshake, 0, 0, 0, 0, 0}, t.worker,
                                  std::string{"and more"}))
            .find("another name") != std::string::npos);
}

TEST_CASE("nothing is said before a worker of the same machine has joined") {
  transcript t;
  const auto said = [&](const std::string& text) {
    return refusal(t.gate(), t.handshake() + text);
  };
  CHECK(said(t.message(asynchronous, echo{})).find("let somebody else speak") != std::string::npos);
  for (const auto& node : {t.third, t.server, caf::node_id{}})
    CHECK(said(t.join(5, node)).find("another's worker") != std::string::npos);
  CHECK(said(t.join(0, t.worker)).find("another's worker") != std::string::npos);
  CHECK(said(t.join(5, t.worker, std::string(limits::link_news_bytes_max, 't')))
            .find("too many words") != std::string::npos);
  CHECK(said(t.join(5, t.worker, "token", 0)).find("an unusual way") != std::string::npos);
}

TEST_CASE("an actor system without a name is nobody") {
  transcript t;
  basp_gate gate{caf::to_string(caf::node_id{}), caf::to_string(t.server)};
  CHECK(refusal(gate, t.frame({message_type::client_handshake, 0, 0, 0, 0, 0}, caf::node_id{}))
            .find("another name") != std::string::npos);
}
