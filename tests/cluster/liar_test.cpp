// A worker that lies: what it says is not believed, it is marked and kept out, and its files are
// done by others.
#include "config/version.hpp"
#include "site.hpp"

#include <catch2/generators/catch_generators.hpp>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

app::child_launch liar_launch(site& s, const std::string& lie) {
  auto formats = run_darkroom({"worker", "--formats"}, s.folder().path()).out;
  formats.pop_back();
  return {{DARKROOM_LIAR, "127.0.0.1", "7411", s.issue("liar"), version, formats, lie},
          app::plain_environment(),
          "",
          "/dev/null",
          s.folder() / "liar.log"};
}

void is_found_out(const std::string& lie, const std::string& said) {
  CAPTURE(lie);
  site s;
  const auto launch = liar_launch(s, lie);
  app::child_process liar(launch);
  REQUIRE(s.comes_to("liar", "active"));
  const auto batch = s.submit(pictures(6, 60));
  REQUIRE(s.comes_to("liar", "isolated", 60));
  INFO(app::text_of(s.node("liar"), "isolated_because"));
  CHECK(app::text_of(s.node("liar"), "isolated_because").find(said) != std::string::npos);
  CHECK(liar.wait(std::chrono::seconds(10)) == 10); // its link was cut
  CHECK(s.done_of(batch) == 0);
  s.server().restart(); // which does not forget
  CHECK(s.comes_to("liar", "isolated"));
  app::child_process again(launch);
  CHECK(again.wait(std::chrono::seconds(10)) == 11);
  CHECK(content_of(s.folder() / "liar.log").find("isolated: the server does not trust this node") !=
        std::string::npos);
  s.start_worker("honest");
  CHECK(s.completes(batch, 60));
  CHECK(s.outputs(batch).size() == 6);
}

} // namespace

TEST_CASE("a worker that lies is found out") {
  const auto [lie, said] =
      GENERATE(table<std::string, std::string>({{"nothing", "other bytes than it said"},
                                                {"less", "other bytes than it said"},
                                                {"more", "other bytes than it said"},
                                                {"digest", "not those that it named"},
                                                {"lease", "that it was not given"},
                                                {"result", "a result that cannot be"},
                                                {"reason", "a reason that there is not"},
                                                {"twice", "the result of a file twice"},
                                                {"message", "not a worker's to say"},
                                                {"exit", "not a worker's to say"},
                                                {"giant", "sent a message of"}}));
  is_found_out(lie, said);
}

TEST_CASE("a worker cannot join in another's place") {
  site s;
  app::child_process liar(liar_launch(s, "another"));
  CHECK(s.comes_to("liar", "isolated"));
  CHECK(app::text_of(s.node("liar"), "isolated_because") == "joined with another's worker");
  s.start_worker("honest");
  CHECK(s.completes(s.submit(pictures(6, 60)), 60));
}

TEST_CASE("full: a worker that says it is done, and then nothing", "[.full]") {
  is_found_out("silence", "sent none of its bytes for long");
}
