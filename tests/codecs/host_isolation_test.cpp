// Where a codec host is: behind which layers, and whether it keeps a disk in use that others
// unmount. Tests start this program again in a mount namespace of its own, where they have a disk.
#include "base/unique_fd.hpp"
#include "codecs/host/codec_host.hpp"
#include "codecs/host/sandbox.hpp"

#include "tests/support/refused_call.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace darkroom;
using namespace darkroom::codecs::host;
using namespace darkroom::tests;
using enum isolation_layer;

namespace {

constexpr uid_t nobody = 65534;
constexpr int disk = 9;        // the script opens it
constexpr int all_skipped = 4; // Catch2's exit code
constexpr isolation_layers of_file_systems = bit(empty_root) | bit(released_mounts);
constexpr isolation_layers of_namespaces =
    of_file_systems | bit(network_namespace) | bit(ipc_namespace) | bit(uts_namespace);

// PROGRAM ROOT DISK TESTS: runs tests of this program. With a ROOT, in a chroot there: a folder
// that is no mount, which has everything that / has, but for the disk.
constexpr auto* script = R"(
set -e
program=$1 root=$2 disk=$3 tests=$4
if [ -n "$root" ]; then
  for entry in /*; do
    if [ -L "$entry" ]; then
      cp -P "$entry" "$root"
    elif [ -d "$entry" ]; then
      mkdir "$root$entry"
      mount --rbind "$entry" "$root$entry"
    fi
  done
fi
mount -t tmpfs none "$disk"
exec 9<"$disk"
if [ -n "$root" ]; then exec chroot "$root" "$program" "$tests"; fi
exec "$program" "$tests"
)";

// A command in a mount namespace of its own, from which no mount reaches another. In a chroot too,
// whose root has to be left to make the mounts private.
constexpr auto* in_own_mounts =
    R"(unshare --mount --propagation unchanged sh -c 'exec 8</ && exec nsenter )"
    R"(--mount=/proc/self/ns/mnt sh -c "mount --make-rprivate / && )"
    R"(exec chroot /proc/self/fd/8 \"\$0\" \"\$@\"" "$0" "$@"' )";

void needs_mounts() {
  if (::geteuid() != 0) SKIP("only root may mount a disk");
  const scratch folder;
  const auto probe =
      std::string{in_own_mounts} + "mount -t tmpfs none " + folder.path() + " 2>/dev/null";
  if (std::system(probe.c_str()) != 0) SKIP("no mount namespaces here");
}

void run_again(const std::string& tests, bool in_chroot) {
  needs_mounts();
  const scratch folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
  for (const auto* name : {"disk", "root"})
    std::filesystem::create_directory(folder / name);
  const auto file = folder.write("script", script);
  const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
  const auto line = std::string{in_own_mounts} + "sh " + file + " '" + program + "' '" +
                    (in_chroot ? folder / "root" : "") + "' " + (folder / "disk") + " '" + tests +
                    "' > " + (folder / "out") + " 2>&1";
  const int status = std::system(line.c_str());
  const auto out = content_of(folder / "out");
  INFO(out);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == all_skipped) SKIP(out);
  CHECK(WEXITSTATUS(status) == 0);
}

// Hosts that have converted something.
std::unique_ptr<zygote> hosts_at_work() {
  auto started = zygote::start();
  REQUIRE(started);
  std::unique_ptr<zygote> hosts(*started);
  REQUIRE(self_test(*hosts));
  return hosts;
}

std::unique_ptr<zygote> hosts_of_nobody() {
  REQUIRE(::setresuid(nobody, nobody, 0) == 0);
  auto hosts = hosts_at_work();
  REQUIRE(::setresuid(0, 0, 0) == 0);
  return hosts;
}

// A file system ends when no namespace has it any more: then watches of it are told.
class disk_watch {
public:
  disk_watch() {
    REQUIRE(events_);
    REQUIRE(::inotify_add_watch(events_.get(), path, IN_CREATE) >= 0);
  }

  bool ends_when_unmounted() {
    REQUIRE(::umount2(path, MNT_DETACH) == 0);
    ::close(disk);
    pollfd wait{events_.get(), POLLIN, 0};
    if (::poll(&wait, 1, 5'000) != 1) return false;
    inotify_event event{};
    return ::read(events_.get(), &event, sizeof event) == sizeof event &&
           (event.mask & IN_UNMOUNT) != 0;
  }

private:
  static constexpr auto* path = "/proc/self/fd/9";
  base::unique_fd events_{::inotify_init1(IN_CLOEXEC)};
};

} // namespace

TEST_CASE("again: hosts of root release a disk", "[.again-root]") {
  disk_watch watch;
  const auto hosts = hosts_at_work();
  CHECK((hosts->missing_layers() & of_file_systems) == 0);
  CHECK(watch.ends_when_unmounted());
}

TEST_CASE("again: hosts of root release a disk without pivot_root", "[.again-no-pivot]") {
  disk_watch watch;
  refuse_call(SYS_pivot_root);
  const auto hosts = hosts_at_work();
  CHECK((hosts->missing_layers() & of_file_systems) == 0);
  CHECK(watch.ends_when_unmounted());
}

TEST_CASE("again: hosts of an ordinary user release a disk", "[.again-user]") {
  disk_watch watch;
  const auto hosts = hosts_of_nobody();
  if ((hosts->missing_layers() & of_namespaces) == of_namespaces)
    SKIP("no user namespaces for ordinary users here");
  CHECK((hosts->missing_layers() & of_file_systems) == 0);
  CHECK(watch.ends_when_unmounted());
}

TEST_CASE("again: hosts of an ordinary user say what they lack", "[.again-user-in-chroot]") {
  const auto hosts = hosts_of_nobody();
  CHECK((hosts->missing_layers() & of_namespaces) == of_namespaces);
}

TEST_CASE("a disk that others unmount is released by hosts") {
  run_again("[.again-root]", false);
}

TEST_CASE("a disk that others unmount is released by hosts in a chroot") {
  run_again("[.again-root]", true);
}

TEST_CASE("a disk that others unmount is released by hosts where pivot_root is refused") {
  run_again("[.again-no-pivot]", false);
}

TEST_CASE("a disk that others unmount is released by hosts in a chroot without pivot_root") {
  run_again("[.again-no-pivot]", true);
}

TEST_CASE("a disk that others unmount is released by hosts of an ordinary user") {
  run_again("[.again-user]", false);
}

// The kernel makes no user namespace in a chroot.
TEST_CASE("hosts of an ordinary user in a chroot convert with the layers that are left") {
  run_again("[.again-user-in-chroot]", true);
}
