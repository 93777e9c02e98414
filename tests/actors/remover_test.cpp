// REMOVER: how what deleted batches had is let go of, and how it ends.
#include "actors/remover.hpp"

#include "fixture.hpp"
#include "tests/support/no_outputs.hpp"

#include <caf/scoped_actor.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

using indexes = std::vector<domain::file_index>;

class noting_outputs final : public tests::no_outputs {
public:
  void release(const persistence::file_record& file) override { released.push_back(file.index); }

  indexes released;
};

release_files files(const indexes& of) {
  release_files message;
  message.files.resize(of.size());
  for (std::size_t i = 0; i < of.size(); ++i)
    message.files[i].index = of[i];
  return message;
}

// A remover that is asked by the test.
struct asked {
  tests::stage stage;
  std::shared_ptr<noting_outputs> outputs = std::make_shared<noting_outputs>();
  remover_actor made = stage.system().spawn(remover, outputs);
  caf::scoped_actor self{stage.system()};

  ~asked() {
    end();
    stage.run();
  }
  void end() { self->send_exit(made, caf::exit_reason::user_shutdown); }
  std::size_t answers() {
    std::size_t count = 0;
    bool more = true;
    while (more)
      self->receive([&](files_released) { ++count; },
                    caf::after(std::chrono::seconds(0)) >> [&] { more = false; });
    return count;
  }
};

} // namespace

TEST_CASE("each file is released once, and each asker gets its answer") {
  asked a;
  a.self->send(a.made, files({0, 1, 2}));
  a.self->send(a.made, files({}));
  a.self->send(a.made, files({7}));
  a.stage.run();
  CHECK(a.outputs->released == indexes{2, 1, 0, 7});
  CHECK(a.answers() == 3);
  a.self->send(a.made, files({8}));
  a.stage.run();
  CHECK(a.answers() == 1);
}

TEST_CASE("a shutdown does not wait for all files") {
  asked a;
  a.self->send(a.made, files({0, 1, 2, 3, 4}));
  a.stage.run(2);
  CHECK(a.outputs->released == indexes{4});
  a.end();
  a.stage.run();
  CHECK(a.outputs->released.size() <= 2); // EXIT overtakes what was sent last, not what is taken
  CHECK(a.answers() == 0);
}
