// What a worker's link may carry to the server's actors. CAF's own protocol (BASP) knows no rights:
// whoever speaks it can end any actor, answer for another, give news of a third machine, or send a
// message of any size. The gate reads along, lets through what a worker of ours says, and refuses
// the first message that is something else.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::actors {

class basp_gate {
public:
  // Who the actor systems are: the worker's, as it said in its greeting, and ours.
  basp_gate(std::string worker_node, std::string server_node)
      : worker_node_(std::move(worker_node)), server_node_(std::move(server_node)) {}

  // Takes the next bytes of the link, however they are cut, and appends to `out` those that may go
  // on. The error says what was not a worker's; the link must end then. No message of which
  // anything is refused has been passed on whole.
  base::result<void, std::string> pass(std::span<const char> bytes, std::vector<char>& out);

private:
  struct frame;

  // How much of a message is to be seen before it is judged, in bytes; once its header is there.
  base::result<std::size_t, std::string> needed(const frame& f) const;
  base::result<void, std::string> judge(const frame& f, std::string_view payload);
  base::result<void, std::string> judge_handshake(std::string_view payload);
  base::result<void, std::string> judge_news(const frame& f, std::string_view payload) const;
  base::result<void, std::string> judge_message(const frame& f, std::string_view payload);
  base::result<void, std::string> judge_join(std::string_view content);

  std::string worker_node_, server_node_;
  bool greeted_ = false;
  std::uint64_t worker_ = 0; // its WORKER, once it has joined: nobody else speaks then
  std::string held_;         // a header, and what is needed of its payload
  std::size_t rest_ = 0;     // bytes of the judged payload that are still to come
};

} // namespace darkroom::actors
