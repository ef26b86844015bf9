// Bytes either are a summary of a stream or a trained predictor that keeps its promises, or are refused. The CRC would
// hide all that comes after it, so length and CRC are put right first.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "streams/assoc.h"
#include "streams/count_min.h"
#include "streams/count_sketch.h"
#include "streams/filtered.h"
#include "streams/gated.h"
#include "streams/lss.h"
#include "streams/model.h"
#include "streams/space_saving.h"
#include "streams/window.h"
#include "support/bytes.h"
#include "support/errors.h"

namespace streams = bh::streams;

namespace {

constexpr std::size_t kHeader = 80, kKindAt = 10, kCrcAt = 16, kLengthAt = 24;

std::vector<std::byte> sealed(std::span<const std::byte> data) {
  std::vector<std::byte> bytes(data.begin(), data.end());
  const std::uint64_t length = bytes.size() - kHeader;
  std::uint32_t crc = 0;
  std::memcpy(&bytes[kLengthAt], &length, sizeof length);
  std::memcpy(&bytes[kCrcAt], &crc, sizeof crc);
  crc = bh::crc32c(bytes);
  std::memcpy(&bytes[kCrcAt], &crc, sizeof crc);
  return bytes;
}

void demand(bool kept) {
  if (!kept) __builtin_trap();
}

// What is asked of every kernel; `count` adds keys to it.
template <typename Kernel, typename Count>
void put_to_use(bh::Bytes bytes, const Count& count) {
  auto kernel = streams::from_bytes<Kernel>(bytes);
  kernel.check_invariants();
  const auto written = streams::to_bytes(kernel);
  demand(streams::to_bytes(streams::from_bytes<Kernel>(written)) == written);
  std::vector<std::uint64_t> ids{0, 1, 2, 1, ~std::uint64_t{0}};
  for (std::size_t at = kHeader; at + 8 <= bytes.size() && ids.size() < 100; at += 8) {
    ids.emplace_back();
    std::memcpy(&ids.back(), &bytes[at], 8);
  }
  const auto check_bounds = [&] {
    const std::uint64_t widest = kernel.error_bound();
    for (const std::uint64_t id : ids) {
      const streams::Bounds bounds = kernel.bounds(id);
      demand(bounds.lower <= bounds.upper && bounds.upper - bounds.lower <= widest);
    }
  };
  check_bounds();
  try {
    for (int round = 0; round < 3; ++round) count(kernel, ids);
    kernel.check_invariants();
    check_bounds();
    if constexpr (requires { kernel.merge(kernel); }) {
      const Kernel other = kernel;
      kernel.merge(other);
      kernel.check_invariants();
      check_bounds();
      count(kernel, ids);
      kernel.check_invariants();
    }
  } catch (const bh::CapacityExceeded&) {  // a total near 2^63
  }
  const auto after = streams::to_bytes(kernel);
  demand(streams::to_bytes(streams::from_bytes<Kernel>(after)) == after);
  kernel = kernel.emptied();
  kernel.check_invariants();
  demand(kernel.total() == 0);
}

void read(bh::Bytes bytes) {
  const std::array<std::uint64_t, 4> weights{1, 3, 1, 1000};
  std::vector<std::uint64_t> each;
  const auto weighted = [&](std::size_t n) {
    each.resize(n);
    for (std::size_t i = 0; i < n; ++i) each[i] = weights[i % weights.size()];
    return std::span<const std::uint64_t>(each);
  };
  const auto labeled = [&](auto& kernel, std::span<const std::uint64_t> ids) {
    kernel.update(ids, {}, nullptr);
    kernel.update(ids, weighted(ids.size()), nullptr);
  };
  std::vector<std::uint8_t> marks;
  const auto marked = [&](auto& kernel, std::span<const std::uint64_t> ids) {
    marks.resize(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) marks[i] = static_cast<std::uint8_t>(ids[i] % 3 << 5 | ids[i] % 32);
    kernel.update(ids, {}, marks, nullptr);
    kernel.update(ids, weighted(ids.size()), marks, nullptr);
  };
  const auto plain = [&](auto& kernel, std::span<const std::uint64_t> ids) {
    kernel.update(ids, {});
    kernel.update(ids, weighted(ids.size()));
  };
  const auto windowed = [&](auto& kernel, std::span<const std::uint64_t> ids) {
    kernel.update(ids, {}, nullptr);
    kernel.advance(ids.size());
  };
  switch (streams::Kind{static_cast<std::uint8_t>(bytes[kKindAt])}) {
    case streams::Kind::exact: return put_to_use<streams::SpaceSaving>(bytes, labeled);
    case streams::Kind::assoc: return put_to_use<streams::Assoc>(bytes, labeled);
    case streams::Kind::filtered: return put_to_use<streams::Filtered>(bytes, labeled);
    case streams::Kind::gated: return put_to_use<streams::Gated>(bytes, labeled);
    case streams::Kind::calibrated:
    case streams::Kind::lss_plus: return put_to_use<streams::Gated>(bytes, marked);
    case streams::Kind::lss: return put_to_use<streams::Lss>(bytes, marked);
    case streams::Kind::count_min:
    case streams::Kind::conservative: return put_to_use<streams::CountMin>(bytes, plain);
    case streams::Kind::count_sketch: return put_to_use<streams::CountSketch>(bytes, plain);
    case streams::Kind::window: return put_to_use<streams::SlidingWindow>(bytes, windowed);
    default: {
      const auto model = streams::Model::from_bytes(bytes);
      demand(model.to_bytes() == streams::Model::from_bytes(model.to_bytes()).to_bytes());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kHeader) return 0;
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::vector<std::byte> whole = sealed(bytes);
  if (!std::equal(bytes.begin(), bytes.end(), whole.begin())) {
    bool refused = false;
    try {
      streams::SectionReader reader(bytes);
    } catch (const bh::CorruptData&) {
      refused = true;
    }
    demand(refused);
  }
  try {
    read(whole);
  } catch (const bh::CorruptData&) {
  }
  return 0;
}
