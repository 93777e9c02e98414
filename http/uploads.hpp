// Bytes on their way into a batch: received to disk, checked, and added. A file is acknowledged
// only when its bytes and its event are on disk.
#pragma once

#include "base/result.hpp"
#include "http/routes.hpp"

namespace darkroom::http {

// One file whose bytes have been received, or come from an earlier upload.
struct received_file {
  std::string path;
  persistence::blob_store::pin blob; // until its event is durable
  bool header_read = false;          // by an earlier upload: it was not hopeless then
};

// What became of it.
struct added_file {
  std::string path;
  domain::file_index index = 0;
  std::uint64_t bytes = 0;
  std::string sha256;
  bool is_new = false;            // else the same bytes were there already
  std::optional<problem> refused; // then nothing of it is kept
};

// Whether the disk has room for anything new.
base::result<void, problem> check_room(const call& c);

// Whether the batch takes files at all, and there is room for them.
base::result<void, problem> check_may_add(const call& c, const named_batch& batch);

// What `Repr-Digest: sha-256=:…:` says (RFC 9530); nothing when it says nothing of SHA-256. The
// problem: it cannot be read.
base::result<std::optional<persistence::digest>, problem> read_repr_digest(std::string_view header);
std::string repr_digest(const persistence::digest& d);

// Puts received bytes on disk under their names: all of these, and those of others at the time,
// share the syncs.
using commit_result = base::result<persistence::blob_store::pin, problem>;
task<std::vector<commit_result>> commit(call& c, std::vector<persistence::blob_writer> finished);

// Looks at the headers of new files and adds all that are not hopeless; one answer for each.
task<std::vector<added_file>> add_received(call& c, const named_batch& batch,
                                           std::vector<received_file> files);

} // namespace darkroom::http
