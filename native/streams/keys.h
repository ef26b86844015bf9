// What a key is. Kernels know only 64-bit ids: an integer is its own id, by its bits; a string is known by its hash64.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "support/errors.h"

namespace bh::streams {

// In the order in which bytes number them; `none` is that of a summary that has seen no key.
enum class KeyKind : std::uint8_t { none, u64, i64, bytes, str };

constexpr std::array kKeyKindNames{"none", "u64", "i64", "bytes", "str"};

constexpr const char* name(KeyKind kind) { return kKeyKindNames[static_cast<std::size_t>(kind)]; }

// Strings, which have labels, and not integers, which are their own.
constexpr bool textual(KeyKind kind) { return kind == KeyKind::bytes || kind == KeyKind::str; }

// The kind of a summary of `held` keys once keys of kind `more` are in it. Integers with and without sign mix while
// both read their bits alike: `wide` says that one of the new ones has the 64th bit.
inline KeyKind joined(KeyKind held, KeyKind more, bool wide) {
  if (more == KeyKind::none || more == held) return held;
  if (held == KeyKind::none) return more;
  if (textual(held) || textual(more))
    throw InvalidInput(std::string("keys are ") + name(more) + ", but this one holds " + name(held) +
                       "; keep one for each kind of key");
  if (wide)
    throw InvalidInput(std::string("keys are ") + name(more) + " beyond 0..2**63 - 1, but this one holds " +
                       name(held) + "; view all of them as one of the two dtypes");
  return held;
}

}  // namespace bh::streams
