#include "ranges/byte_proteus.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "ranges/codes.h"
#include "ranges/long_prefixes.h"
#include "ranges/waiting.h"
#include "support/errors.h"

namespace bh::ranges {
namespace {

constexpr std::uint32_t kWindow = 64;

Storage<std::uint64_t> windows_of(const ByteKeys& keys, std::uint32_t skipped) {
  Storage<std::uint64_t> windows(keys.count());
  for (std::size_t i = 0; i < windows.size(); ++i) windows[i] = window(keys[i], skipped);
  return windows;
}

ByteCode behind(ByteCode code, std::size_t bytes) { return code.subspan(std::min(bytes, code.size())); }

void build_exact(Parts& parts, const ByteKeys& keys, std::uint32_t skipped) {
  if (parts.exact_bits == 0 && parts.design.bucket_width == 0) return;
  if (parts.design.exact == Exact::elias_fano) {
    if (parts.exact_bits > kWindow)
      throw InvalidInput("design has exact_bits " + std::to_string(parts.design.exact_bits) +
                         ", but 'elias_fano' reaches only " + std::to_string(skipped + kWindow) +
                         " bits of these keys; take 'trie'");
    build_set(parts, windows_of(keys, skipped));
  }
  if (parts.design.exact == Exact::trie)
    parts.trie = Trie::build(keys, parts.design.exact_bits - skipped / 8 * 8, skipped / 8);
}

}  // namespace

std::uint32_t ByteProteus::skipped(const std::optional<Bounds>& bounds, std::size_t width) {
  return bounds ? lcp(bounds->least, bounds->greatest, width) : 0;
}

ByteProteus ByteProteus::build(const ByteKeys& keys, const Design& design, std::uint64_t budget_bits,
                               std::uint64_t seed, bool bounded) {
  check_design(design, keys.bits());
  if (design.exact == Exact::elias_fano && !bounded)
    throw InvalidInput("design has an exact part of 'elias_fano', which needs the bounds of the keys");
  std::optional<Bounds> bounds;
  if (keys.count() == 0) return ByteProteus(Parts{design}, 0, keys.width, seed, bounds);
  const ByteCode least = stripped(keys[0]), greatest = stripped(keys[keys.count() - 1]);
  if (bounded) bounds = Bounds{{least.begin(), least.end()}, {greatest.begin(), greatest.end()}};
  const std::uint32_t common = skipped(bounds, keys.width);
  Parts parts{design, beyond(design.exact_bits, common), beyond(design.approx_bits, common)};
  build_exact(parts, keys, common);
  const std::uint64_t left = remaining(parts, parts_budget(budget_bits, keys.width));
  if (parts.approx_bits > kWindow) {
    build_approx(parts, long_input(keys, common, design.approx_bits, seed), left, seed);
  } else if (parts.approx_bits > 0) {
    const auto windows = windows_of(keys, common);
    build_approx(parts, plain_input(windows, parts.approx_bits, seed), left, seed);
  }
  return ByteProteus(std::move(parts), keys.count(), keys.width, seed, std::move(bounds));
}

ByteProteus::ByteProteus(Parts parts, std::uint64_t count, std::size_t width, std::uint64_t seed,
                         std::optional<Bounds> bounds)
    : parts_(std::move(parts)),
      count_(count),
      width_(width),
      seed_(seed),
      bounds_(std::move(bounds)),
      skipped_(skipped(bounds_, width)),
      least_(bounds_ ? window(bounds_->least, skipped_) : 0) {}

// What the bounds say of a range, or nothing.
std::optional<bool> ByteProteus::by_bounds(ByteCode a, ByteCode b) const {
  if (count_ == 0) return false;
  if (!bounds_) return std::nullopt;
  if (compare(b, bounds_->least) < 0 || compare(a, bounds_->greatest) > 0) return false;
  if (compare(a, bounds_->least) <= 0 || compare(b, bounds_->greatest) >= 0) return true;
  return std::nullopt;
}

bool ByteProteus::in_window() const { return !parts_.trie && parts_.approx_bits <= kWindow; }

bool ByteProteus::may_intersect(ByteCode a, ByteCode b) const {
  if (const auto known = by_bounds(a, b)) return *known;
  if (!in_window()) return ask_parts(a, b);
  const std::uint64_t first = window(a, skipped_), last = window(b, skipped_);
  bool answer;
  ask(parts_, least_, &first, &last, 1, &answer);
  return answer;
}

void ByteProteus::may_intersect(const ByteKeys& a, const ByteKeys& b, std::span<bool> answers) const {
  Waiting waiting(parts_, least_, answers.data());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (const auto known = by_bounds(a[i], b[i]))
      answers[i] = *known;
    else if (in_window())
      waiting.add(window(a[i], skipped_), window(b[i], skipped_), i, false);
    else
      answers[i] = ask_parts(a[i], b[i]);
  }
  waiting.ask_all();
}

Ends ByteProteus::meet_exact(ByteCode a, ByteCode b) const {
  if (parts_.trie) return parts_.trie->meet(behind(a, skipped_ / 8), behind(b, skipped_ / 8));
  if (!parts_.set) return {false, true, true};
  const std::uint64_t from = prefix(least_, parts_.exact_bits);
  return parts_.set->meet(prefix(window(a, skipped_), parts_.exact_bits) - from,
                          prefix(window(b, skipped_), parts_.exact_bits) - from);
}

// As ask(), one question at a time.
bool ByteProteus::ask_parts(ByteCode a, ByteCode b) const {
  const Ends ends = meet_exact(a, b);
  if (ends.inside || parts_.approx.index() == 0) return ends.any();
  const std::uint32_t exact = parts_.design.exact_bits, approx = parts_.design.approx_bits;
  if (lcp(a, b, width_) >= exact) return ends.first && any(a, b, count_prefixes(a, b, approx));
  const LongCode a_end(a, exact, approx, 0xFF), b_start(b, exact, approx, 0);
  const std::uint64_t left = ends.first ? count_prefixes(a, a_end, approx) : 0;
  const std::uint64_t right = ends.last ? count_prefixes(b_start, b, approx) : 0;
  return (ends.first && any(a, a_end, left + right)) || (ends.last && any(b_start, b, left + right));
}

// Whether the approximate part has a prefix from that of a to that of b; the question asks for so many in all.
bool ByteProteus::any(ByteCode a, ByteCode b, std::uint64_t prefixes) const {
  if (prefixes >= kManyPrefixes) return true;
  if (parts_.design.approx != Approx::locality && prefixes >= probe_cap(parts_.design)) return true;
  if (parts_.approx_bits > kWindow) return any_long(parts_.approx, a, b, skipped_, parts_.design.approx_bits, seed_);
  const std::uint64_t first = prefix(window(a, skipped_), parts_.approx_bits);
  const std::uint64_t last = prefix(window(b, skipped_), parts_.approx_bits);
  if (const auto* bloom = std::get_if<Bloom>(&parts_.approx)) return bloom->any(first, last);
  if (const auto* fuse = std::get_if<Fuse>(&parts_.approx)) return fuse->any(first, last);
  return std::get<LocalityHash>(parts_.approx).any(first, last);
}

}  // namespace bh::ranges
