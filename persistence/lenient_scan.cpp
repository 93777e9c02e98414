#include "persistence/lenient_scan.hpp"

#include <memory>

namespace darkroom::persistence {

namespace {

// Long enough to tell any two keys of the journal apart: all but a few end far before.
constexpr std::size_t position_bytes = 48;

// A place between keys: a key, filled up with zeros, read as one large number.
using position = std::string;

position position_of(std::string_view key) {
  position at(key.substr(0, position_bytes));
  at.resize(position_bytes, '\0');
  return at;
}

unsigned byte_at(const position& p, std::size_t i) {
  return static_cast<unsigned char>(p[i]);
}

// Adds one at a byte, counted from the last; false when it does not fit.
bool add_at(position& p, std::size_t from_last) {
  for (std::size_t i = position_bytes - from_last; i-- > 0;) {
    p[i] = static_cast<char>(byte_at(p, i) + 1);
    if (p[i] != '\0') return true;
  }
  return false;
}

position midpoint(const position& low, const position& high) {
  position sum(position_bytes + 1, '\0');
  unsigned carry = 0;
  for (std::size_t i = position_bytes; i-- > 0;) {
    const unsigned value = byte_at(low, i) + byte_at(high, i) + carry;
    sum[i + 1] = static_cast<char>(value);
    carry = value >> 8;
  }
  sum[0] = static_cast<char>(carry);
  position half(position_bytes, '\0');
  for (std::size_t i = 0; i < position_bytes; ++i)
    half[i] = static_cast<char>((byte_at(sum, i) & 1) << 7 | byte_at(sum, i + 1) >> 1);
  return half;
}

class lenient_reader {
public:
  lenient_reader(rocksdb::DB& db, const std::string& prefix) : db_(db), end_(position_of(prefix)) {
    add_at(end_, position_bytes - prefix.size());
    renew();
  }
  rocksdb::Iterator& at() { return *at_; }
  // An iterator that has failed once is of no more use.
  bool seek(const std::string& key) {
    renew();
    at_->Seek(key);
    return at_->status().ok();
  }
  // Goes to the first place, this or a later one, from which reading is possible; false: there is
  // none before the end of the prefix.
  bool seek_behind(const position& from) {
    if (seek(from)) return true;
    position low = from;
    for (std::size_t i = 0; i < position_bytes; ++i) {
      position high = from;
      if (!add_at(high, i) || high >= end_) break;
      if (seek(high)) return narrow(low, high);
      low = high;
    }
    return seek(end_) && narrow(low, end_);
  }

private:
  void renew() {
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    at_.reset(db_.NewIterator(options));
  }
  // Nothing can be read from `low`, something from `high`: goes to the border.
  bool narrow(position low, position high) {
    while (true) {
      const auto between = midpoint(low, high);
      if (between == low) break;
      if (seek(between))
        high = between;
      else
        low = between;
    }
    return seek(high);
  }

  rocksdb::DB& db_;
  position end_;
  std::unique_ptr<rocksdb::Iterator> at_;
};

} // namespace

void scan_readable(
    rocksdb::DB& db, const std::string& prefix,
    const std::function<void(std::string_view key, std::string_view value)>& visit,
    const std::function<void(std::string_view after, const std::string& why)>& lost) {
  lenient_reader reader(db, prefix);
  std::string last = prefix;
  reader.seek(prefix);
  while (true) {
    for (; reader.at().Valid() && reader.at().key().starts_with(prefix); reader.at().Next()) {
      last = reader.at().key().ToString();
      visit(last, reader.at().value().ToStringView());
    }
    if (reader.at().status().ok()) return;
    lost(last, reader.at().status().ToString());
    auto behind = position_of(last);
    if (last != prefix && !add_at(behind, 0)) return;
    if (!reader.seek_behind(behind)) return;
  }
}

} // namespace darkroom::persistence
