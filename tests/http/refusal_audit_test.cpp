#include "http/refusal_audit.hpp"

#include <catch2/catch_test_macros.hpp>

using darkroom::http::refusal_audit;

TEST_CASE("the entry after a gap says how many refusals had none") {
  refusal_audit audit(2); // an hour
  std::uint64_t now = 1'000'000;
  CHECK(audit.take("ann", now).kept);
  CHECK(audit.take("ann", now).kept);
  for (int i = 0; i < 5; ++i)
    CHECK_FALSE(audit.take("ann", now).kept);
  CHECK(audit.take("ben", now).kept);
  CHECK(audit.left_out() == 5);
  now += 1'800'000'000; // half an hour: one more
  const auto after = audit.take("ann", now);
  CHECK(after.kept);
  CHECK(after.left_out == 5);
  CHECK_FALSE(audit.take("ann", now).kept);
  now += 3'600'000'000;
  CHECK(audit.take("ann", now).left_out == 1);
  CHECK(audit.take("ann", now).left_out == 0);
  CHECK(audit.left_out() == 6);
}
