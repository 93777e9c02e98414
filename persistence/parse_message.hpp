#pragma once

#include <string_view>

namespace darkroom::persistence {

// Reads a message of protobuf from bytes that may be damaged; false when they are none.
template<class Message>
bool parse(Message& message, std::string_view bytes) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

} // namespace darkroom::persistence
