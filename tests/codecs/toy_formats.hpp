// Formats that tests add to the table: a toy that shows that a format is one row, and one that
// breaks out: its decoder does what hostile bytes would make a broken decoder do.
#pragma once

#include <string>
#include <vector>

namespace darkroom::tests {

void add_toy_formats();

// "TOY1" and a shade of grey: 8×8 pixels.
std::string toy_file(std::uint8_t grey);

// A file whose decoding attacks this wall.
std::string evil_file(const std::string& attack);
// Attacks by a system call that a host may not make.
std::vector<std::string> system_call_attacks();

} // namespace darkroom::tests
