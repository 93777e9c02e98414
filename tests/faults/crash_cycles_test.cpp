// `kill -9` of the server, of its hosts and of both at random instants, with users who do
// everything.
#include "trial.hpp"

using namespace darkroom;
using namespace darkroom::tests;

TEST_CASE("killed at random, the server keeps what it acknowledged: first half") {
  const scratch folder;
  // A seed that kills hosts in many lives: on a busy machine some lives end before they serve.
  const auto result = keeps_its_promise(trial_options(folder, 25, 10));
  CHECK(result.host_kills > 0);
  CHECK(result.completed > 0);
  CHECK(result.counts.at("commands") > 0);
}

TEST_CASE("killed at random, the server keeps what it acknowledged: second half") {
  const scratch folder;
  keeps_its_promise(trial_options(folder, 25, 2));
}
