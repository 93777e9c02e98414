#include "toy_formats.hpp"
#include "base/units.hpp"

#include "codecs/format.hpp"

#include <cstring>
#include <fcntl.h>
#include <functional>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace darkroom::tests {

using namespace codecs;

namespace {

constexpr std::uint32_t side = 8;
constexpr int host_socket = 3, first_output = 5; // of a codec host

bool begins(std::span<const std::uint8_t> head, const char* mark) {
  return head.size() >= 4 && std::memcmp(head.data(), mark, 4) == 0;
}

result<image_info> toy_probe(input_stream&, const input_limits&) {
  return image_info{.format = "toy", .width = side, .height = side, .channels = 1};
}

result<decoded_image> toy_decode(input_stream& in, const decode_options&,
                                 const decode_planner& plan) {
  std::uint8_t bytes[5];
  if (in.read(bytes) != sizeof bytes)
    return fail(domain::failure_reason::truncated_input, "no shade");
  const image_info info{.format = "toy", .width = side, .height = side, .channels = 1};
  if (const auto way = plan(info); !way) return std::unexpected(way.error());
  decoded_image out;
  auto pixels = image::make(pixel_layout::grey, side, side, 8);
  if (!pixels) return std::unexpected(pixels.error());
  std::memset(pixels->data(), bytes[4], pixels->bytes());
  out.pixels = std::move(*pixels);
  return out;
}

result<void> toy_encode(const encode_request& request, output_sink& out) {
  const std::uint8_t file[] = {'T', 'O', 'Y', '1', request.pixels.data()[0]};
  out.write(file);
  out.flush();
  return {};
}

void attack_descriptors() {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  auto* c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof(int));
  const int own = host_socket;
  std::memcpy(CMSG_DATA(c), &own, sizeof own);
  (void)!::sendmsg(host_socket, &message, 0);
}

void attack_memory() {
  volatile std::uint8_t* kept = nullptr;
  for (int i = 0; i < 4096; ++i) {
    auto block = image::make(pixel_layout::grey, 4096, 4096, 8);
    if (!block) throw std::bad_alloc();
    block->clear();
    kept = block->data();
    (void)new image(std::move(*block)); // on purpose: it is not given back
  }
  (void)kept;
}

void attack_time() {
  static volatile bool never = false;
  while (!never) {
  }
}

void attack_output() {
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < 1024; ++i)
    if (::write(first_output, block.data(), block.size()) < 0) return;
}

using attack = std::pair<std::string, std::function<void()>>;

const std::vector<attack>& system_calls() {
  static const std::vector<attack> all{
      {"openat", [] { ::open("/etc/passwd", O_RDONLY); }},
      {"socket", [] { ::socket(AF_INET, SOCK_STREAM, 0); }},
      {"connect", [] { ::connect(host_socket, nullptr, 0); }},
      {"fork", [] { ::syscall(SYS_fork); }},
      {"vfork_clone", [] { ::syscall(SYS_clone, 0, 0, 0, 0, 0); }},
      {"clone_newuser", [] { ::syscall(SYS_clone, CLONE_NEWUSER, 0, 0, 0, 0); }},
      {"execve", [] { ::execl("/bin/true", "true", nullptr); }},
      {"ptrace", [] { ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
      {"kill_parent", [] { ::syscall(SYS_kill, 1, 9); }},
      {"process_vm_readv", [] { ::process_vm_readv(1, nullptr, 0, nullptr, 0, 0); }},
      {"io_uring_setup", [] { ::syscall(SYS_io_uring_setup, 1, nullptr); }},
      {"bpf", [] { ::syscall(SYS_bpf, BPF_MAP_CREATE, nullptr, 0); }},
      {"memfd_create", [] { ::memfd_create("x", 0); }},
      {"mmap_exec",
       [] { ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }},
      {"mprotect_exec",
       [] {
         static char page[8192];
         ::mprotect(
             reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(page) + 4095) & ~4095ull),
             4096, PROT_READ | PROT_EXEC);
       }},
      {"prctl", [] { ::prctl(PR_SET_DUMPABLE, 1); }},
      {"personality", [] { ::syscall(SYS_personality, 0xffffffff); }},
      {"ioctl_tiocsti", [] { ::ioctl(0, TIOCSTI, "x"); }},
      {"mount", [] { ::mount("none", "/", "tmpfs", 0, nullptr); }},
      {"keyctl", [] { ::syscall(SYS_keyctl, 0); }},
      {"setns", [] { ::setns(0, 0); }},
      {"pidfd_getfd", [] { ::syscall(SYS_pidfd_getfd, 0, 0, 0); }},
      {"setrlimit_files", [] { ::syscall(SYS_prlimit64, 0, 7, nullptr, nullptr); }},
      {"getdents", [] { ::syscall(SYS_getdents64, 0, nullptr, 0); }},
      {"unlink", [] { ::unlink("/tmp/x"); }}};
  return all;
}

void carry_out(const std::string& name) {
  for (const auto& [known, act] : system_calls())
    if (known == name) act();
  if (name == "memory") attack_memory();
  if (name == "time") attack_time();
  if (name == "descriptors") attack_descriptors();
  if (name == "output") attack_output();
  if (name == "segv") *static_cast<volatile int*>(nullptr) = 1;
  if (name == "abort") std::abort();
  if (name == "lie") (void)!::write(host_socket, "lie", 3);
}

result<image_info> evil_probe(input_stream&, const input_limits&) {
  return image_info{.format = "evil", .width = side, .height = side, .channels = 1};
}

result<decoded_image> evil_decode(input_stream& in, const decode_options&, const decode_planner&) {
  char name[32]{};
  in.read(std::span(reinterpret_cast<std::uint8_t*>(name), sizeof name - 1));
  carry_out(name + 4);
  return fail(domain::failure_reason::internal, std::string{"survived "} + (name + 4));
}

format_row row(const char* name, bool (*sniff)(std::span<const std::uint8_t>)) {
  format_row r{.name = name,
               .label = name,
               .extension = name,
               .extensions = {name},
               .media_type = "image/x-toy",
               .side_pixels_max = 100};
  r.holds_grey = true;
  r.sniff = sniff;
  r.takes_yuv420 = [](const domain::output_spec&) { return false; };
  r.decode_bytes = [](const image_info&, std::uint32_t) { return limits::MiB; };
  r.encode_bytes = [](const domain::output_spec&, std::uint32_t, std::uint32_t, std::uint32_t,
                      std::uint8_t) { return limits::MiB; };
  r.output_bytes = [](const domain::output_spec&, std::uint64_t pixels, std::uint64_t) {
    return pixels / 2;
  };
  r.is_slow = lossless_or_high_effort;
  r.decode_scale = [](const image_info&, std::uint32_t, std::uint32_t) { return 1u; };
  r.version = [] { return std::string{"toy 1"}; };
  r.encode = nullptr;
  return r;
}

} // namespace

void add_toy_formats() {
  auto toy = row("toy", [](std::span<const std::uint8_t> head) { return begins(head, "TOY1"); });
  toy.probe = toy_probe;
  toy.decode = toy_decode;
  toy.encode = toy_encode;
  add_format(toy);
  auto evil = row("evil", [](std::span<const std::uint8_t> head) { return begins(head, "EVIL"); });
  evil.probe = evil_probe;
  evil.decode = evil_decode;
  add_format(evil);
}

std::string toy_file(std::uint8_t grey) {
  return std::string{"TOY1"} + static_cast<char>(grey);
}

std::string evil_file(const std::string& attack) {
  return "EVIL" + attack;
}

std::vector<std::string> system_call_attacks() {
  std::vector<std::string> names;
  for (const auto& [name, act] : system_calls())
    names.push_back(name);
  return names;
}

} // namespace darkroom::tests
