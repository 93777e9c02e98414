#include "network.hpp"

#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace darkroom::tests {

namespace {

app::child_launch launch(const std::vector<std::string>& words, const std::string& log) {
  return {words, app::plain_environment(), "", "/dev/null", log};
}

} // namespace

void need_namespaces() {
  if (::geteuid() != 0) SKIP("network namespaces are for root");
  app::child_process probe(launch({"unshare", "--net", "nft", "list", "ruleset"}, "/dev/null"));
  if (probe.wait(std::chrono::seconds(10)) != 0)
    SKIP("network namespaces or nftables are not to be had here");
}

network::network() {
  outside_ = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  REQUIRE(outside_ >= 0);
  REQUIRE(::unshare(CLONE_NEWNET) == 0);
  run({"ip", "link", "set", "lo", "up"});
  run({"nft", "add", "table", "inet", "wires"});
  run({"nft", "add", "chain", "inet", "wires", "in", "{ type filter hook input priority 0; }"});
  run({"nft", "add", "chain", "inet", "wires", "out", "{ type filter hook output priority 0; }"});
}

network::~network() {
  machines_.clear();
  ::setns(outside_, CLONE_NEWNET);
  ::close(outside_);
}

void network::run(const std::vector<std::string>& words) const {
  app::child_process child(launch(words, folder_ / "log"));
  const auto code = child.wait(std::chrono::seconds(20));
  INFO(words[0] << ' ' << words.back() << ": " << content_of(folder_ / "log"));
  REQUIRE(code == 0);
}

std::vector<std::string> network::on(int number, const std::vector<std::string>& words) const {
  std::vector<std::string> all{
      "nsenter", "--net=/proc/" + std::to_string(machines_.at(number)->pid()) + "/ns/net"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

void network::add_machine(int number) {
  const auto ready = folder_ / ("ready" + std::to_string(number));
  machines_[number] = std::make_unique<app::child_process>(
      launch({"unshare", "--net", "sh", "-c",
              "ip link set lo up && touch " + ready + " && exec tail -f /dev/null"},
             folder_ / "machine"));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!std::filesystem::exists(ready))
    REQUIRE(std::chrono::steady_clock::now() < until);
  const auto pid = std::to_string(machines_[number]->pid());
  const auto net = "10.77." + std::to_string(number);
  run({"ip", "link", "add", wire(number), "type", "veth", "peer", "name", "eth0", "netns", pid});
  run({"ip", "addr", "add", net + ".1/30", "dev", wire(number)});
  run({"ip", "link", "set", wire(number), "up"});
  run(on(number, {"ip", "addr", "add", net + ".2/30", "dev", "eth0"}));
  run(on(number, {"ip", "link", "set", "eth0", "up"}));
}

void network::drop(int number, const std::string& chain, const std::string& match) {
  run({"nft", "add rule inet wires " + chain + (chain == "in" ? " iifname " : " oifname ") +
                  wire(number) + match + " drop"});
}

void network::cut(int number, bool to_server, bool from_server) {
  if (to_server) drop(number, "in", "");
  if (from_server) drop(number, "out", "");
}

void network::lose(int number, int percent) {
  const auto some = " numgen random mod 100 < " + std::to_string(percent);
  drop(number, "in", some);
  drop(number, "out", some);
}

void network::limit(int number, const std::string& rate) {
  run({"tc", "qdisc", "replace", "dev", wire(number), "root", "tbf", "rate", rate, "burst", "16kb",
       "latency", "400ms"});
  run(on(number, {"tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", rate, "burst",
                  "16kb", "latency", "400ms"}));
}

// All wires at once are one table: what else was done to others is done again by whoever wants it.
void network::mend(int number) {
  run({"nft", "flush", "chain", "inet", "wires", "in"});
  run({"nft", "flush", "chain", "inet", "wires", "out"});
  app::child_process(launch({"tc", "qdisc", "del", "dev", wire(number), "root"}, folder_ / "log"))
      .wait(std::chrono::seconds(10));
  app::child_process(
      launch(on(number, {"tc", "qdisc", "del", "dev", "eth0", "root"}), folder_ / "log"))
      .wait(std::chrono::seconds(10));
}

} // namespace darkroom::tests
