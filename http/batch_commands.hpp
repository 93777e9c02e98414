// What can be commanded of a batch by POST /v1/batches/{id}/NAME: a row each.
#pragma once

#include "domain/batch_state.hpp"
#include "http/json_body.hpp"

#include <span>
#include <string_view>

namespace darkroom::http {

struct batch_command {
  std::string_view name;
  domain::command (*read)(object_reader& body); // takes all members that the body may have
  unsigned done;                                // the status when the batch has changed
  unsigned already;                             // when it was so already
  bool by_path = false;                         // its files may be chosen by a prefix of their path
};

std::span<const batch_command> batch_commands();

} // namespace darkroom::http
