// What lo <= key < hi means to a filter and to a recorder, as closed ranges. Bounds have any length.
#pragma once
#include <rocksdb/slice.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "ranges/format.h"
#include "ranges/keys.h"
#include "ranges/recorder.h"
#include "ranges/stored.h"

namespace bh::rocksdb {

inline std::uint64_t big_endian(const char* eight) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<std::uint8_t>(eight[i]);
  return value;
}

// The first eight bytes, padded with zeros.
inline std::uint64_t leading(const ::rocksdb::Slice& bound) {
  char eight[8] = {};
  if (!bound.empty()) std::memcpy(eight, bound.data(), std::min<std::size_t>(bound.size(), 8));
  return big_endian(eight);
}

// The keys of 8 big-endian bytes in the range; nothing if there can be none.
inline std::optional<std::pair<std::uint64_t, std::uint64_t>> code_range(const ::rocksdb::Slice& lo,
                                                                         const ::rocksdb::Slice& hi) {
  std::uint64_t first = leading(lo), last = leading(hi);
  if (lo.size() > 8 && ++first == 0) return std::nullopt;  // a key that equals its first 8 bytes is smaller
  if (hi.size() <= 8 && last-- == 0) return std::nullopt;  // one that equals those of a longer hi is smaller, and in
  if (first > last) return std::nullopt;
  return std::pair{first, last};
}

inline ranges::ByteCode code_of(const ::rocksdb::Slice& bound, std::size_t width) {
  return {reinterpret_cast<const std::uint8_t*>(bound.data()), std::min(bound.size(), width)};
}

// The last code of `width` bytes in the range: hi's own where shorter keys or longer ones share it, else the one
// before; `room` may hold it. It is not below the code of a lo < hi.
inline ranges::ByteCode last_code(const ::rocksdb::Slice& hi, std::size_t width, std::vector<std::uint8_t>& room) {
  const ranges::ByteCode code = code_of(hi, width);
  if (hi.size() > width || hi[hi.size() - 1] == 0) return code;
  room.resize(width);
  ranges::before(code, room);
  return room;
}

// Bytes as they are given: one key more, which a model errs on the safe side by.
inline void record(ranges::QueryRecorder& recorder, const ::rocksdb::Slice& lo, const ::rocksdb::Slice& hi) {
  if (lo.compare(hi) >= 0) return;
  if (recorder.kind() == static_cast<std::uint16_t>(ranges::KeyKind::uint64)) {
    if (const auto codes = code_range(lo, hi)) recorder.record(codes->first, codes->second);
  } else {
    recorder.record(std::string_view(lo.data(), lo.size()), std::string_view(hi.data(), hi.size()));
  }
}

}  // namespace bh::rocksdb
