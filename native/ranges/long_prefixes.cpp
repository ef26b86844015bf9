#include "ranges/long_prefixes.h"

#include <memory>
#include <vector>

#include "ranges/codes.h"
#include "support/hash.h"

namespace bh::ranges {
namespace {

// Distinct prefixes of one length: the first key of each.
struct Distinct {
  ByteKeys keys;
  std::vector<std::uint32_t> first;
  std::uint64_t blocks;
};

std::shared_ptr<const Distinct> distinct(const ByteKeys& keys, std::uint32_t bits) {
  auto found = std::make_shared<Distinct>(Distinct{keys, {0}, 1});
  for (std::size_t i = 1; i < keys.count(); ++i) {
    const std::uint32_t common = lcp(keys[i - 1], keys[i], keys.width);
    found->blocks += common < bits - kFuseBlockLog;
    if (common < bits) found->first.push_back(static_cast<std::uint32_t>(i));
  }
  return found;
}

// The number that stands for the block of a locality hash.
std::uint64_t locality_block(ByteCode code, std::uint32_t skipped, std::uint32_t bits, std::uint64_t seed) {
  return bits - skipped <= 64 ? bits_of(code, skipped, bits - skipped) : hash_prefix(code, bits, seed);
}

// Goes through the blocks of 2^low_bits prefixes from that of a to that of b, until one says yes.
template <typename AskBlock>
bool any_block(ByteCode a, ByteCode b, std::uint32_t bits, std::uint32_t low_bits, const AskBlock& ask_block) {
  const std::uint32_t block_bits = bits - low_bits;
  LongCode block(a, block_bits, block_bits, 0);
  std::uint64_t first = bits_of(a, block_bits, low_bits);
  for (std::uint64_t left = count_prefixes(a, b, block_bits); left > 1; --left, first = 0) {
    if (ask_block(block, first, low_mask(low_bits))) return true;
    block.increment(block_bits);
  }
  return ask_block(block, first, bits_of(b, block_bits, low_bits));
}

}  // namespace

LongCode::LongCode(ByteCode code, std::uint32_t kept, std::uint32_t bits, std::uint8_t fill) : size_((bits + 7) / 8) {
  const std::size_t whole = std::min<std::size_t>((kept + 7) / 8, code.size());
  std::copy_n(code.begin(), whole, bytes_.begin());
  std::fill(bytes_.begin() + whole, bytes_.begin() + size_, std::uint8_t{0});
  if (kept % 8 != 0) {
    const auto mask = static_cast<std::uint8_t>(0xFF00 >> kept % 8);
    bytes_[kept / 8] = static_cast<std::uint8_t>((bytes_[kept / 8] & mask) | (fill & ~mask));
  }
  std::fill(bytes_.begin() + (kept + 7) / 8, bytes_.begin() + size_, fill);
}

void LongCode::increment(std::uint32_t bits) {
  std::size_t at = (bits - 1) / 8;
  const auto unit = static_cast<std::uint8_t>(1u << (7 - (bits - 1) % 8));
  bytes_[at] = static_cast<std::uint8_t>(bytes_[at] + unit);
  if (bytes_[at] >= unit) return;
  while (at > 0 && ++bytes_[--at] == 0) {
  }
}

ApproxInput long_input(const ByteKeys& keys, std::uint32_t skipped, std::uint32_t bits, std::uint64_t seed) {
  const auto found = distinct(keys, bits);
  const auto each = [found](const auto& number) {
    Storage<std::uint64_t> numbers(found->first.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = number(found->keys[found->first[i]]);
    return numbers;
  };
  const auto values = [=](Tag part, std::uint32_t block_log, Storage<std::uint64_t>& room) -> Prefixes {
    const std::uint64_t hash_seed = part_seed(seed, part);
    room = each([=](ByteCode key) {
      const std::uint64_t block = hash_prefix(key, bits - block_log, hash_seed);
      return block << block_log | bits_of(key, bits - block_log, block_log);
    });
    return {room, 0};
  };
  const auto places = [=](const LocalityShape& shape) {
    const std::uint32_t block_bits = bits - shape.block_log;
    const std::uint64_t hash_seed = part_seed(seed, Tag::locality);
    return each([=](ByteCode key) {
      return LocalityHash::place(shape, hash_seed, locality_block(key, skipped, block_bits, hash_seed),
                                 bits_of(key, block_bits, shape.block_log));
    });
  };
  return {found->first.size(), found->blocks, bits - skipped, values, places};
}

bool any_long(const ApproxSet& approx, ByteCode a, ByteCode b, std::uint32_t skipped, std::uint32_t bits,
              std::uint64_t seed) {
  if (const auto* bloom = std::get_if<Bloom>(&approx))
    return any_block(a, b, bits, 0, [&](ByteCode prefix, std::uint64_t, std::uint64_t) {
      return bloom->has(hash_prefix(prefix, bits, part_seed(seed, Tag::bloom)));
    });
  if (const auto* fuse = std::get_if<Fuse>(&approx)) {
    const std::uint32_t low_bits = fuse->shape().block_log;
    return any_block(a, b, bits, low_bits, [&](ByteCode prefix, std::uint64_t first, std::uint64_t last) {
      const std::uint64_t hash = hash_prefix(prefix, bits - low_bits, part_seed(seed, Tag::fuse));
      const std::uint64_t block = hash & low_mask(64 - low_bits);
      return fuse->any_of_block(fuse->place(block), block, first, last);
    });
  }
  const auto& hash = std::get<LocalityHash>(approx);
  if (count_prefixes(a, b, bits) >= hash.shape().modulus) return true;
  const std::uint32_t low_bits = hash.shape().block_log;
  return any_block(a, b, bits, low_bits, [&](ByteCode prefix, std::uint64_t first, std::uint64_t last) {
    return hash.any_of_block(locality_block(prefix, skipped, bits - low_bits, part_seed(seed, Tag::locality)), first,
                             last);
  });
}

}  // namespace bh::ranges
