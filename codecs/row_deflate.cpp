#include "codecs/row_deflate.hpp"

#include "codecs/huffman.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>

namespace darkroom::codecs {

namespace {

// Of the input, in one block: its codes fit a part of the picture. A stored block has at most
// 65,535 bytes.
constexpr std::size_t block_bytes = std::size_t{60} * 1024;
constexpr std::size_t window_bytes = 32768;
constexpr unsigned hash_bits = 16;
// Measured on photos: with 6, a tenth of a percent fewer bytes in one and a half times the time.
constexpr std::size_t match_min = 8;
constexpr std::size_t match_max = 258;

constexpr std::size_t literal_count = 286; // bytes, the end of a block, lengths
constexpr std::size_t end_of_block = 256;
constexpr std::size_t distance_count = 30;
constexpr std::size_t precode_count = 19;
// Deflate allows 15. Four codes of 14 bits and 7 bits that wait fit in 64.
constexpr unsigned literal_bits_max = 14;
constexpr unsigned distance_bits_max = 15;
constexpr unsigned precode_bits_max = 7;
// What a symbol counts that the block before did not have.
constexpr unsigned unseen_literal_bits = 13;
constexpr unsigned unseen_distance_bits = 8;

constexpr std::size_t flush_bytes = sizeof(std::uint64_t);
// 316 lengths of symbols, each with at most 7 bits and 7 extra bits, and what precedes them.
constexpr std::size_t header_bytes_max = std::size_t{320} * 14 / 8 + 16;
constexpr std::size_t stored_header_bytes = 5;

// RFC 1951, section 3.2.5.
struct length_symbol {
  std::uint16_t symbol;
  std::uint8_t extra_bits;
  std::uint8_t extra;
};
constexpr auto length_symbols = [] {
  std::array<length_symbol, match_max + 1> all{};
  std::size_t length = 3;
  for (std::uint16_t symbol = 257; symbol < 285; ++symbol) {
    const unsigned bits = symbol < 265 ? 0 : (symbol - 261u) / 4;
    for (unsigned extra = 0; extra < 1u << bits && length < match_max; ++extra, ++length)
      all[length] = {symbol, static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(extra)};
  }
  all[match_max] = {285, 0, 0};
  return all;
}();

struct distance_symbol {
  unsigned symbol;
  unsigned extra_bits;
  unsigned extra;
};
distance_symbol symbol_of_distance(std::size_t distance) {
  const auto from_zero = static_cast<unsigned>(distance - 1);
  if (from_zero < 4) return {from_zero, 0, 0};
  const auto bits = static_cast<unsigned>(std::bit_width(from_zero)) - 2;
  return {2 * bits + (from_zero >> bits), bits, from_zero & ((1u << bits) - 1)};
}

// Bytes as they are, and a repetition after them; its length is 0 at the end of a block.
struct sequence {
  std::uint32_t literals;
  std::uint16_t length;
  std::uint16_t distance;
};

template<class T>
struct per_symbol {
  std::array<T, literal_count> literals{};
  std::array<T, distance_count> distances{};
};

struct length_run {
  std::uint8_t symbol;
  std::uint8_t extra;
  std::uint8_t extra_bits;
};
struct length_runs {
  std::array<length_run, literal_count + distance_count> runs;
  std::size_t count = 0;
  void add(unsigned symbol, std::size_t extra, unsigned extra_bits) {
    runs[count++] = {static_cast<std::uint8_t>(symbol), static_cast<std::uint8_t>(extra),
                     static_cast<std::uint8_t>(extra_bits)};
  }
  std::span<const length_run> all() const { return std::span{runs}.first(count); }
};

// RFC 1951, section 3.2.7: lengths of codes, and runs of equal ones.
length_runs runs_of(std::span<const std::uint8_t> lengths) {
  length_runs out;
  for (std::size_t i = 0; i < lengths.size();) {
    const std::uint8_t length = lengths[i];
    std::size_t n = 1;
    while (i + n < lengths.size() && lengths[i + n] == length)
      ++n;
    i += n;
    if (length != 0) {
      out.add(length, 0, 0);
      --n;
    }
    while (n >= 3) {
      const std::size_t part = std::min<std::size_t>(n, length != 0 ? 6 : 138);
      if (length != 0)
        out.add(16, part - 3, 2);
      else if (part <= 10)
        out.add(17, part - 3, 3);
      else
        out.add(18, part - 11, 7);
      n -= part;
    }
    for (; n > 0; --n)
      out.add(length, 0, 0);
  }
  return out;
}

std::uint64_t load(const std::uint8_t* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}
static_assert(std::endian::native == std::endian::little);
static_assert(match_min == sizeof(std::uint64_t), "a word is compared at once");

class bit_writer {
public:
  explicit bit_writer(std::span<std::uint8_t> out) : out_(out) {}

  std::size_t room() const { return out_.size() - at_; }
  std::size_t size() const { return at_; }
  void add(std::uint64_t bits, unsigned count) {
    bits_ |= bits << count_;
    count_ += count;
  }
  void add(huffman_code code) { add(code.bits, code.length); }
  // At most 7 bits wait afterwards. Needs `flush_bytes` of room.
  void flush() {
    std::memcpy(out_.data() + at_, &bits_, sizeof bits_);
    at_ += count_ / 8;
    bits_ >>= count_ & ~7u;
    count_ &= 7;
  }
  void align() {
    flush();
    if (count_ == 0) return;
    count_ = 8;
    flush();
  }
  void copy(std::span<const std::uint8_t> bytes) {
    std::ranges::copy(bytes, out_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += bytes.size();
  }

private:
  std::span<std::uint8_t> out_;
  std::size_t at_ = 0;
  std::uint64_t bits_ = 0;
  unsigned count_ = 0;
};

class row_deflater {
public:
  row_deflater(std::span<const std::uint8_t> rows, std::span<std::uint8_t> out)
      : rows_(rows), out_(out) {}

  std::size_t run() {
    if (out_.room() < flush_bytes) return 0;
    out_.add(0x0178, 16); // RFC 1950: a window of 32 KiB, the fastest algorithm
    out_.flush();
    // Before the first block, no repetition has a code.
    for (const auto byte : rows_.first(std::min(rows_.size(), block_bytes)))
      ++frequencies_.literals[byte];
    make_lengths();
    std::size_t at = 0;
    do {
      const std::size_t end = std::min(at + block_bytes, rows_.size());
      find_sequences(at, end);
      count_symbols(at);
      make_lengths();
      if (!write_block(at, end)) return 0;
      at = end;
    } while (at < rows_.size());
    if (out_.room() < 2 * flush_bytes) return 0;
    out_.align();
    out_.add(__builtin_bswap32(libdeflate_adler32(1, rows_.data(), rows_.size())), 32);
    out_.flush();
    return out_.size();
  }

private:
  void make_lengths() {
    huffman_lengths(frequencies_.literals, literal_bits_max, lengths_.literals);
    huffman_lengths(frequencies_.distances, distance_bits_max, lengths_.distances);
  }

  // Whether a repetition has fewer bits than its bytes, by the codes of the block before.
  bool saves_bits(std::size_t at, std::size_t length, std::size_t distance) const {
    const auto& near = length_symbols[length];
    const auto far = symbol_of_distance(distance);
    const auto bits_of = [](unsigned bits, unsigned unseen) { return bits > 0 ? bits : unseen; };
    const unsigned bits = bits_of(lengths_.literals[near.symbol], unseen_literal_bits) +
                          near.extra_bits + far.extra_bits +
                          bits_of(lengths_.distances[far.symbol], unseen_distance_bits);
    unsigned of_literals = 0;
    for (std::size_t i = 0; i < length && of_literals <= bits; ++i)
      of_literals += bits_of(lengths_.literals[rows_[at + i]], unseen_literal_bits);
    return of_literals > bits;
  }

  // At least `match_min` bytes are known to be equal.
  std::size_t match_length(std::size_t at, std::size_t from, std::size_t end) const {
    const std::uint8_t* bytes = rows_.data();
    const std::size_t most = std::min(match_max, end - at);
    std::size_t length = match_min;
    for (; length + sizeof(std::uint64_t) <= most; length += sizeof(std::uint64_t)) {
      const std::uint64_t different = load(bytes + at + length) ^ load(bytes + from + length);
      if (different != 0) return length + static_cast<unsigned>(std::countr_zero(different)) / 8;
    }
    while (length < most && bytes[from + length] == bytes[at + length])
      ++length;
    return length;
  }

  static constexpr std::uint32_t nowhere = ~0u;
  // Stores where the word is; returns where one with the same hash was: its lower 16 bits.
  std::uint32_t remember(std::size_t at, std::uint64_t word) {
    const std::uint64_t hash = word * 0x9E37'79B9'7F4A'7C15u;
    const auto tag = static_cast<std::uint32_t>(hash >> 32) & 0xFFFF;
    auto& slot = latest_[hash >> (64 - hash_bits)];
    const std::uint32_t before = slot;
    slot = tag << 16 | (at & 0xFFFF);
    return before >> 16 == tag ? before & 0xFFFF : nowhere;
  }

  // Greedy, with one candidate for each place: a second one saves less than its time.
  void find_sequences(std::size_t at, std::size_t end) {
    const std::uint8_t* bytes = rows_.data();
    const std::size_t last = end - at > match_min ? end - match_min : at;
    std::size_t literals_from = at;
    sequence_count_ = 0;
    while (at < last) {
      const std::uint64_t word = load(bytes + at);
      const std::uint32_t before = remember(at, word);
      const std::size_t distance = (at - before) & 0xFFFF;
      if (before == nowhere || distance - 1 >= window_bytes || distance > at ||
          load(bytes + at - distance) != word) {
        ++at;
        continue;
      }
      const std::size_t length = match_length(at, at - distance, end);
      if (!saves_bits(at, length, distance)) {
        ++at;
        continue;
      }
      sequences_[sequence_count_++] = {static_cast<std::uint32_t>(at - literals_from),
                                       static_cast<std::uint16_t>(length),
                                       static_cast<std::uint16_t>(distance)};
      const std::size_t next = at + length;
      for (++at; at < std::min(next, last); ++at)
        remember(at, load(bytes + at));
      at = next;
      literals_from = at;
    }
    sequences_[sequence_count_++] = {static_cast<std::uint32_t>(end - literals_from), 0, 0};
  }

  std::span<const sequence> sequences() const {
    return std::span{sequences_}.first(sequence_count_);
  }

  void count_symbols(std::size_t at) {
    frequencies_ = {};
    extra_bits_ = 0;
    // In turn: a counter that was just written is not ready to be read.
    std::array<std::array<std::uint32_t, 256>, 4> counts{};
    const std::uint8_t* byte = rows_.data() + at;
    for (const auto& each : sequences()) {
      const std::uint8_t* end = byte + each.literals;
      for (; end - byte >= 4; byte += 4)
        for (std::size_t i = 0; i < 4; ++i)
          ++counts[i][byte[i]];
      for (; byte < end; ++byte)
        ++counts[0][*byte];
      if (each.length == 0) break;
      byte += each.length;
      const auto& length = length_symbols[each.length];
      const auto distance = symbol_of_distance(each.distance);
      ++frequencies_.literals[length.symbol];
      ++frequencies_.distances[distance.symbol];
      extra_bits_ += length.extra_bits + distance.extra_bits;
    }
    for (std::size_t i = 0; i < 256; ++i)
      frequencies_.literals[i] = counts[0][i] + counts[1][i] + counts[2][i] + counts[3][i];
    frequencies_.literals[end_of_block] = 1;
  }

  std::size_t body_bytes() const {
    std::uint64_t bits = extra_bits_;
    for (std::size_t i = 0; i < literal_count; ++i)
      bits += std::uint64_t{frequencies_.literals[i]} * lengths_.literals[i];
    for (std::size_t i = 0; i < distance_count; ++i)
      bits += std::uint64_t{frequencies_.distances[i]} * lengths_.distances[i];
    return bits / 8 + 1;
  }

  bool write_block(std::size_t at, std::size_t end) {
    const unsigned last = end == rows_.size() ? 1 : 0;
    const std::size_t bytes = header_bytes_max + body_bytes();
    const std::size_t stored_bytes = stored_header_bytes + end - at;
    if (out_.room() < std::min(bytes, stored_bytes) + 2 * flush_bytes) return false;
    if (stored_bytes < bytes) {
      out_.add(last, 3);
      out_.align();
      const std::size_t size = end - at;
      out_.add(size | (~size & 0xFFFF) << 16, 32);
      out_.flush();
      out_.copy(rows_.subspan(at, size));
      return true;
    }
    out_.add(last | 2 << 1, 3);
    write_lengths();
    huffman_codes(lengths_.literals, codes_.literals);
    huffman_codes(lengths_.distances, codes_.distances);
    write_sequences(rows_.data() + at);
    return true;
  }

  // RFC 1951, section 3.2.7.
  void write_lengths() {
    std::size_t literals = literal_count;
    while (literals > end_of_block + 1 && lengths_.literals[literals - 1] == 0)
      --literals;
    std::size_t distances = distance_count;
    while (distances > 1 && lengths_.distances[distances - 1] == 0)
      --distances;
    std::array<std::uint8_t, literal_count + distance_count> both;
    const auto middle = std::copy_n(lengths_.literals.begin(), literals, both.begin());
    std::copy_n(lengths_.distances.begin(), distances, middle);
    const auto runs = runs_of(std::span{both}.first(literals + distances));

    std::array<std::uint32_t, precode_count> frequencies{};
    for (const auto& run : runs.all())
      ++frequencies[run.symbol];
    std::array<std::uint8_t, precode_count> lengths;
    huffman_lengths(frequencies, precode_bits_max, lengths);
    std::array<huffman_code, precode_count> codes;
    huffman_codes(lengths, codes);

    static constexpr std::uint8_t order[precode_count] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                          11, 4,  12, 3, 13, 2, 14, 1, 15};
    std::size_t count = precode_count;
    while (count > 4 && lengths[order[count - 1]] == 0)
      --count;
    out_.add(literals - 257, 5);
    out_.add(distances - 1, 5);
    out_.add(count - 4, 4);
    for (std::size_t i = 0; i < count; ++i) {
      out_.flush();
      out_.add(lengths[order[i]], 3);
    }
    for (const auto& run : runs.all()) {
      out_.flush();
      out_.add(codes[run.symbol]);
      out_.add(run.extra, run.extra_bits);
    }
    out_.flush();
  }

  void write_sequences(const std::uint8_t* byte) {
    bit_writer out = out_; // a local one stays in registers
    for (const auto& each : sequences()) {
      const std::uint8_t* end = byte + each.literals;
      for (; end - byte >= 4; byte += 4) {
        for (std::size_t i = 0; i < 4; ++i)
          out.add(codes_.literals[byte[i]]);
        out.flush();
      }
      for (; byte < end; ++byte) {
        out.add(codes_.literals[*byte]);
        out.flush();
      }
      if (each.length == 0) break;
      byte += each.length;
      const auto& length = length_symbols[each.length];
      const auto distance = symbol_of_distance(each.distance);
      out.add(codes_.literals[length.symbol]);
      out.add(length.extra, length.extra_bits);
      out.add(codes_.distances[distance.symbol]);
      out.add(distance.extra, distance.extra_bits);
      out.flush();
    }
    out.add(codes_.literals[end_of_block]);
    out.flush();
    out_ = out;
  }

  std::span<const std::uint8_t> rows_;
  bit_writer out_;
  // For each hash, 16 more bits of the hash and of where its word was last: most words that are not
  // equal are told apart without reading them.
  std::array<std::uint32_t, std::size_t{1} << hash_bits> latest_{};
  std::array<sequence, block_bytes / match_min + 2> sequences_;
  std::size_t sequence_count_ = 0;
  std::uint64_t extra_bits_ = 0;
  per_symbol<std::uint32_t> frequencies_;
  per_symbol<std::uint8_t> lengths_;
  per_symbol<huffman_code> codes_;
};

} // namespace

std::size_t deflate_rows(std::span<const std::uint8_t> rows, std::span<std::uint8_t> out) {
  const std::unique_ptr<row_deflater> self{new (std::nothrow) row_deflater(rows, out)};
  return self ? self->run() : 0;
}

} // namespace darkroom::codecs
