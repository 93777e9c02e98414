#include "persistence/tracked_file_system.hpp"

#include <mutex>

namespace darkroom::persistence {

namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

std::string file_name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

IOStatus status_of(const file_result<void>& result) {
  if (result) return IOStatus::OK();
  return result.error().disk_full() ? IOStatus::NoSpace(result.error().text())
                                    : IOStatus::IOError(result.error().text());
}

// Counts what is appended, and notes in the witness what of it a sync has put on disk.
class synced_file final : public rocksdb::FSWritableFileOwnerWrapper {
public:
  synced_file(std::unique_ptr<rocksdb::FSWritableFile> file, const tracked_file& name,
              std::shared_ptr<witness> vouching)
      : FSWritableFileOwnerWrapper(std::move(file)), name_(name), witness_(std::move(vouching)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* context) override {
    const auto status = FSWritableFileOwnerWrapper::Append(data, options, context);
    if (status.ok()) count(data);
    return status;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* context) override {
    const auto status = FSWritableFileOwnerWrapper::Append(data, options, info, context);
    if (status.ok()) count(data);
    return status;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    const auto before = appended();
    const auto status = FSWritableFileOwnerWrapper::Sync(options, context);
    if (status.ok()) witness_->note_synced(name_, before);
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    const auto before = appended();
    const auto status = FSWritableFileOwnerWrapper::Fsync(options, context);
    if (status.ok()) witness_->note_synced(name_, before);
    return status;
  }

private:
  void count(const rocksdb::Slice& data) {
    const std::lock_guard lock(mutex_);
    appended_.bytes += data.size();
    appended_.crc32 = crc32_of(appended_.crc32,
                               {reinterpret_cast<const std::uint8_t*>(data.data()), data.size()});
  }
  synced_prefix appended() {
    const std::lock_guard lock(mutex_);
    return appended_;
  }

  tracked_file name_;
  std::shared_ptr<witness> witness_;
  std::mutex mutex_; // a log may be synced by one thread while another appends
  synced_prefix appended_;
};

} // namespace

IOStatus tracked_file_system::NewWritableFile(const std::string& path,
                                              const rocksdb::FileOptions& options,
                                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                                              IODebugContext* context) {
  auto status = FileSystemWrapper::NewWritableFile(path, options, file, context);
  const auto tracked = parse_tracked(file_name_of(path));
  if (!status.ok() || !tracked) return status;
  std::unique_ptr<rocksdb::FSDirectory> folder;
  status = NewDirectory(parent_of(path), IOOptions(), &folder, context);
  if (status.ok())
    status = folder->FsyncWithDirOptions(IOOptions(), context, rocksdb::DirFsyncOptions());
  if (status.ok()) status = status_of(witness_->add(*tracked, {}));
  if (!status.ok()) {
    file->reset();
    return status;
  }
  *file = std::make_unique<synced_file>(std::move(*file), *tracked, witness_);
  return status;
}

IOStatus tracked_file_system::DeleteFile(const std::string& path, const IOOptions& options,
                                         IODebugContext* context) {
  if (const auto tracked = parse_tracked(file_name_of(path)))
    if (auto ok = witness_->remove(*tracked); !ok) return status_of(ok);
  return FileSystemWrapper::DeleteFile(path, options, context);
}

} // namespace darkroom::persistence
