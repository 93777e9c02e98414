#include "app/memory_budget.hpp"

#include "base/units.hpp"
#include "tests/support/scratch.hpp"

using namespace darkroom;
using namespace darkroom::tests;
using limits::MiB;

namespace {

// A system as /proc and /sys tell of it.
class told_system {
public:
  told_system(const std::string& own, std::uint64_t available) {
    dir_.write("own", own);
    dir_.write("meminfo", "MemTotal:       16000000 kB\nMemAvailable: " +
                              std::to_string(available / limits::KiB) + " kB\n");
  }
  told_system& limit(const std::string& file, const std::string& value) {
    dir_.write("cgroup/" + file, value + '\n');
    return *this;
  }
  std::uint64_t budget() const {
    return app::default_memory_budget({dir_ / "cgroup", dir_ / "own", dir_ / "meminfo"});
  }

private:
  scratch dir_;
};

constexpr std::uint64_t much = 64 * limits::GiB;

} // namespace

TEST_CASE("the memory that is taken by default follows from the machine and its control groups") {
  CHECK(told_system("0::/\n", much).budget() == 1'024 * MiB);
  CHECK(told_system("0::/\n", 800 * MiB).budget() == 600 * MiB);
  CHECK(
      told_system("0::/a/b\n", much).limit("a/b/memory.max", std::to_string(400 * MiB)).budget() ==
      300 * MiB);
  CHECK(told_system("0::/a/b\n", much)
            .limit("a/b/memory.max", "max")
            .limit("a/memory.max", std::to_string(800 * MiB))
            .budget() == 600 * MiB);
  CHECK(told_system("5:cpu:/x\n4:cpuset,memory:/a/b\n0::/\n", much)
            .limit("memory/a/b/memory.limit_in_bytes", "9223372036854771712")
            .limit("memory/a/memory.limit_in_bytes", std::to_string(200 * MiB))
            .budget() == 150 * MiB);
  // In a container, the groups above are not to be seen, and the group may be called otherwise.
  CHECK(told_system("4:memory:/host/path\n", much)
            .limit("memory/memory.limit_in_bytes", std::to_string(300 * MiB))
            .budget() == 225 * MiB);
}

TEST_CASE("a system that says nothing of its memory, or nonsense, gets the usual budget") {
  CHECK(told_system("", much).budget() == 1'024 * MiB);
  CHECK(told_system("nonsense\n::\n0:\n", much).limit("memory.max", "x").budget() == 1'024 * MiB);
  CHECK(app::default_memory_budget({"/nowhere", "/nowhere", "/nowhere"}) == 1'024 * MiB);
  CHECK(told_system("0::/\n", 100 * MiB).budget() == 128 * MiB);
}

TEST_CASE("a process knows what it has in memory") {
  const auto before = app::own_memory();
  REQUIRE(before);
  constexpr std::size_t size = 64 * limits::MiB;
  const std::vector<char> touched(size, 'x');
  CHECK(app::own_memory().value_or(0) >= *before + size / 2);
  CHECK(touched.back() == 'x');
}
