// How many files of each batch are in flight at most: one window for all batches, so that memory
// does not grow with their number. A file in flight has a converter; the others are in the journal
// only. Rules without actors and clocks.
//
// Users share the window equally; what one does not need, the others have, and each user has one
// file at least. Within a user, priority comes first, then the older batch, as with leases. A batch
// whose files fit no machine comes after the others of its user, but keeps a few files.
#pragma once

#include "domain/ids.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace darkroom::actors {

// What a batch has to do.
struct batch_need {
  domain::batch_id batch;
  std::string user;
  std::uint8_t priority = 0;
  std::uint64_t files = 0; // that wait or are in flight; 0: it needs nothing
};

struct share_change {
  domain::batch_id batch;
  std::uint32_t files = 0;
  bool take_back = false; // what waits beyond that: else it is not replaced when it ends
};

class run_window {
public:
  // `files`: of all batches together.
  void resize(std::uint32_t files);
  std::uint32_t files() const { return files_; }
  void set(const batch_need& need);
  // Whether the files of a batch fit no machine. Until it needs nothing any more.
  void set_stuck(const domain::batch_id& batch, bool stuck);

  // Batches whose share is another one than after the last call; those that need nothing any more
  // are left out.
  std::vector<share_change> take_changes();

  std::uint32_t share_of(const domain::batch_id& batch) const;
  // It has files, and none may be in flight: those of its user's other batches come first.
  bool waits(const domain::batch_id& batch) const;
  // All that wait, each with the files that will be begun before its first one, about: those of its
  // user's batches before it, and as many of each other user.
  std::vector<std::pair<domain::batch_id, std::uint64_t>> waiting() const;

private:
  using rank = std::pair<std::uint32_t, domain::batch_id>; // the lowest first
  struct batch_part {
    std::uint64_t files = 0;
    bool stuck = false;
  };
  struct user {
    std::map<rank, batch_part> batches;
    std::uint64_t files = 0; // of all
  };
  struct known_batch {
    std::string user;
    rank position;
  };

  using shares_by_batch = std::map<domain::batch_id, std::uint32_t>;
  shares_by_batch shares() const;
  static void share(const user& among, std::uint64_t files, shares_by_batch& to);

  std::uint32_t files_ = 0;
  std::map<std::string, user> users_;
  std::map<domain::batch_id, known_batch> batches_;
  std::map<domain::batch_id, std::uint32_t> shares_; // without zeros
  bool changed_ = false;
};

} // namespace darkroom::actors
