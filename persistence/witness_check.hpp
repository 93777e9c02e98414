// Whether a journal holds everything that its witness vouches for.
#pragma once

#include "persistence/witness.hpp"

#include <vector>

namespace darkroom::persistence {

// What is missing of the files that the witness lists: one sentence each. Reads all that is listed.
std::vector<std::string> missing_files(const std::string& journal, const witness_record& record);

// Of a journal that ends before the seq that its witness vouches for.
std::string shorter_text(domain::seq last, domain::seq vouched);

// The same for a journal that may be in use, and its identity and last seq; changes nothing. Empty
// too where no witness is needed: the journal has no identity.
journal_result<std::vector<std::string>> check_witness(const std::string& journal);

} // namespace darkroom::persistence
