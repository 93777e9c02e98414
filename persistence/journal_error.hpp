// What can be wrong with a journal.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>

namespace darkroom::persistence {

enum class journal_fault : std::uint8_t {
  missing,    // there is no journal
  locked,     // another process has it
  newer,      // written by a newer version of Darkroom
  corrupt,    // what was synced cannot be read back
  incomplete, // a part that its witness vouches for is not there
  no_space,   // the disk is full
  io,         // reading or writing failed
};

struct journal_error {
  journal_fault fault = journal_fault::io;
  std::string detail; // a sentence for people
};

inline journal_error unreadable(const std::string& what) {
  return {journal_fault::corrupt, what + " cannot be read"};
}

template<class T>
using journal_result = base::result<T, journal_error>;

} // namespace darkroom::persistence
