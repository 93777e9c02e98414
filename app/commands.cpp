#include "app/commands.hpp"

#include <cstdio>
#include <filesystem>

namespace darkroom::app {

int complain(const std::string& sentence, int code) {
  std::fprintf(stderr, "darkroom: %s\n", sentence.c_str());
  return code;
}

std::string own_directory(const std::string& out) {
  return out + "/.darkroom";
}

std::string journal_directory(const std::string& out) {
  return own_directory(out) + "/journal";
}

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const auto whole = std::filesystem::absolute(path, error);
  auto text = std::filesystem::weakly_canonical(whole, error).lexically_normal().native();
  if (error) text = whole.lexically_normal().native();
  while (text.size() > 1 && text.ends_with('/'))
    text.pop_back();
  return text;
}

} // namespace darkroom::app
