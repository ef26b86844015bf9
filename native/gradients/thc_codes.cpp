#include "gradients/thc_codes.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "gradients/thc_kernels.h"
#include "support/parallel.h"
#include "support/random.h"

namespace bh::gradients {
namespace {

constexpr std::size_t kHalf = kGroup / 2;
constexpr std::size_t kDrawn = 2 * kWords;  // coordinates whose draws are made at once
constexpr std::size_t kWorthAThread = 256;  // of such blocks; with fewer a thread costs more than it does

template <int Width>
struct Ints {
  typedef std::int32_t I __attribute__((vector_size(Width * sizeof(float))));
};

// Within the range, in units of points.
template <int Width>
BH_INLINE void place(const float* h, float scale, const Cells& cells, typename Lanes<Width>::F& u,
                     typename Ints<Width>::I& outside) {
  using F = typename Lanes<Width>::F;
  const F zero = {}, most = zero + cells.most;
  load(u, h);
  u = u * scale + cells.middle;
  outside -= (u < zero) | (u > most);
  u = u > zero ? u : zero;  // NaN too
  u = u < most ? u : most;
}

// Rounds `groups` groups of 512; `words` are those of their block of 2048. What is looked up takes the way through
// memory, half a group at once: parts that were just stored cannot be loaded as a whole without a wait.
template <bool Identity, bool Codes, typename Value>
struct Rounding {
  template <int Width>
  static BH_INLINE void run(const float* h, std::size_t groups, const std::uint32_t* words, float scale,
                            const Cells* cells, Value* values, std::size_t* outside) {
    using F = typename Lanes<Width>::F;
    using I = typename Ints<Width>::I;
    I beyond = {};
    std::array<float, kHalf> us;
    std::array<std::int32_t, kHalf> found;
    for (std::size_t part = 0; part < 2 * groups; ++part, h += kHalf, values += kHalf) {
      for (std::size_t j = 0; j < kHalf; j += Width) {
        F u;
        place<Width>(h + j, scale, *cells, u, beyond);
        const I point = __builtin_convertvector(u, I);
        store(us.data() + j, u);
        store(found.data() + j, point);
      }
      if constexpr (!Identity)
        for (std::int32_t& each : found) each = cells->by_point[static_cast<std::size_t>(each)];
      for (std::size_t j = 0; j < kHalf; j += Width) {
        F u;
        I word, cell, rounded;
        load(u, us.data() + j);
        load(word, words + kLanes * (j / 64) + 64 * (part / 2) + j % 64);
        load(cell, found.data() + j);
        const F threshold = __builtin_convertvector((part % 2 ? word >> 16 : word) & 0xFFFF, F) + 0.5f;
        if constexpr (Identity) {
          rounded = cell - (threshold < (u - __builtin_convertvector(cell, F)) * 65536.0f);
        } else {
          const I point = cell >> kPointAt & kPointMask, gap = cell >> kGapAt & kPointMask;
          const F share = (u - __builtin_convertvector(point, F)) * (65536.0f / __builtin_convertvector(gap, F));
          const I up = threshold < share;
          rounded = Codes ? (cell & 255) - up : point + (gap & up);
        }
        store(found.data() + j, rounded);
      }
      for (std::size_t j = 0; j < kHalf; ++j) values[j] = static_cast<Value>(found[j]);
    }
    for (int lane = 0; lane < Width; ++lane) *outside += static_cast<std::size_t>(beyond[lane]);
  }
};

template <bool Codes, typename Value>
std::size_t round_block(std::span<const float> h, const std::uint32_t* words, float scale, const Cells& cells,
                        Value* values, Isa width) {
  std::size_t outside = 0;
  const std::size_t groups = h.size() / kGroup;
#if BH_THC_V4
  if (width == Isa::v4 && round_v4(h.data(), groups, words, scale, cells, Codes, values, outside)) return outside;
#endif
  if (width == Isa::v4) width = Isa::v3;  // gcc makes masks of comparisons and vectors of masks: half the speed
  if (cells.identity)
    run_at<Rounding<true, Codes, Value>>(width, h.data(), groups, words, scale, &cells, values, &outside);
  else
    run_at<Rounding<false, Codes, Value>>(width, h.data(), groups, words, scale, &cells, values, &outside);
  return outside;
}

// Calls work(first, last, words) for every block of 2048 coordinates, the last of which may be shorter.
template <typename Work>
std::size_t each_block(std::size_t size, SeedAndStream draws, std::size_t threads, const Work& work) {
  std::atomic<std::size_t> outside = 0;
  const std::size_t blocks = (size + kDrawn - 1) / kDrawn;
  share(blocks, std::min(threads, blocks / kWorthAThread), [&](std::uint64_t first, std::uint64_t last) {
    std::array<std::uint32_t, kWords> words;
    std::size_t mine = 0;
    for (std::uint64_t block = first; block < last; ++block) {
      random_words(block, draws.seed, draws.stream, Domain::thc_rounding, words);
      mine += work(block * kDrawn, std::min<std::size_t>(size, (block + 1) * kDrawn), words.data());
    }
    outside += mine;
  });
  return outside;
}

BH_INLINE void pack_planes(const std::uint8_t* codes, std::uint8_t* packed) {
  for (int plane = 0; plane < 3; ++plane)
    for (std::size_t i = 0; i < kGroup / 8; ++i) {
      std::uint64_t octet;
      std::memcpy(&octet, codes + 8 * i, sizeof octet);
      // Bit `plane` of byte k comes to bit 56 + k.
      packed[kGroup / 8 * plane + i] =
          static_cast<std::uint8_t>((octet >> plane & 0x0101010101010101u) * 0x0102040810204080u >> 56);
    }
}

BH_INLINE void unpack_planes(const std::uint8_t* packed, std::uint8_t* codes) {
  for (std::size_t i = 0; i < kGroup; ++i) {
    const std::size_t byte = i / 8, bit = i % 8;
    codes[i] = static_cast<std::uint8_t>((packed[byte] >> bit & 1) | (packed[64 + byte] >> bit & 1) << 1 |
                                         (packed[128 + byte] >> bit & 1) << 2);
  }
}

}  // namespace

BH_MULTIVERSION void pack_groups(const std::uint8_t* codes, std::size_t groups, int bits, std::uint8_t* packed) {
  for (; groups > 0; --groups, codes += kGroup, packed += packed_bytes(kGroup, bits)) {
    if (bits == 4) {
      for (std::size_t j = 0; j < 256; ++j) packed[j] = static_cast<std::uint8_t>(codes[j] | codes[256 + j] << 4);
    } else if (bits == 2) {
      for (std::size_t j = 0; j < 128; ++j)
        packed[j] =
            static_cast<std::uint8_t>(codes[j] | codes[128 + j] << 2 | codes[256 + j] << 4 | codes[384 + j] << 6);
    } else {
      pack_planes(codes, packed);
    }
  }
}

BH_MULTIVERSION void unpack_group(const std::uint8_t* packed, int bits, std::uint8_t* codes) {
  if (bits == 4) {
    for (std::size_t j = 0; j < 256; ++j) {
      codes[j] = packed[j] & 15;
      codes[256 + j] = packed[j] >> 4;
    }
  } else if (bits == 2) {
    for (std::size_t j = 0; j < 128; ++j)
      for (std::size_t quarter = 0; quarter < 4; ++quarter) codes[128 * quarter + j] = packed[j] >> 2 * quarter & 3;
  } else {
    unpack_planes(packed, codes);
  }
}

std::size_t encode(std::span<const float> h, float scale, Points points, int bits, SeedAndStream draws,
                   std::size_t threads, std::span<std::uint8_t> packed, Isa width) {
  const Cells cells(points);
  return each_block(h.size(), draws, threads, [&](std::size_t first, std::size_t last, const std::uint32_t* words) {
    std::array<std::uint8_t, kDrawn> codes;
    const std::size_t outside =
        round_block<true>(h.subspan(first, last - first), words, scale, cells, codes.data(), width);
    pack_groups(codes.data(), (last - first) / kGroup, bits, packed.data() + packed_bytes(first, bits));
    return outside;
  });
}

template <typename Value>
std::size_t round_to_points(std::span<const float> h, float scale, Points points, SeedAndStream draws,
                            std::size_t threads, std::span<Value> values, Isa width) {
  const Cells cells(points);
  return each_block(h.size(), draws, threads, [&](std::size_t first, std::size_t last, const std::uint32_t* words) {
    return round_block<false>(h.subspan(first, last - first), words, scale, cells, values.data() + first, width);
  });
}

template std::size_t round_to_points(std::span<const float>, float, Points, SeedAndStream, std::size_t,
                                     std::span<std::uint8_t>, Isa);
template std::size_t round_to_points(std::span<const float>, float, Points, SeedAndStream, std::size_t,
                                     std::span<std::uint16_t>, Isa);

BH_MULTIVERSION void look_up(const std::uint8_t* codes, const std::uint16_t* table, bool first, std::uint8_t* sums) {
  for (std::size_t i = 0; i < kGroup; ++i) {
    const auto value = static_cast<std::uint8_t>(table[codes[i]]);
    sums[i] = static_cast<std::uint8_t>(first ? value : sums[i] + value);
  }
}
BH_MULTIVERSION void look_up(const std::uint8_t* codes, const std::uint16_t* table, bool first, std::uint16_t* sums) {
  for (std::size_t i = 0; i < kGroup; ++i)
    sums[i] = static_cast<std::uint16_t>(first ? table[codes[i]] : sums[i] + table[codes[i]]);
}

template <typename Sum>
void accumulate(std::span<const std::uint8_t> packed, Points points, int bits, bool first, std::span<Sum> sums) {
  std::array<std::uint16_t, Cells::kMostCodes> table{};
  std::copy(points.begin(), points.end(), table.begin());
  const std::size_t bytes = packed_bytes(kGroup, bits);
  for (std::size_t group = 0; group < sums.size() / kGroup; ++group) {
    std::array<std::uint8_t, kGroup> codes;
    unpack_group(packed.data() + group * bytes, bits, codes.data());
    Sum* const into = sums.data() + group * kGroup;
#if BH_THC_V3
    if (isa() >= Isa::v3 && points.back() <= 255) {
      add_v3(codes.data(), table.data(), first, into);
      continue;
    }
#endif
    look_up(codes.data(), table.data(), first, into);
  }
}

template void accumulate(std::span<const std::uint8_t>, Points, int, bool, std::span<std::uint8_t>);
template void accumulate(std::span<const std::uint8_t>, Points, int, bool, std::span<std::uint16_t>);

}  // namespace bh::gradients
