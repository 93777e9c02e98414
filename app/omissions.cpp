#include "app/omissions.hpp"

#include "app/exit_code.hpp"
#include "app/text.hpp"

#include <algorithm>
#include <cstdio>

namespace darkroom::app {

void say_omissions(const source_list& list, bool quiet, std::size_t skipped_max) {
  for (const auto& one : list.unreadable)
    std::fprintf(stderr, "unreadable: %s: %s\n", printable(one.named).c_str(),
                 printable(one.why).c_str());
  if (quiet) return;
  const auto shown = std::min(list.skipped.size(), skipped_max);
  for (std::size_t i = 0; i < shown; ++i)
    std::fprintf(stderr, "skipped: %s: %s\n", printable(list.skipped[i].named).c_str(),
                 printable(list.skipped[i].why).c_str());
  if (shown < list.skipped.size())
    std::fprintf(stderr, "skipped: %zu more; --report lists all\n", list.skipped.size() - shown);
}

std::string omissions_text(std::size_t unreadable, std::size_t skipped) {
  std::string text;
  if (unreadable != 0) text += ", " + std::to_string(unreadable) + " unreadable";
  if (skipped != 0) text += ", " + std::to_string(skipped) + " skipped";
  return text;
}

int code_with_unreadable(int code, std::size_t unreadable) {
  return code == exit_all && unreadable != 0 ? int{exit_some_failed} : code;
}

std::string nothing_found_text(const source_list& list) {
  std::string text = "there are no images in what was named";
  if (!list.skipped.empty())
    text += "; " + count_text(list.skipped.size(), "file") +
            " skipped: name a file itself to have it converted all the same";
  return text;
}

} // namespace darkroom::app
