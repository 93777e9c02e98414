// A file system that loses what was not synced: it lets RocksDB write to real files, remembers how
// much of each was synced, and cuts the rest off when the power goes.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <string>

namespace darkroom::tests {

class losing_file_system final : public rocksdb::FileSystemWrapper {
public:
  losing_file_system() : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "losing"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;

  // Every file is cut to what of it was synced. The database must be closed.
  void lose_power();

  void synced(const std::string& name, std::uint64_t bytes);

private:
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> synced_bytes_;
};

} // namespace darkroom::tests
