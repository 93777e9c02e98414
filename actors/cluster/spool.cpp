#include "actors/cluster/spool.hpp"

#include "actors/cluster/limits.hpp"
#include "actors/cluster/read_piece.hpp"
#include "base/errno_text.hpp"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace darkroom::actors {

using base::unique_fd;
using persistence::file_result;

namespace {

// The same file, with a position of its own.
unique_fd reopened(int file) {
  const auto path = "/proc/self/fd/" + std::to_string(file);
  return unique_fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
}

} // namespace

file_result<unique_fd> spool::make_file(std::uint64_t bytes) const {
  if (bytes <= limits::small_input_bytes) {
    unique_fd memory{::memfd_create("darkroom-input", MFD_CLOEXEC)};
    if (!memory) return std::unexpected(persistence::last_error("making a file in memory"));
    return memory;
  }
  auto path = folder_ + "/darkroom-input-XXXXXX";
  unique_fd file{::mkostemp(path.data(), O_CLOEXEC)};
  if (!file) return std::unexpected(persistence::last_error("making a file in " + folder_));
  ::unlink(path.c_str());
  return file;
}

void spool::put_input(domain::lease_id lease, unique_fd file) {
  const std::lock_guard lock(mutex_);
  inputs_[lease] = std::move(file);
}

codecs::result<unique_fd> spool::open_input(domain::lease_id lease) const {
  const std::lock_guard lock(mutex_);
  const auto at = inputs_.find(lease);
  if (at == inputs_.end())
    return codecs::fail(domain::failure_reason::internal, "the input of a lease that is over");
  auto file = reopened(at->second.get());
  if (!file) return codecs::fail(domain::failure_reason::io_error, base::errno_text(errno));
  return file;
}

void spool::drop_input(domain::lease_id lease) {
  const std::lock_guard lock(mutex_);
  inputs_.erase(lease);
}

file_result<persistence::written_file> spool::put_output(domain::lease_id lease,
                                                         std::uint32_t output, int content) {
  struct stat about{};
  const auto sums = persistence::sums_of(content);
  if (!sums || ::fstat(content, &about) != 0)
    return std::unexpected(persistence::last_error("reading an output"));
  auto file = reopened(content);
  if (!file) return std::unexpected(persistence::last_error("keeping an output"));
  const std::lock_guard lock(mutex_);
  outputs_[{lease, output}] = std::move(file);
  return persistence::written_file{static_cast<std::uint64_t>(about.st_size), sums->sha256,
                                   sums->crc32};
}

std::string spool::read_output(domain::lease_id lease, std::uint32_t output, std::uint64_t offset,
                               std::uint32_t bytes) const {
  const std::lock_guard lock(mutex_);
  const auto at = outputs_.find({lease, output});
  if (at == outputs_.end() || bytes > limits::piece_bytes_most) return {};
  return read_piece(at->second.get(), offset, bytes);
}

void spool::drop(domain::lease_id lease) {
  const std::lock_guard lock(mutex_);
  inputs_.erase(lease);
  outputs_.erase(outputs_.lower_bound({lease, 0}), outputs_.upper_bound({lease, UINT32_MAX}));
}

std::string spool_target(domain::lease_id lease) {
  return std::to_string(lease);
}

file_result<persistence::staged_output>
spool_outputs::stage(const domain::batch_id&, domain::file_index, std::uint32_t output,
                     const std::string& target, int content, domain::existing_policy existing) {
  domain::lease_id lease = 0;
  std::from_chars(target.data(), target.data() + target.size(), lease);
  const auto kept = spool_->put_output(lease, output, content);
  if (!kept) return std::unexpected(kept.error());
  persistence::staged_output staged;
  staged.temporary = staged.target = target;
  staged.bytes = kept->bytes;
  staged.sha256 = kept->sha256;
  staged.crc32 = kept->crc32;
  staged.existing = existing;
  return staged;
}

std::vector<persistence::placed_output>
spool_outputs::place(std::span<const persistence::staged_output> staged) {
  return std::vector<persistence::placed_output>(staged.size()); // the server names outputs
}

file_result<unique_fd> spool_outputs::open_staged(const persistence::staged_output&) {
  return std::unexpected(persistence::file_error{ENOENT, "opening an output of a worker"});
}

} // namespace darkroom::actors
