// `darkroom cluster`: who may join, and what the machines of a running server do.
#include "actors/cluster/certificates.hpp"
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/http_client.hpp"
#include "app/server_answers.hpp"
#include "app/text.hpp"

#include <CLI/CLI.hpp>

#include <boost/json.hpp>
#include <cstdio>
#include <ctime>

namespace darkroom::app {

namespace {

using verb = cluster_options_asked::verb;

int list(const std::string& folder) {
  const auto all = actors::read_certificates(folder);
  if (!all) return complain(all.error(), exit_usage);
  auto own = actors::own_certificates(folder);
  if (!own) return complain(own.error(), exit_usage);
  own->insert(own->end(), all->begin(), all->end());
  const auto now = std::time(nullptr);
  for (const auto& c : *own)
    std::printf("%-24s %-8s until %s  %s\n", c.name.c_str(),
                c.revoked            ? "revoked"
                : c.expires_s <= now ? "expired"
                                     : "good",
                time_text(c.expires_s * 1'000'000).c_str(), c.serial.c_str());
  return exit_all;
}

int finish(const actors::cluster_result& done, const std::string& sentence) {
  if (!done) return complain(done.error(), exit_usage);
  std::printf("%s\n", sentence.c_str());
  return exit_all;
}

int show_nodes(http_client& client) {
  const auto reply = client.send("GET", "/v1/admin/nodes");
  if (reply.status != 200) return fail_with(reply);
  std::printf("%-24s %-9s %6s %7s %9s %9s %6s\n", "NODE", "STATE", "SLOTS", "LEASED", "COMPLETED",
              "RTT ms", "LOST");
  const auto page = parsed(reply.body);
  for (const auto& node : member_of(page, "nodes").as_array())
    std::printf("%-24s %-9s %6llu %7llu %9llu %9.2f %6llu\n",
                printable(text_of(node, "name")).c_str(), text_of(node, "state").c_str(),
                static_cast<unsigned long long>(number_of(node, "slots")),
                static_cast<unsigned long long>(number_of(node, "leases")),
                static_cast<unsigned long long>(number_of(node, "files_completed")),
                static_cast<double>(number_of(node, "round_trip_us")) / 1'000.0,
                static_cast<unsigned long long>(number_of(node, "times_lost")));
  return exit_all;
}

int steer(http_client& client, const cluster_options_asked& o) {
  const char* verb_name = o.what == verb::cordon     ? "cordon"
                          : o.what == verb::uncordon ? "uncordon"
                                                     : "drain";
  const auto reply = client.send("POST", "/v1/admin/nodes/" + url_path(o.name) + '/' + verb_name);
  if (reply.status != 200) return fail_with(reply);
  const auto state = text_of(parsed(reply.body), "state");
  const bool kept = state == "lost" && o.what != verb::uncordon;
  std::printf("%s: %s%s\n", o.name.c_str(), state.c_str(),
              kept ? "; it gets no files when it comes back" : "");
  return exit_all;
}

} // namespace

void declare(CLI::App& command, cluster_options_asked& o) {
  command.require_subcommand(1);
  const auto add = [&](const char* name, const char* about, verb what) -> CLI::App& {
    auto& sub = *command.add_subcommand(name, about);
    sub.callback([&o, what] { o.what = what; });
    return sub;
  };
  const auto with_folder = [&](CLI::App& sub) -> CLI::App& {
    sub.add_option("--dir", o.folder,
                   "Folder of the cluster's authority; default darkroom-cluster");
    return sub;
  };
  const auto with_hosts = [&](CLI::App& sub) -> CLI::App& {
    sub.add_option("--host", o.hosts, "A name or address under which workers reach the server")
        ->required();
    return sub;
  };
  const auto with_days = [&](CLI::App& sub) {
    sub.add_option("--days", o.days, "Until the certificate expires");
  };
  const auto with_name = [&](CLI::App& sub) -> CLI::App& {
    sub.add_option("NAME", o.name, "Of the machine")->required();
    return sub;
  };
  with_days(with_hosts(
      with_folder(add("init", "Make an authority, and the server's certificate", verb::init))));
  with_days(with_hosts(with_folder(
      add("renew", "A new certificate for the server: other names, or later", verb::renew))));
  auto& issue = with_name(with_folder(add("issue", "Let one machine join", verb::issue)));
  with_days(issue);
  issue.add_option("--out", o.file, "File for its certificate; default NAME.pem beside the others");
  with_name(with_folder(add("revoke", "Never let it join again with what it has", verb::revoke)));
  with_folder(add("ls", "All certificates", verb::list));
  const auto with_account = [&](CLI::App& sub) { declare(sub, o.account); };
  with_account(add("nodes", "Machines of a running server", verb::nodes));
  with_account(with_name(add("cordon", "Give a machine no new files", verb::cordon)));
  with_account(with_name(add("uncordon", "Give it files again; trust it again", verb::uncordon)));
  with_account(with_name(add("drain", "Give it no new files, to switch it off", verb::drain)));
}

int run_cluster(const cluster_options_asked& o) {
  const auto folder = absolute_path(o.folder);
  switch (o.what) {
  case verb::init:
    return finish(
        actors::make_cluster(folder, o.hosts, o.days),
        "made " + folder +
            "; keep ca.key in it to yourself\n\nNext:\n"
            "  darkroom cluster issue NAME            for each machine, and copy its file there\n"
            "  darkroom serve --set cluster.dir=" +
            folder);
  case verb::renew:
    return finish(actors::renew_server(folder, o.hosts, o.days),
                  "renewed; start the server again to use it");
  case verb::issue: {
    const auto file = o.file.empty() ? folder + '/' + o.name + ".pem" : absolute_path(o.file);
    return finish(actors::issue_certificate(folder, o.name, file, o.days),
                  file +
                      "\n\nCopy it to the machine, and there:\n"
                      "  darkroom worker --join SERVER:7411 --identity " +
                      o.name + ".pem");
  }
  case verb::revoke:
    return finish(actors::revoke_certificates(folder, o.name),
                  "revoked; a running server ends its link within a second");
  case verb::list:
    return list(folder);
  default:
    break;
  }
  const auto account = read_account(o.account.server, o.account.token);
  if (!account) return complain(account.error(), exit_usage);
  http_client client(*account);
  return o.what == verb::nodes ? show_nodes(client) : steer(client, o);
}

} // namespace darkroom::app
