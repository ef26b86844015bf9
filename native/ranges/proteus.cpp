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
    : parts_(std::move(parts)),
      count_(count),
      bounds_(bounds),
      bounded_(bounds || count == 0),
      between_(bounds.value_or(count == 0 ? Bounds{~std::uint64_t{0}, 0} : Bounds{0, ~std::uint64_t{0}})) {}

// Whether the bounds tell the answer, which may then be read. They do so without branches, as it cannot be foreseen.
BH_INLINE bool Proteus::by_bounds(std::uint64_t a, std::uint64_t b, bool& answer) const {
  const bool outside = (b < between_.least) | (a > between_.greatest);
  const bool at_end = (a <= between_.least) | (b >= between_.greatest);
  answer = at_end & !outside & (count_ != 0);
  return (outside | at_end) & bounded_;
}

bool Proteus::may_intersect(std::uint64_t a, std::uint64_t b) const {
  bool answer;
  if (!by_bounds(a, b, answer)) ask(parts_, between_.least, &a, &b, 1, &answer);
  return answer;
}

void Proteus::may_intersect(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b,
                            std::span<bool> answers) const {
  Waiting waiting(parts_, between_.least, answers.data());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::uint64_t first = a[i], last = b[i];  // once, as others may write to them
    const bool known = by_bounds(first, last, answers[i]);
    waiting.add(first, last, i, known);
  }
  waiting.ask_all();
}

}  // namespace bh::ranges
