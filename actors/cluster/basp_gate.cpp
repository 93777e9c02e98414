#include "actors/cluster/basp_gate.hpp"

#include "actors/cluster/limits.hpp"
#include "actors/cluster/wire.hpp"
#include "base/result.hpp"
#include "domain/text.hpp"

#include <caf/binary_deserializer.hpp>
#include <caf/io/basp/header.hpp>
#include <caf/message_id.hpp>
#include <caf/node_id.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace darkroom::actors {

namespace basp = caf::io::basp;
using basp::message_type;

struct basp_gate::frame {
  basp::header header{};
  caf::message_id id() const { return caf::make_message_id(header.operation_data); }
};

namespace {

// The messages of `wire.hpp` that go from a worker to the server, once it has joined. None of them
// has an actor in it.
constexpr std::array from_workers = {
    caf::type_name<pull_input>::value, caf::type_name<output_piece>::value,
    caf::type_name<file_ended>::value, caf::type_name<file_dropped>::value,
    caf::type_name<echo>::value,       caf::type_name<work_progress>::value,
    caf::type_name<leaving>::value};

constexpr std::string_view no_content = "@<>", text_content = "@<>+@str"; // as CAF names them

std::unexpected<std::string> refuse(std::string why) {
  return std::unexpected(std::move(why));
}

caf::binary_deserializer reader_of(std::string_view bytes) {
  return {nullptr, bytes.data(), bytes.size()};
}

// Name of the types of a message's content; empty when there is none to be read.
std::string content_types(caf::binary_deserializer& source) {
  std::string name;
  std::uint16_t number = 0;
  if (source.begin_object(number, name)) name.clear();
  return name;
}

} // namespace

base::result<std::size_t, std::string> basp_gate::needed(const frame& f) const {
  const std::size_t payload = f.header.payload_len;
  switch (f.header.operation) {
  case message_type::heartbeat:
    if (payload != 0) return refuse("sent a heartbeat with something in it");
    return 0;
  case message_type::client_handshake:
  case message_type::monitor_message:
  case message_type::down_message:
    if (payload == 0 || payload > limits::link_news_bytes_max)
      return refuse("sent news of " + std::to_string(payload) + " bytes");
    return payload; // the whole
  case message_type::direct_message:
    if (payload == 0 || payload > limits::link_message_bytes_max)
      return refuse("sent a message of " + std::to_string(payload) + " bytes");
    // What is small is looked at as a whole: what joins is.
    return payload <= limits::link_news_bytes_max ? payload : limits::link_content_name_bytes_max;
  default:
    return refuse("spoke for others");
  }
}

base::result<void, std::string> basp_gate::judge(const frame& f, std::string_view payload) {
  if (!greeted_ && f.header.operation != message_type::client_handshake)
    return refuse("did not greet");
  switch (f.header.operation) {
  case message_type::client_handshake:
    return judge_handshake(payload);
  case message_type::heartbeat:
    return {};
  case message_type::direct_message:
    return judge_message(f, payload);
  default:
    return judge_news(f, payload);
  }
}

base::result<void, std::string> basp_gate::judge_handshake(std::string_view payload) {
  auto source = reader_of(payload);
  caf::node_id node;
  if (source(node) || source.remaining() != 0 || !node || caf::to_string(node) != worker_node_)
    return refuse("gave another name than in its greeting");
  greeted_ = true; // CAF says it twice
  return {};
}

// That it watches one of our actors, or that one of its own has ended, and why.
base::result<void, std::string> basp_gate::judge_news(const frame& f,
                                                      std::string_view payload) const {
  auto source = reader_of(payload);
  caf::node_id from, to;
  if (source(from, to) || caf::to_string(from) != worker_node_)
    return refuse("gave news of another machine");
  // CAF would pass them on.
  if (caf::to_string(to) != server_node_) return refuse("sent news that are not for us");
  if (f.header.operation == message_type::monitor_message)
    return source.remaining() == 0 ? base::result<void, std::string>{}
                                   : refuse("sent news with something behind");
  // A reason has a message in it, of which CAF would make whatever there is.
  std::uint8_t code = 0;
  std::uint64_t category = 0;
  if (source(code, category)) return refuse("sent news without a reason");
  const std::string context = content_types(source);
  if (context != no_content && context != text_content)
    return refuse("gave a reason with something in it: " + domain::printable(context));
  return {};
}

base::result<void, std::string> basp_gate::judge_message(const frame& f, std::string_view payload) {
  const auto id = f.id();
  // We ask workers nothing: they have nothing to answer.
  if (f.header.flags != 0 || f.header.source_actor == 0 || id.is_response() || id.is_answered() ||
      id.is_stream_message())
    return refuse("sent a message in an unusual way");
  auto source = reader_of(payload);
  std::uint8_t stages = 0; // by whom else it is to pass
  if (source(stages) || stages != 0) return refuse("sent a message by way of others");
  const std::string types = content_types(source);
  const std::string_view single =
      types.starts_with("@<>+") ? std::string_view{types}.substr(4) : "";
  if (worker_ == 0 && single == caf::type_name<join_cluster>::value) {
    if (payload.size() != f.header.payload_len) return refuse("joined with too many words");
    return judge_join(payload.substr(payload.size() - source.remaining()));
  }
  if (std::ranges::find(from_workers, single) == from_workers.end())
    return refuse("sent what is not a worker's to say: " + domain::printable(types));
  if (f.header.source_actor != worker_) return refuse("let somebody else speak");
  return {};
}

// The only message with an actor in it, of which CAF makes a proxy before anybody looks at it.
base::result<void, std::string> basp_gate::judge_join(std::string_view content) {
  auto source = reader_of(content);
  std::string token;
  std::uint64_t worker = 0;
  caf::node_id node;
  if (source(token, worker, node) || source.remaining() != 0)
    return refuse("joined in a way that cannot be read");
  if (worker == 0 || caf::to_string(node) != worker_node_)
    return refuse("joined with another's worker");
  worker_ = worker;
  return {};
}

base::result<void, std::string> basp_gate::pass(std::span<const char> bytes,
                                                std::vector<char>& out) {
  const auto take = [&bytes](std::size_t n) {
    const auto taken = bytes.first(std::min(n, bytes.size()));
    bytes = bytes.subspan(taken.size());
    return taken;
  };
  const auto hold_up_to = [&](std::size_t size) {
    const auto taken = take(size - held_.size());
    held_.append(taken.data(), taken.size());
    return held_.size() == size;
  };
  while (!bytes.empty()) {
    if (rest_ != 0) {
      const auto taken = take(rest_);
      rest_ -= taken.size();
      out.insert(out.end(), taken.begin(), taken.end());
      continue;
    }
    if (held_.size() < basp::header_size && !hold_up_to(basp::header_size)) break;
    frame f;
    caf::binary_deserializer source{nullptr, held_.data(), basp::header_size};
    if (source(f.header)) return refuse("sent a header that cannot be read");
    const auto looked_at = needed(f);
    if (!looked_at) return refuse(looked_at.error());
    if (!hold_up_to(basp::header_size + *looked_at)) break;
    const auto found = judge(f, std::string_view{held_}.substr(basp::header_size));
    if (!found) return refuse(found.error());
    out.insert(out.end(), held_.begin(), held_.end());
    held_.clear();
    rest_ = f.header.payload_len - *looked_at;
  }
  return {};
}

} // namespace darkroom::actors
