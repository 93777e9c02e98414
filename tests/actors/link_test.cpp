// Who may join: the greeting, the table of links, and the pace of pieces.
#include "actors/cluster/certificates.hpp"
#include "actors/cluster/limits.hpp"
#include "actors/cluster/link_table.hpp"
#include "actors/cluster/piece_pacer.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

link_hello good_hello() {
  link_hello hello;
  hello.version = "1.2";
  hello.machine = "m";
  hello.actor_node = "n";
  hello.slots = 4;
  hello.memory_bytes = 1'000'000;
  hello.formats = "jpeg 6, png 1.6";
  return hello;
}

std::string without(std::string text, const std::string& key) {
  const auto at = text.find(key + ' ');
  return text.erase(at, text.find('\n', at) + 1 - at);
}

struct table {
  link_table links{"1.2", "jpeg 6, png 1.6"};
  std::vector<std::string> cut;
  int tokens = 0;

  std::shared_ptr<link_facts> link(const std::string& name, const std::string& machine) {
    auto facts = std::make_shared<link_facts>();
    facts->name = name;
    facts->address = "10.0.0.2";
    facts->token = std::to_string(++tokens);
    facts->hello = good_hello();
    facts->hello.machine = machine;
    facts->hello.actor_node = "node" + facts->token;
    facts->cut = [this, token = facts->token] { cut.push_back(token); };
    return facts;
  }
  std::string refusal(const std::shared_ptr<link_facts>& facts) {
    const auto answer = links.refuse(facts);
    if (answer) CHECK_FALSE(answer->text.empty());
    return answer ? answer->refused : "";
  }
};

} // namespace

TEST_CASE("a greeting is read as it was written") {
  const auto hello = good_hello();
  const auto again = read_hello(to_text(hello));
  REQUIRE(again);
  CHECK(again->version == hello.version);
  CHECK(again->machine == hello.machine);
  CHECK(again->actor_node == hello.actor_node);
  CHECK(again->slots == hello.slots);
  CHECK(again->memory_bytes == hello.memory_bytes);
  CHECK(again->formats == hello.formats);
  link_answer welcome;
  welcome.token = "t";
  welcome.input_bytes_max = 5;
  welcome.image_pixels_max = 6;
  const auto read = read_answer(to_text(welcome));
  REQUIRE(read);
  CHECK(read->token == "t");
  CHECK(read->input_bytes_max == 5);
  CHECK(read->image_pixels_max == 6);
  link_answer no;
  no.refused = "isolated";
  no.text = "two\nlines";
  CHECK(read_answer(to_text(no))->text == "two lines");
}

TEST_CASE("a greeting that lacks something is refused with a sentence") {
  const auto whole = to_text(good_hello());
  for (const auto* key : {"protocol", "machine", "actor-node", "slots", "memory-bytes"}) {
    CAPTURE(key);
    const auto read = read_hello(without(whole, key));
    REQUIRE_FALSE(read);
    CHECK_FALSE(read.error().empty());
  }
  for (const auto* slots : {"0", "-1", "100000", "4x", ""}) {
    CAPTURE(slots);
    CHECK_FALSE(read_hello("darkroom-link 1\nslots " + std::string{slots} + '\n' +
                           without(whole, "slots").substr(16)));
  }
  for (std::size_t cut = 1; cut + 1 < whole.size(); ++cut)
    CHECK_FALSE((read_hello(whole.substr(0, cut)) && whole[cut - 1] != '\n'));
  CHECK_FALSE(read_hello("GET / HTTP/1.1\r\n\r\n"));
  for (const auto* bad :
       {"darkroom-link 1\n\n", "darkroom-link 1\ntoken t\n\n",
        "darkroom-link 1\ninput-bytes-max 1\nimage-pixels-max 1\n\n", "darkroom-link 1\ntoken", ""})
    CHECK_FALSE(read_answer(bad));
}

TEST_CASE("another protocol is understood so far that it can be refused by name") {
  auto hello = good_hello();
  hello.protocol = link_protocol + 1;
  auto text = without(to_text(hello), "machine"); // as if later ones had no such line
  const auto read = read_hello(text);
  REQUIRE(read);
  CHECK(read->version == "1.2");
}

TEST_CASE("workers that differ from the server are refused") {
  table t;
  const auto one = t.link("a", "m");
  SECTION("protocol") {
    one->hello.protocol += 1;
    CHECK(t.refusal(one) == "protocol_mismatch");
  }
  SECTION("version") {
    one->hello.version = "1.3";
    CHECK(t.refusal(one) == "version_mismatch");
  }
  SECTION("libraries") {
    one->hello.formats = "jpeg 7";
    CHECK(t.refusal(one) == "formats_mismatch");
  }
  CHECK(t.links.all().empty());
}

TEST_CASE("a worker that comes again takes the place of its older link, another does not") {
  table t;
  const auto first = t.link("a", "m");
  CHECK(t.refusal(first) == "");
  CHECK(t.refusal(t.link("a", "other")) == "name_taken");
  CHECK(t.cut.empty());
  const auto second = t.link("a", "m");
  CHECK(t.refusal(second) == "");
  CHECK(t.cut == std::vector<std::string>{first->token});
  t.links.remove(first); // it ends late, and takes nothing with it
  CHECK(t.links.find(second->token) == second);
  t.links.remove(second);
  CHECK(t.links.find(second->token) == nullptr);
}

TEST_CASE("the same actor system cannot join twice") {
  table t;
  const auto first = t.link("a", "m"), second = t.link("b", "n");
  second->hello.actor_node = first->hello.actor_node;
  CHECK(t.refusal(first) == "");
  CHECK(t.refusal(second) == "identity_taken");
}

TEST_CASE("a node that is not trusted is cut, and let in again when it is forgiven") {
  table t;
  const auto first = t.link("a", "m");
  CHECK(t.refusal(first) == "");
  t.links.isolate("a", "lied");
  CHECK(t.cut == std::vector<std::string>{first->token});
  t.links.remove(first);
  CHECK(t.refusal(t.link("a", "m")) == "isolated");
  CHECK(t.links.isolated().at("a") == "lied");
  t.links.forgive("a");
  CHECK(t.refusal(t.link("a", "m")) == "");
}

TEST_CASE("there are only so many workers") {
  table t;
  for (std::size_t i = 0; i < limits::nodes_max; ++i)
    REQUIRE(t.refusal(t.link("n" + std::to_string(i), "m")) == "");
  CHECK(t.refusal(t.link("more", "m")) == "too_many_nodes");
}

TEST_CASE("names of nodes are those of hosts") {
  for (const auto* name : {"a", "studio-1", "a.b", "X9", "127.0.0.1"})
    CHECK(is_node_name(name));
  for (const auto* name : {"", "-a", "a/b", "a b", "a\n", "..", "\xc3\xa4"})
    CHECK_FALSE(is_node_name(name));
  CHECK(is_node_name(std::string(limits::node_name_bytes_max, 'a')));
  CHECK_FALSE(is_node_name(std::string(limits::node_name_bytes_max + 1, 'a')));
}

TEST_CASE("pieces grow on a fast link, shrink on a slow one, and stay within bounds") {
  piece_pacer pacer;
  CHECK(pacer.bytes() == limits::piece_bytes_first);
  pacer.took((limits::piece_fast_ms + limits::piece_slow_ms) / 2);
  CHECK(pacer.bytes() == limits::piece_bytes_first);
  for (int i = 0; i < 20; ++i)
    pacer.took(0);
  CHECK(pacer.bytes() == limits::piece_bytes_most);
  for (int i = 0; i < 20; ++i)
    pacer.took(limits::piece_slow_ms + 1);
  CHECK(pacer.bytes() == limits::piece_bytes_least);
}
