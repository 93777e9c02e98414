#include "actors/cluster/link_hello.hpp"

#include "base/result.hpp"
#include "config/limits.hpp"

#include <charconv>
#include <map>

namespace darkroom::actors {

namespace {

constexpr std::string_view first_line = "darkroom-link 1\n";

using fields = std::map<std::string, std::string, std::less<>>;

// Values are of one line.
void put(std::string& text, std::string_view key, std::string value) {
  for (auto& c : value)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  text.append(key).append(" ").append(value).append("\n");
}

base::result<fields, std::string> parse(std::string_view text) {
  if (!text.starts_with(first_line))
    return std::unexpected("the other side does not speak Darkroom's link");
  text.remove_prefix(first_line.size());
  fields found;
  while (!text.empty() && text.front() != '\n') {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    const auto space = line.find(' ');
    if (end == std::string_view::npos || space == std::string_view::npos)
      return std::unexpected("a line of the link's greeting is cut off");
    found.emplace(line.substr(0, space), line.substr(space + 1));
    text.remove_prefix(end + 1);
  }
  return found;
}

std::string text_of(const fields& f, std::string_view key) {
  const auto at = f.find(key);
  return at == f.end() ? std::string{} : at->second;
}

template<class Number>
bool read(const fields& f, std::string_view key, Number& to) {
  const auto text = text_of(f, key);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc{} && end == text.data() + text.size();
}

} // namespace

std::string to_text(const link_hello& hello) {
  std::string text{first_line};
  put(text, "protocol", std::to_string(hello.protocol));
  put(text, "version", hello.version);
  put(text, "machine", hello.machine);
  put(text, "actor-node", hello.actor_node);
  put(text, "slots", std::to_string(hello.slots));
  put(text, "memory-bytes", std::to_string(hello.memory_bytes));
  put(text, "formats", hello.formats);
  return text + '\n';
}

base::result<link_hello, std::string> read_hello(std::string_view text) {
  const auto f = parse(text);
  if (!f) return std::unexpected(f.error());
  link_hello hello;
  if (!read(*f, "protocol", hello.protocol))
    return std::unexpected("the greeting names no protocol");
  hello.version = text_of(*f, "version");
  if (hello.protocol != link_protocol) return hello; // what else it says may be anything
  hello.machine = text_of(*f, "machine");
  hello.actor_node = text_of(*f, "actor-node");
  hello.formats = text_of(*f, "formats");
  if (!read(*f, "slots", hello.slots) || hello.slots == 0 || hello.slots > limits::slots_max)
    return std::unexpected("slots are from 1 to " + std::to_string(limits::slots_max));
  if (!read(*f, "memory-bytes", hello.memory_bytes))
    return std::unexpected("the greeting names no memory");
  if (hello.machine.empty() || hello.actor_node.empty())
    return std::unexpected("the greeting does not say who it is");
  return hello;
}

std::string to_text(const link_answer& answer) {
  std::string text{first_line};
  if (answer.refused.empty()) {
    put(text, "token", answer.token);
    put(text, "input-bytes-max", std::to_string(answer.input_bytes_max));
    put(text, "image-pixels-max", std::to_string(answer.image_pixels_max));
  } else {
    put(text, "refused", answer.refused);
  }
  put(text, "text", answer.text);
  return text + '\n';
}

base::result<link_answer, std::string> read_answer(std::string_view text) {
  const auto f = parse(text);
  if (!f) return std::unexpected(f.error());
  link_answer answer;
  answer.refused = text_of(*f, "refused");
  answer.text = text_of(*f, "text");
  answer.token = text_of(*f, "token");
  if (answer.refused.empty() && (!read(*f, "input-bytes-max", answer.input_bytes_max) ||
                                 !read(*f, "image-pixels-max", answer.image_pixels_max)))
    return std::unexpected("the server does not say what an input may be");
  if (answer.refused.empty() && answer.token.empty())
    return std::unexpected("the server neither welcomes nor refuses");
  return answer;
}

} // namespace darkroom::actors
