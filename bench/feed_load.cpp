// Many clients of one batch's feed, in one thread: how long after its event was decided each of
// them has it. With `deaf`, clients that never read what they asked for. With `after`, clients that
// come back: when all are connected, all ask at once for what came after an event, and how long
// each waits until it has that.
//
//   bench_feed_load PORT TOKEN BATCH SOCKETS SECONDS [deaf | after SEQ]
//
// Prints one line of JSON. The time in an event is that of its decision: what is measured holds the
// journal's write and sync as well.
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

struct client {
  int fd = -1;
  std::string input;
  bool upgraded = false;
  bool open = true;
  std::uint64_t last = 0; // seq
  bool caught_up = false;
};

enum class behaviour { follow, never_read, catch_up };

struct totals {
  std::vector<std::uint32_t> latencies_us, catch_ups_us;
  std::int64_t asked_us = 0; // when all asked for what they missed
  std::uint64_t events = 0, messages = 0, repeats = 0, ended = 0, bytes = 0;
};

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) {
    std::perror("connect");
    std::exit(1);
  }
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

std::string frame(unsigned opcode, const std::string& payload) {
  std::string out;
  out += static_cast<char>(0x80 | opcode);
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size());
  }
  out.append(4, '\0'); // a mask that changes nothing
  return out + payload;
}

void say(const client& c, const std::string& bytes) {
  if (::send(c.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
    std::perror("send");
}

// "2026-11-24T22:44:38.948721Z", of today or yesterday.
std::int64_t time_of(const char* text) {
  std::tm utc{};
  int us = 0;
  std::sscanf(text, "%d-%d-%dT%d:%d:%d.%dZ", &utc.tm_year, &utc.tm_mon, &utc.tm_mday, &utc.tm_hour,
              &utc.tm_min, &utc.tm_sec, &us);
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  return std::int64_t{::timegm(&utc)} * 1'000'000 + us;
}

void on_message(client& c, const char* begin, const char* end, std::int64_t now, totals& t) {
  t.messages += 1;
  const std::string_view text(begin, static_cast<std::size_t>(end - begin));
  if (t.asked_us != 0 && !c.caught_up && text.find(R"("op":"ok")") != std::string_view::npos) {
    c.caught_up = true;
    t.catch_ups_us.push_back(static_cast<std::uint32_t>(now - t.asked_us));
  }
  constexpr std::string_view key = "{\"seq\":";
  for (auto at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
    const auto seq = std::strtoull(text.data() + at + key.size(), nullptr, 10);
    const auto ts = text.find("\"ts\":\"", at);
    if (ts == std::string_view::npos) break;
    t.repeats += seq <= c.last;
    c.last = std::max<std::uint64_t>(c.last, seq);
    t.events += 1;
    t.latencies_us.push_back(static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(now - time_of(text.data() + ts + 6), 0, UINT32_MAX)));
  }
}

void subscribe(const client& c, const std::string& batch, const std::string& after = {}) {
  say(c, frame(1, R"({"op":"subscribe","id":1,"batch":")" + batch + '"' +
                      (after.empty() ? "" : ",\"after\":" + after) + '}'));
}

void on_input(client& c, const std::string& batch, behaviour how, totals& t) {
  char piece[65'536];
  while (true) {
    const auto n = ::recv(c.fd, piece, sizeof piece, 0);
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      c.open = false;
      t.ended += 1;
      ::close(c.fd);
      return;
    }
    c.input.append(piece, static_cast<std::size_t>(n));
    t.bytes += static_cast<std::uint64_t>(n);
    if (how == behaviour::never_read && c.upgraded) break;
  }
  const auto now = now_us();
  if (!c.upgraded) {
    const auto end = c.input.find("\r\n\r\n");
    if (end == std::string::npos) return;
    if (c.input.compare(9, 3, "101") != 0) {
      std::fprintf(stderr, "%s\n", c.input.c_str());
      std::exit(1);
    }
    c.input.erase(0, end + 4);
    c.upgraded = true;
    if (how != behaviour::catch_up) subscribe(c, batch);
  }
  std::size_t at = 0;
  while (c.input.size() - at >= 2) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(c.input[at + i]); };
    std::size_t size = byte(1) & 0x7f, head = 2;
    if (size == 126) head = 4;
    if (size == 127) head = 10;
    if (c.input.size() - at < head) break;
    if (head > 2) size = 0;
    for (std::size_t i = 2; i < head; ++i)
      size = size << 8 | byte(i);
    if (c.input.size() - at < head + size) break;
    const auto opcode = byte(0) & 0x0f;
    const char* body = c.input.data() + at + head;
    if (opcode == 1) on_message(c, body, body + size, now, t);
    if (opcode == 9) say(c, frame(10, std::string(body, size)));
    at += head + size;
  }
  c.input.erase(0, at);
}

double quantile(std::vector<std::uint32_t>& values, double q) {
  if (values.empty()) return 0;
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at / 1'000.0;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr,
                 "usage: bench_feed_load PORT TOKEN BATCH SOCKETS SECONDS [deaf | after SEQ]\n");
    return 1;
  }
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const std::string token = argv[2], batch = argv[3];
  std::vector<client> clients(std::strtoul(argv[4], nullptr, 10));
  const auto seconds = std::atof(argv[5]);
  const bool deaf = argc > 6 && std::strcmp(argv[6], "deaf") == 0;
  const std::string after = argc > 7 && std::strcmp(argv[6], "after") == 0 ? argv[7] : "";
  const auto how = deaf             ? behaviour::never_read
                   : !after.empty() ? behaviour::catch_up
                                    : behaviour::follow;
  totals t;
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    auto& c = clients[i];
    c.fd = connect_to(port);
    say(c, "GET /v1/events HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Protocol: darkroom.v1\r\nAuthorization: Bearer " +
               token + "\r\n\r\n");
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.u64 = i;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, c.fd, &wanted);
  }
  const auto until = now_us() + static_cast<std::int64_t>(seconds * 1e6);
  std::vector<epoll_event> ready(512);
  bool told = false;
  while (now_us() < until && t.ended < clients.size() && t.catch_ups_us.size() < clients.size()) {
    const int n = ::epoll_wait(poll, ready.data(), static_cast<int>(ready.size()), 100);
    for (int i = 0; i < n; ++i) {
      auto& c = clients[ready[static_cast<std::size_t>(i)].data.u64];
      if (!c.open) continue;
      on_input(c, batch, how, t);
      if (deaf && c.open && c.upgraded) { // only its end is of interest from now on
        epoll_event wanted{};
        wanted.events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
        wanted.data.u64 = ready[static_cast<std::size_t>(i)].data.u64;
        if (ready[static_cast<std::size_t>(i)].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
          c.open = false;
          t.ended += 1;
          ::close(c.fd);
        } else {
          ::epoll_ctl(poll, EPOLL_CTL_MOD, c.fd, &wanted);
        }
      }
    }
    if (!told && std::ranges::all_of(clients, [](const auto& c) { return c.upgraded; })) {
      told = true;
      std::fprintf(stderr, "connected\n");
      if (!deaf) t.latencies_us.clear();
      if (how == behaviour::catch_up) {
        t.asked_us = now_us();
        for (const auto& c : clients)
          subscribe(c, batch, after);
      }
    }
  }
  std::printf("{\"sockets\":%zu,\"ended\":%llu,\"messages\":%llu,\"events\":%llu,\"repeats\":%llu,"
              "\"bytes\":%llu,\"p50_ms\":%.2f,\"p90_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,"
              "\"caught_up\":%zu,\"catch_up_p50_ms\":%.2f,\"catch_up_max_ms\":%.2f}\n",
              clients.size(), static_cast<unsigned long long>(t.ended),
              static_cast<unsigned long long>(t.messages),
              static_cast<unsigned long long>(t.events), static_cast<unsigned long long>(t.repeats),
              static_cast<unsigned long long>(t.bytes), quantile(t.latencies_us, 0.5),
              quantile(t.latencies_us, 0.9), quantile(t.latencies_us, 0.99),
              quantile(t.latencies_us, 1.0), t.catch_ups_us.size(), quantile(t.catch_ups_us, 0.5),
              quantile(t.catch_ups_us, 1.0));
  return 0;
}
