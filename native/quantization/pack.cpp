#include "quantization/pack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "support/simd.h"

namespace bh::quantization {
namespace {

constexpr std::size_t kOctet = 8;  // eight codes always fill whole bytes: as many as a code has bits

// Eight codes as up to 16 bytes, four to each half: a half never holds more than 64 bits.
template <int Bits, typename Code>
BH_INLINE void pack_octet(const Code* codes, std::byte* packed) {
  std::uint64_t halves[2] = {0, 0};
  for (int half = 0; half < 2; ++half)
    for (int k = 0; k < 4; ++k) halves[half] |= std::uint64_t{codes[4 * half + k]} << k * Bits;
  if constexpr (Bits <= 8) {
    halves[0] |= halves[1] << (Bits == 8 ? 32 : 4 * Bits);
  } else if constexpr (Bits < 16) {
    halves[0] |= halves[1] << 4 * Bits;
    halves[1] >>= 64 - 4 * Bits;
  }
  std::memcpy(packed, halves, Bits);
}

// Reads 16 bytes whatever the width: as many as the halves hold come faster than few.
template <int Bits, typename Code>
BH_INLINE void unpack_octet(const std::byte* packed, Code* codes) {
  std::uint64_t halves[2];
  std::memcpy(halves, packed, sizeof halves);
  if constexpr (Bits <= 8)
    halves[1] = halves[0] >> 4 * Bits;
  else if constexpr (Bits < 16)
    halves[1] = halves[1] << (64 - 4 * Bits) | halves[0] >> 4 * Bits;
  for (int half = 0; half < 2; ++half)
    for (int k = 0; k < 4; ++k) codes[4 * half + k] = static_cast<Code>(halves[half] >> k * Bits & ((1u << Bits) - 1));
}

template <int Bits, typename Code>
void pack_run(std::span<const Code> codes, std::byte* packed) {
  std::size_t i = 0;
  for (; i + kOctet <= codes.size(); i += kOctet, packed += Bits) pack_octet<Bits>(&codes[i], packed);
  if (i == codes.size()) return;
  Code last[kOctet] = {};
  std::byte bytes[16] = {};
  std::copy(codes.begin() + i, codes.end(), last);
  pack_octet<Bits>(last, bytes);
  std::memcpy(packed, bytes, packed_bytes(codes.size() - i, Bits));
}

template <int Bits, typename Code>
void unpack_run(const std::byte* packed, std::span<Code> codes) {
  std::size_t left = packed_bytes(codes.size(), Bits);
  std::size_t i = 0;
  for (; i + kOctet <= codes.size() && left >= 16; i += kOctet, packed += Bits, left -= Bits)
    unpack_octet<Bits>(packed, &codes[i]);
  for (; i < codes.size(); i += kOctet, packed += Bits, left -= std::min<std::size_t>(left, Bits)) {
    Code last[kOctet];
    std::byte bytes[16] = {};
    std::memcpy(bytes, packed, std::min<std::size_t>(left, Bits));
    unpack_octet<Bits>(bytes, last);
    std::copy_n(last, std::min(kOctet, codes.size() - i), codes.begin() + i);
  }
}

template <typename Code>
struct Packers {
  using Pack = void (*)(std::span<const Code>, std::byte*);
  using Unpack = void (*)(const std::byte*, std::span<Code>);

  template <int... Bits>
  static constexpr auto all(std::integer_sequence<int, Bits...>) {
    using Both = std::pair<Pack, Unpack>;
    return std::array<Both, sizeof...(Bits)>{Both{pack_run<Bits + 1, Code>, unpack_run<Bits + 1, Code>}...};
  }
  static constexpr auto kAll = all(std::make_integer_sequence<int, 8 * sizeof(Code)>{});
};

}  // namespace

void pack(std::span<const std::uint16_t> codes, int bits, std::byte* packed) {
  if (bits > 0) Packers<std::uint16_t>::kAll[bits - 1].first(codes, packed);
}

void unpack(const std::byte* packed, int bits, std::span<std::uint16_t> codes) {
  if (bits > 0)
    Packers<std::uint16_t>::kAll[bits - 1].second(packed, codes);
  else
    std::fill(codes.begin(), codes.end(), std::uint16_t{0});
}

void pack(std::span<const std::uint8_t> codes, int bits, std::byte* packed) {
  if (bits == 8)
    std::ranges::copy(std::as_bytes(codes), packed);
  else if (bits > 0)
    Packers<std::uint8_t>::kAll[bits - 1].first(codes, packed);
}

void unpack(const std::byte* packed, int bits, std::span<std::uint8_t> codes) {
  if (bits == 4) {  // a loop that the compiler makes wide
    for (std::size_t pair = 0; pair < codes.size() / 2; ++pair) {
      const auto both = static_cast<unsigned>(packed[pair]);
      const auto apart = static_cast<std::uint16_t>((both & 15) | (both >> 4) << 8);
      std::memcpy(&codes[2 * pair], &apart, sizeof apart);
    }
    if (codes.size() % 2 != 0) codes.back() = static_cast<std::uint8_t>(packed[codes.size() / 2] & std::byte{15});
  } else if (bits == 8) {
    std::copy_n(packed, codes.size(), std::as_writable_bytes(codes).begin());
  } else if (bits > 0) {
    Packers<std::uint8_t>::kAll[bits - 1].second(packed, codes);
  } else {
    std::fill(codes.begin(), codes.end(), std::uint8_t{0});
  }
}

}  // namespace bh::quantization
