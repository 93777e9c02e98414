// The RocksDB handle, shared by the writer and its readers. Included only by `.cpp` files of this
// room: RocksDB's headers stay here.
#pragma once

#include "persistence/journal_error.hpp"
#include "persistence/keys.hpp"

#include <memory>
#include <rocksdb/db.h>
#include <string>
#include <vector>

namespace darkroom::persistence {

class database {
public:
  enum class mode : std::uint8_t { create, must_exist, read_only };
  static journal_result<std::shared_ptr<database>> open(const std::string& directory,
                                                        rocksdb::Env* env, mode how);
  // Opens one for reading that a running process may write to, as it was at one moment.
  static journal_result<std::shared_ptr<database>> open_beside_writer(const std::string& directory,
                                                                      rocksdb::Env* env = nullptr);
  // Opens what is left of a damaged one, for reading. RocksDB's sentences about what it had to
  // leave out are added to `losses`.
  static journal_result<std::shared_ptr<database>>
  open_damaged(const std::string& directory, std::shared_ptr<std::vector<std::string>> losses);
  rocksdb::DB& operator*() { return *db_; }
  rocksdb::DB* operator->() { return db_.get(); }

  // Walks all keys with a prefix in order, as of now or of a moment; `visit(key, value)` returns
  // false to stop.
  template<class Visit>
  journal_result<void> scan(const std::string& prefix, const std::string& from, Visit visit,
                            const rocksdb::Snapshot* moment = nullptr) {
    // Behind the last key may lie thousands of removed ones of another kind: without an end RocksDB
    // would walk over all of these to the next that is there.
    const auto end = after_all_with(prefix);
    const rocksdb::Slice bound(end);
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    options.snapshot = moment;
    if (!end.empty()) options.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
    for (at->Seek(from); at->Valid() && at->key().starts_with(prefix); at->Next())
      if (!visit(at->key().ToStringView(), at->value().ToStringView())) break;
    if (!at->status().ok()) return std::unexpected(error_of(at->status()));
    return {};
  }
  // The first of its tables that cannot even be opened, and why; empty when all can.
  std::string unreadable_table() const;

  // Makes the list of its files again from those that are there.
  static journal_result<void> repair(const std::string& directory);

  static journal_error error_of(const rocksdb::Status& status);

  // Something that must live as long as this.
  void keep(std::shared_ptr<void> what) { kept_ = std::move(what); }

private:
  // The first string that is greater than all with this prefix; empty: there is none.
  static std::string after_all_with(std::string prefix);

  std::shared_ptr<void> kept_;
  std::unique_ptr<rocksdb::DB> db_;
};

} // namespace darkroom::persistence
