// Products of 64-bit numbers that do not silently overflow. For widths and powers of two see <bit>.
#pragma once
#include <cstdint>
#include <optional>

namespace bh {

struct Product {
  std::uint64_t high, low;
};

// The whole 128-bit product.
constexpr Product product(std::uint64_t a, std::uint64_t b) {
  const auto wide = static_cast<unsigned __int128>(a) * b;
  return {static_cast<std::uint64_t>(wide >> 64), static_cast<std::uint64_t>(wide)};
}

// The product, or nothing if 64 bits cannot hold it: for sizes that untrusted bytes claim.
constexpr std::optional<std::uint64_t> checked_product(std::uint64_t a, std::uint64_t b) {
  const Product wide = product(a, b);
  if (wide.high != 0) return std::nullopt;
  return wide.low;
}

}  // namespace bh
