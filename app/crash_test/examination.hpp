// Holds a server's data to the ledgers of its users.
#pragma once

#include "app/crash_test/ledger.hpp"
#include "app/crash_test/samples.hpp"

#include <string>
#include <vector>

namespace darkroom::app {

// What the server makes of each sample by each spec, undisturbed: the digests of its outputs, or
// the reason of its failure.
struct reference_result {
  std::string reason; // empty: it converts
  std::vector<std::string> outputs;
  bool operator==(const reference_result&) const = default;
};
using reference_table = std::vector<std::vector<reference_result>>; // by spec, by sample

// Makes the table with a server that nobody disturbs. Empty with a complaint.
reference_table make_reference(const std::string& server, const std::string& token,
                               const std::vector<crash_sample>& samples, std::string& complaint);

struct examined {
  std::size_t batches = 0, files = 0, events = 0, completed = 0, crashed = 0;
};

// Of a server on which every batch of every ledger has ended. Says what is wrong, or nothing; adds
// the log as it is now to the ledgers.
std::string examine_served(const std::string& server, std::vector<ledger>& ledgers,
                           const reference_table& reference, examined& found);

// Of the folder of a server that has stopped. Says what is wrong, or nothing.
std::string examine_stored(const std::string& data, const std::vector<ledger>& ledgers);

} // namespace darkroom::app
