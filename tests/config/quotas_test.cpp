#include "config/quotas.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom::config;

namespace {

quota_settings with(std::vector<std::string> exceptions) {
  quota_settings quotas;
  quotas.uploads = 5;
  quotas.exceptions = std::move(exceptions);
  return quotas;
}

} // namespace

TEST_CASE("a user's exceptions go before those of the role, and these before all others") {
  const quota_table table(with({"ann uploads=1 stored_bytes=77",
                                "role:admin uploads=9 live_batches=3", "ben cpu_s_per_day=0"}));
  CHECK(table.of(false, "ann").uploads == 1);
  CHECK(table.of(false, "ann").stored_bytes == 77);
  CHECK(table.of(true, "ann").uploads == 1);
  CHECK(table.of(true, "ann").live_batches == 3);
  CHECK(table.of(true, "cid").uploads == 9);
  CHECK(table.of(false, "cid").uploads == 5);
  CHECK(table.of(false, "ben").cpu_s_per_day == 0);
  CHECK(table.of(false, "ann").exceptions.empty());
}

TEST_CASE("exceptions that cannot be are named") {
  const std::pair<const char*, const char*> rows[] = {
      {"ann", "must be a user"},
      {"", "must be a user"},
      {"role:root uploads=1", "the roles are"},
      {"ann uploads", "is not KEY=NUMBER"},
      {"ann exceptions=1", "is not KEY=NUMBER"},
      {"ann upload=1", "is not KEY=NUMBER"},
      {"ann uploads=0", "uploads must be a whole number from 1 to 100000"},
      {"ann uploads=x", "uploads must be"},
      {"ann uploads=1x", "uploads must be"},
      {"ann files_per_batch_max=1000001", "files_per_batch_max must be"},
      {"ann live_batches=3 uploads=-1", "uploads must be"}};
  for (const auto& [entry, why] : rows) {
    INFO(entry);
    settings s;
    s.quota = with({"ben uploads=3", entry});
    const auto ok = check(s);
    REQUIRE_FALSE(ok);
    CHECK(ok.error().starts_with("quota.exceptions: "));
    CHECK(ok.error().find(why) != std::string::npos);
  }
}

TEST_CASE("every number of [quota] can be in an exception") {
  for (const auto& row : all_settings()) {
    constexpr std::string_view section = "quota.";
    if (!row.key.starts_with(section) || row.key == "quota.exceptions") continue;
    INFO(row.key);
    settings s;
    s.quota = with({"ann " + std::string{row.key.substr(section.size())} + "=7"});
    CHECK(check(s));
    settings now;
    now.quota = quota_table(s.quota).of(false, "ann");
    CHECK(*std::get<std::uint64_t*>(row.in(now)) == 7);
  }
}

TEST_CASE("the defaults protect: none is without a limit") {
  const quota_settings quotas;
  CHECK(quotas.megapixels_per_day != 0);
  CHECK(quotas.cpu_s_per_day != 0);
  CHECK(quotas.queued_files >= quotas.files_per_batch_max);
  CHECK(check(settings{}));
}
