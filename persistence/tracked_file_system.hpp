// A file system under RocksDB that tells the witness which logs and manifests there are, and how
// much of each is on disk.
#pragma once

#include "persistence/witness.hpp"

#include <memory>
#include <rocksdb/file_system.h>

namespace darkroom::persistence {

class tracked_file_system final : public rocksdb::FileSystemWrapper {
public:
  tracked_file_system(const std::shared_ptr<rocksdb::FileSystem>& under,
                      std::shared_ptr<witness> vouching)
      : FileSystemWrapper(under), witness_(std::move(vouching)) {}
  const char* Name() const override { return "tracked"; }

  // A new log or manifest has its name on disk, and is in the witness, before RocksDB gets it.
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override;
  // It leaves the witness first: what the witness lists is there.
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;

private:
  std::shared_ptr<witness> witness_;
};

} // namespace darkroom::persistence
