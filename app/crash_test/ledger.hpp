// What a user of the server knows: what was acknowledged, and what may have been done. It is kept
// where no crash of the server can touch it, and it is what the server is held to.
#pragma once

#include "app/http_client.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace darkroom::app {

// Whether something has happened.
enum class certainty : std::uint8_t { no, maybe, yes };

// What an answer says about its request; no answer, or a server that does not know: maybe.
certainty certainty_of(const http_reply& reply);

struct known_file {
  std::size_t sample = 0;
  certainty added = certainty::no, removed = certainty::no;
};

struct known_batch {
  std::string key, body; // of the request that makes it: repeated until it is answered
  std::string id;        // empty: nobody has told
  certainty deleted = certainty::no;
  std::set<std::size_t> specs;                 // that its files may have been converted by
  std::map<std::string, known_file> files;     // by path
  std::set<unsigned> priorities;               // one of them
  std::set<std::string> names;                 // one of them
  std::map<std::string, certainty> commands;   // by name, whether it was ever carried out
  std::map<std::uint64_t, std::string> events; // that were read, by seq
  std::set<std::uint64_t> tags;                // seqs that answers were stamped with
};

struct ledger {
  std::string user, token;
  std::vector<known_batch> batches;
  std::uint64_t names_given = 0;
  std::map<std::string, std::uint64_t> counts; // acknowledgements by kind, for people
};

} // namespace darkroom::app
