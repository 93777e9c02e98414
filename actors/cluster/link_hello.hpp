// What a worker and a server say to each other on a new link, before actors speak: a few lines of
// text that every version can read, `darkroom-link 1`, then `KEY VALUE` lines, then an empty one.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace darkroom::actors {

// Changes whenever an older worker would misunderstand a message.
inline constexpr std::uint32_t link_protocol = 4;

struct link_hello {
  std::uint32_t protocol = link_protocol;
  std::string version;    // of Darkroom
  std::string machine;    // random; the same as long as the worker's parent lives
  std::string actor_node; // how its actor system calls itself
  std::uint32_t slots = 0;
  std::uint64_t memory_bytes = 0; // that leases may take together
  std::string formats;            // that it reads and writes, "jpeg,png,webp"
};

struct link_answer {
  std::string refused; // a code; empty: welcome
  std::string text;    // refused: what to do about it
  std::string token;   // welcome: names this link when the actors join
  // Welcome: what an input may be.
  std::uint64_t input_bytes_max = 0, image_pixels_max = 0;
};

// The error is a sentence.
std::string to_text(const link_hello& hello);
base::result<link_hello, std::string> read_hello(std::string_view text);
std::string to_text(const link_answer& answer);
base::result<link_answer, std::string> read_answer(std::string_view text);

} // namespace darkroom::actors
