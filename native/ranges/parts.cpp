#include "ranges/parts.h"

#include <string>
#include <utility>

#include "ranges/codes.h"
#include "support/errors.h"
#include "support/storage.h"

namespace bh::ranges {
namespace {

[[noreturn]] void too_small(const char* part, std::uint64_t prefixes, std::uint64_t budget_bits) {
  throw InvalidInput("bits_per_key leaves " + std::to_string(budget_bits) + " bits for " + part + " of " +
                     std::to_string(prefixes) +
                     " prefixes, which is too few; take more bits_per_key, or shorter prefixes");
}

// Distinct numbers of the buckets of sorted codes.
Storage<std::uint64_t> buckets_of(std::span<const std::uint64_t> codes, std::uint64_t width) {
  Storage<std::uint64_t> buckets(codes.size());
  std::size_t count = 0;
  for (const std::uint64_t code : codes) {
    const std::uint64_t bucket = (code - codes[0]) / width;
    count += count == 0 || buckets[count - 1] != bucket;
    buckets[count - 1] = bucket;
  }
  buckets.resize(count);
  return buckets;
}

}  // namespace

std::uint64_t Parts::bits() const {
  if (const auto* bloom = std::get_if<Bloom>(&approx)) return exact_size() + bloom->bits();
  if (const auto* fuse = std::get_if<Fuse>(&approx)) return exact_size() + fuse->bits();
  if (const auto* hash = std::get_if<LocalityHash>(&approx)) return exact_size() + hash->bits();
  return exact_size();
}

void check_design(const Design& design, std::uint32_t code_bits) {
  const auto refuse = [](const std::string& why) { throw InvalidInput("design has " + why); };
  const auto shown = [](std::uint64_t number) { return std::to_string(number); };
  const bool buckets = design.bucket_width != 0;
  if (buckets && (design.exact != Exact::elias_fano || design.exact_bits != 0 || design.approx != Approx::none))
    refuse("bucket_width " + shown(design.bucket_width) +
           ", but buckets go only with exact 'elias_fano', exact_bits 0 and approx 'none'");
  if ((design.exact != Exact::none && !buckets) != (design.exact_bits != 0))
    refuse("exact_bits " + shown(design.exact_bits) + ", but must have some where there is an exact part, and else 0");
  if ((design.approx != Approx::none) != (design.approx_bits != 0))
    refuse("approx_bits " + shown(design.approx_bits) +
           ", but must have some where there is an approximate part, and else 0");
  if (design.exact_bits > code_bits || design.approx_bits > code_bits)
    refuse("prefixes of " + shown(std::max(design.exact_bits, design.approx_bits)) + " bits, but keys have only " +
           shown(code_bits));
  if (design.approx != Approx::none && design.approx_bits <= design.exact_bits)
    refuse("approx_bits " + shown(design.approx_bits) + ", but must have more than exact_bits, " +
           shown(design.exact_bits));
}

ApproxInput plain_input(std::span<const std::uint64_t> codes, std::uint32_t bits, std::uint64_t seed) {
  const Prefixes all{codes, kCodeBits - bits};
  const PrefixCounts counts = count_prefixes_and_shorter(codes, bits, kFuseBlockLog);
  const auto values = [=](Tag, std::uint32_t, Storage<std::uint64_t>&) { return all; };
  const auto places = [=](const LocalityShape& shape) { return places_of(all, shape, part_seed(seed, Tag::locality)); };
  return {counts.prefixes, counts.shorter, bits, values, places};
}

void build_approx(Parts& parts, const ApproxInput& input, std::uint64_t budget_bits, std::uint64_t seed,
                  int fuse_attempts) {
  Storage<std::uint64_t> room;
  if (parts.design.approx == Approx::bloom) {
    const BloomShape shape(input.count, budget_bits);
    if (shape.bits == 0) too_small("a Bloom filter", input.count, budget_bits);
    parts.approx = Bloom::build(input.values(Tag::bloom, 0, room), shape, part_seed(seed, Tag::bloom));
  }
  if (parts.design.approx == Approx::fuse) {
    FuseShape shape(input.count, input.blocks);
    if (!shape.spend(budget_bits)) too_small("a fuse filter", input.count, budget_bits);
    auto fuse = Fuse::build(input.values(Tag::fuse, shape.block_log, room), input.count, input.blocks, budget_bits,
                            part_seed(seed, Tag::fuse), fuse_attempts);
    if (fuse) {
      parts.approx = std::move(*fuse);
    } else {
      parts.fell_back = true;
      parts.design.approx = Approx::locality;
    }
  }
  if (parts.design.approx == Approx::locality) {
    const auto shape = locality_shape(input.count, input.value_bits, budget_bits);
    if (!shape) too_small("a locality hash", input.count, budget_bits);
    parts.approx = LocalityHash::build(input.places(*shape), *shape, part_seed(seed, Tag::locality));
  }
}

std::uint64_t remaining(const Parts& parts, std::uint64_t budget_bits) {
  const std::uint64_t used = parts.exact_size();
  if (used > budget_bits)
    throw InvalidInput("design needs " + std::to_string(used) + " bits for its exact part, but has only " +
                       std::to_string(budget_bits) + "; take more bits_per_key, or fewer exact_bits");
  return budget_bits - used;
}

void build_set(Parts& parts, std::span<const std::uint64_t> codes) {
  const std::uint64_t width = parts.design.bucket_width;
  if (width == 0 && parts.exact_bits == 0) return;
  auto values = width != 0 ? buckets_of(codes, width) : distinct_prefixes(codes, parts.exact_bits);
  const std::uint64_t first = values.front();
  for (std::uint64_t& value : values) value -= first;
  parts.set = EliasFano::build(values, values.back());
}

Parts build_parts(std::span<const std::uint64_t> codes, const Design& design, std::uint32_t skipped,
                  std::uint64_t budget_bits, std::uint64_t seed, int fuse_attempts) {
  Parts parts{design, beyond(design.exact_bits, skipped), beyond(design.approx_bits, skipped)};
  if (design.exact == Exact::elias_fano) build_set(parts, codes);
  if (design.exact == Exact::trie) parts.trie = Trie::build(codes, design.exact_bits);
  const std::uint64_t left = remaining(parts, budget_bits);
  if (parts.approx_bits != 0)
    build_approx(parts, plain_input(codes, parts.approx_bits, seed), left, seed, fuse_attempts);
  return parts;
}

}  // namespace bh::ranges
