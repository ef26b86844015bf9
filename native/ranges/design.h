// What a range filter is made of: an exact set of key prefixes or buckets, and an approximate set of longer prefixes.
#pragma once
#include <cstdint>
#include <optional>

namespace bh::ranges {

enum class Exact : std::uint8_t { none = 0, elias_fano = 1, trie = 2 };
enum class Approx : std::uint8_t { none = 0, bloom = 1, fuse = 2, locality = 3 };

// The numbers of the byte format, which are those from which the parts of a filter draw their seeds.
enum class Tag : std::uint32_t {
  bounds = 1,
  bucket_width,
  elias_fano,
  trie,
  bloom,
  fuse,
  locality,
  suffix,
  rosetta,
  second_bloom,
  interval,
  policy
};

struct Design {
  Exact exact = Exact::none;
  std::uint32_t exact_bits = 0;    // l1, the length of the exact prefixes; 0 without them and for buckets
  std::uint64_t bucket_width = 0;  // of Elias-Fano buckets, which stand for exact prefixes; 0: there are none
  Approx approx = Approx::none;
  std::uint32_t approx_bits = 0;                // l2 > l1; 0 without an approximate part
  std::optional<std::uint64_t> max_probes{64};  // a power of two: who would need as many is told True; none: no cap

  bool operator==(const Design&) const = default;
};

// Header, section table, padding and bounds, at most; keys of bytes have bounds of `width` bytes each.
constexpr std::uint64_t overhead_bits(std::uint64_t width = 0) { return 8 * (512 + 2 * width); }

// What the parts share: the budget less the overhead, unless that is more than a sixteenth of it.
constexpr std::uint64_t parts_budget(std::uint64_t budget_bits, std::uint64_t width = 0) {
  const std::uint64_t overhead = overhead_bits(width);
  return overhead > budget_bits / 16 ? budget_bits : budget_bits - overhead;
}

constexpr std::uint64_t kNoCap = ~std::uint64_t{0};
// Without a cap of its own no query, of a hostile filter either, takes longer than a fraction of a second; of so many
// probes one says yes in any filter that pays for its bits.
constexpr std::uint64_t kMostProbes = std::uint64_t{1} << 24;
constexpr std::uint64_t probe_cap(const Design& design) { return design.max_probes.value_or(kMostProbes); }

}  // namespace bh::ranges
