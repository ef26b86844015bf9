#include "ranges/proteus.h"

#include <utility>

#include "ranges/codes.h"
#include "ranges/waiting.h"
#include "support/errors.h"

namespace bh::ranges {
Proteus Proteus::build(std::span<const std::uint64_t> codes, const Design& design, std::uint64_t budget_bits,
                       std::uint64_t seed, bool bounded) {
  check_design(design, kCodeBits);
  if (design.exact == Exact::elias_fano && !bounded)
    throw InvalidInput("design has an exact part of 'elias_fano', which needs the bounds of the keys");
  std::optional<Bounds> bounds;
  if (codes.empty()) return Proteus(Parts{design}, 0, bounds);
  if (bounded) bounds = Bounds{codes.front(), codes.back()};
  return Proteus(build_parts(codes, design, 0, parts_budget(budget_bits), seed), codes.size(), bounds);
}

Proteus::Proteus(Parts parts, std::uint64_t count, std::optional<Bounds> bounds)
    : parts_(std::move(parts)), count_(count), bounds_(bounds) {}

// What the bounds say of a range, or nothing.
BH_INLINE std::optional<bool> Proteus::by_bounds(std::uint64_t a, std::uint64_t b) const {
  if (count_ == 0) return false;
  if (!bounds_) return std::nullopt;
  if (b < bounds_->least || a > bounds_->greatest) return false;
  if (a <= bounds_->least || b >= bounds_->greatest) return true;
  return std::nullopt;
}

bool Proteus::may_intersect(std::uint64_t a, std::uint64_t b) const {
  if (const auto known = by_bounds(a, b)) return *known;
  bool answer;
  ask(parts_, least(), &a, &b, 1, &answer);
  return answer;
}

void Proteus::may_intersect(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b,
                            std::span<bool> answers) const {
  Waiting waiting(parts_, least(), answers.data());
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (const auto known = by_bounds(a[i], b[i]))
      answers[i] = *known;
    else
      waiting.add(a[i], b[i], i);
  }
  waiting.ask_all();
}

}  // namespace bh::ranges
