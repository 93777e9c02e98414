#include "losing_file_system.hpp"

#include <algorithm>
#include <filesystem>

namespace darkroom::tests {

namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class watched_file final : public rocksdb::FSWritableFileOwnerWrapper {
public:
  watched_file(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name,
               losing_file_system& owner)
      : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), owner_(owner) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* context) override {
    written_ += data.size();
    return FSWritableFileOwnerWrapper::Append(data, options, context);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* context) override {
    written_ += data.size();
    return FSWritableFileOwnerWrapper::Append(data, options, info, context);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    const auto status = FSWritableFileOwnerWrapper::Sync(options, context);
    owner_.synced(name_, written_);
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    const auto status = FSWritableFileOwnerWrapper::Fsync(options, context);
    owner_.synced(name_, written_);
    return status;
  }

private:
  std::string name_;
  losing_file_system& owner_;
  std::uint64_t written_ = 0;
};

} // namespace

IOStatus losing_file_system::NewWritableFile(const std::string& name,
                                             const rocksdb::FileOptions& options,
                                             std::unique_ptr<rocksdb::FSWritableFile>* file,
                                             IODebugContext* context) {
  auto plain = options;
  plain.use_mmap_writes = false;
  const auto status = FileSystemWrapper::NewWritableFile(name, plain, file, context);
  if (!status.ok()) return status;
  synced(name, 0);
  *file = std::make_unique<watched_file>(std::move(*file), name, *this);
  return status;
}

IOStatus losing_file_system::RenameFile(const std::string& from, const std::string& to,
                                        const IOOptions& options, IODebugContext* context) {
  const auto status = FileSystemWrapper::RenameFile(from, to, options, context);
  const std::lock_guard lock(mutex_);
  if (const auto moved = synced_bytes_.extract(from); status.ok() && !moved.empty())
    synced_bytes_[to] = moved.mapped();
  return status;
}

void losing_file_system::synced(const std::string& name, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  synced_bytes_[name] = bytes;
}

void losing_file_system::lose_power() {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, bytes] : synced_bytes_) {
    std::error_code gone;
    const auto size = std::filesystem::file_size(name, gone);
    if (!gone && size > bytes) std::filesystem::resize_file(name, bytes);
  }
  synced_bytes_.clear();
}

} // namespace darkroom::tests
