// A loss of power may leave the last records of a log with pages that were never written. Nothing
// of them was synced, so nothing of them was acknowledged; RocksDB cannot tell it from damage.
#pragma once

#include <string>

namespace darkroom::persistence {

// Cuts such a record, and what is behind it, off the newest log in a journal's folder. Only where a
// page of it reads as zeros and no whole record follows: else it is damage, and stays. True when
// something was cut off. Nobody may have the journal open.
// Format: RocksDB's log (db/log_format.h): blocks of 32 KiB; in them records of CRC-32C (4,
// masked), length (2), type (1) and content; a record that does not fit goes on as first, middle
// and last.
bool cut_torn_tail(const std::string& journal);

} // namespace darkroom::persistence
