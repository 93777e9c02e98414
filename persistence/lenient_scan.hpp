// Reads past what cannot be read.
#pragma once

#include <functional>
#include <rocksdb/db.h>
#include <string>
#include <string_view>

namespace darkroom::persistence {

// Visits the keys with a prefix in order, as far as they can be read; `lost` is told of each
// stretch that cannot: the last key before it (or the prefix), and why.
void scan_readable(rocksdb::DB& db, const std::string& prefix,
                   const std::function<void(std::string_view key, std::string_view value)>& visit,
                   const std::function<void(std::string_view after, const std::string& why)>& lost);

} // namespace darkroom::persistence
