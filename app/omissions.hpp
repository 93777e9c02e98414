// What a command says of files that it found and does not convert.
#pragma once

#include "app/progress.hpp"
#include "app/sources.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace darkroom::app {

// Names on standard error what cannot be read, and unless `quiet` what was skipped: so many of it,
// as a report lists all.
void say_omissions(const source_list& list, bool quiet, std::size_t skipped_max = SIZE_MAX);

// ", 1 unreadable, 12 skipped"; empty if everything is converted.
std::string omissions_text(std::size_t unreadable, std::size_t skipped);

// The exit code of a command whose files ended with `code`, when others could not be read.
int code_with_unreadable(int code, std::size_t unreadable);

// Why there is nothing to convert: a sentence for a list without files.
std::string nothing_found_text(const source_list& list);

} // namespace darkroom::app
