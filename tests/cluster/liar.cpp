// A worker with a good certificate that lies about what it does: `cluster_liar HOST PORT IDENTITY
// VERSION FORMATS LIE`.
#include "actors/cluster/basp_door.hpp"
#include "actors/cluster/link_client.hpp"
#include "base/units.hpp"
#include "persistence/event_codec.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdio>
#include <unistd.h>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

struct liar_config : caf::actor_system_config {
  liar_config() {
    configure_door(*this);
    add_message_types<caf::id_block::darkroom_cluster>(); // which the server does not
    set("logger.verbosity", caf::atom("quiet"));
  }
};

struct liar_state {
  static inline const char* name = "liar";
  liar_state() = default;
};

// A result of a hundred bytes that are all zero, as it should be.
domain::file_completed hundred_zeros(domain::file_index index) {
  persistence::sha256 sum;
  const std::vector<std::uint8_t> zeros(100);
  sum.add(zeros);
  domain::file_completed result;
  result.index = index;
  result.width = result.height = 1;
  domain::output_record output;
  output.bytes = zeros.size();
  output.sha256 = sum.finish();
  output.crc32 = persistence::crc32_of(0, zeros);
  output.width = output.height = 1;
  result.outputs.push_back(output);
  return result;
}

worker_actor::behavior_type liar(worker_actor::stateful_pointer<liar_state> self,
                                 const std::string& lie) {
  return {
      [self, lie](const assign_file& message) {
        if (lie == "message") return self->send(message.source, fetch_outputs{});
        if (lie == "exit") return self->send_exit(message.source, caf::exit_reason::kill);
        if (lie == "giant")
          return self->send(message.source,
                            output_piece{message.lease, 0, 0, std::string(2 * limits::MiB, 'x')});
        auto result = hundred_zeros(message.index);
        if (lie == "digest") result.outputs[0].sha256[0] ^= 1;
        file_ended ended;
        ended.lease = message.lease + (lie == "lease" ? 1'000'000 : 0);
        ended.how = static_cast<std::uint8_t>(file_end::converted);
        ended.result = persistence::encode_outcome(result, 0);
        if (lie == "result") ended.result = "no result";
        if (lie == "reason") {
          ended.how = static_cast<std::uint8_t>(file_end::failed);
          ended.reason = 200;
        }
        self->send(caf::actor_cast<node_actor>(self->current_sender()), ended);
        if (lie == "twice") self->send(caf::actor_cast<node_actor>(self->current_sender()), ended);
      },
      [](const drop_file&) {},
      [](const input_piece&) {},
      [self, lie](const pull_output& message) {
        output_piece piece{message.lease, message.output, message.offset,
                           std::string(message.bytes, '\0')};
        if (lie == "nothing") piece.content.clear();
        if (lie == "less") piece.content.pop_back();
        if (lie == "more") piece.content += "more";
        if (lie == "silence") return;
        self->send(caf::actor_cast<transfer_actor>(self->current_sender()), std::move(piece));
        if (lie == "less")
          self->send(caf::actor_cast<transfer_actor>(self->current_sender()),
                     output_piece{message.lease, message.output, message.bytes - 1u, {}});
      },
      [self](echo) { self->send(caf::actor_cast<node_actor>(self->current_sender()), echo{}); },
      [](const conversion_ended&) {},
      [](const lease_ended&) {},
      [](leaving) {},
      [](work_tick) {},
  };
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 64;
  liar_config config;
  caf::actor_system system(config);
  link_client_options options{argv[1], argv[2], argv[3], {}};
  options.hello.version = argv[4];
  options.hello.formats = argv[5];
  options.hello.machine = "liar";
  options.hello.actor_node = caf::to_string(system.node());
  options.hello.slots = 1;
  options.hello.memory_bytes = limits::GiB;
  const auto link = link_client::connect(options, [] { ::_exit(10); });
  if (!link) {
    std::fprintf(stderr, "%s: %s\n", link.error().code.c_str(), link.error().text.c_str());
    ::_exit(11);
  }
  const auto server = knock(system, (*link)->take_socket().release());
  if (!server) ::_exit(12);
  const std::string lie = argv[6];
  const auto me = lie == "another" ? caf::actor_cast<worker_actor>(*server) // instead of itself
                                   : worker_actor{system.spawn(liar, lie)};
  caf::scoped_actor self{system};
  self->request(*server, std::chrono::seconds(10), join_cluster{(*link)->answer().token, me})
      .receive(
          [](const cluster_joined& answer) {
            if (answer.ok) return;
            std::fprintf(stderr, "%s\n", answer.text.c_str());
            ::_exit(14);
          },
          [](const caf::error&) { ::_exit(13); });
  while (true)
    ::pause();
}
