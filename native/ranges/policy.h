// How filters are to be built where nobody calls Python: what a plan hands to a host. Its bytes are those of a filter
// without keys, of kind 0.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "ranges/format.h"
#include "ranges/keys.h"

namespace bh::ranges {

// Byte strings one after the other: that of row i is data[offsets[i]] to data[offsets[i + 1] - 1].
struct ByteRows {
  std::vector<std::uint64_t> offsets{0};
  std::vector<std::uint8_t> data;

  std::size_t count() const { return offsets.size() - 1; }
  ByteCode operator[](std::size_t i) const { return {data.data() + offsets[i], offsets[i + 1] - offsets[i]}; }
  void push_back(ByteCode row) {
    data.insert(data.end(), row.begin(), row.end());
    offsets.push_back(data.size());
  }
};

// Closed ranges, as codes or, for bytes and str, as they were asked for.
struct PolicySample {
  std::vector<std::uint64_t> lo, hi;
  ByteRows lo_bytes, hi_bytes;
};

struct Policy {
  FilterKind filter = FilterKind::proteus;  // to build
  KeyKind keys = KeyKind::uint64;
  std::uint8_t unit = 0;
  std::optional<std::uint64_t> max_probes{64};
  std::uint64_t seed = 0;
  double bits_per_key = 12;
  std::uint64_t worst_length = 0;  // code units; 0: no worst case is asked for
  double worst_rate = 0;
  PolicySample sample;

  // Both throw CorruptData; load() also throws std::runtime_error if the file cannot be read.
  static Policy load(const std::string& path);
  static Policy read(Bytes bytes);
  std::vector<std::uint8_t> write() const;
};

}  // namespace bh::ranges
