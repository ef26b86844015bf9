#include "ranges/rosetta.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>

#include "ranges/block_sections.h"
#include "ranges/dyadic.h"
#include "support/hash.h"

namespace bh::ranges {
namespace {

struct Query {
  const std::vector<Bloom>& levels;
  std::uint64_t most, probes = 0;

  // Whether a node may hold a key: its filter says yes, and so do those below it down to a code.
  bool may_hold(std::uint64_t first, std::uint32_t height) {
    const Bloom& level = levels[height];
    if (level.bits() > 0) {
      if (++probes >= most) return true;
      if (!level.has(first >> height)) return false;
    }
    if (height == 0) return true;
    return may_hold(first, height - 1) || may_hold(first + (std::uint64_t{1} << (height - 1)), height - 1);
  }
};

// Bits that let one in 1 / rate of other values pass.
double bits_for(std::uint64_t values, double rate) {
  return rate >= 1 ? 0 : static_cast<double>(values) * -std::log2(rate) / std::numbers::ln2;
}

// The smallest x in (0, most] whose bits fit, where larger ones need fewer.
template <typename Bits>
double bisect(double most, double budget, Bits bits) {
  double low = std::log(1e-30), high = std::log(most);
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (bits(std::exp(middle)) <= budget ? high : low) = middle;
  }
  return std::exp(high);
}

std::vector<double> divide(RosettaSplit split, std::span<const std::uint64_t> prefixes, const EmptyRanges& sample,
                           double budget) {
  const std::size_t levels = prefixes.size();
  std::vector<double> bits(levels, 0);
  budget = std::max(budget, prefixes[0] == 0 ? 64.0 : 0.0);  // without bits, no keys would be in all ranges
  if (split == RosettaSplit::bottom) bits[0] = budget;
  if (split == RosettaSplit::equal) {
    const auto all = [&](double rate) {
      for (std::size_t h = 0; h < levels; ++h) bits[h] = bits_for(prefixes[h], h == 0 ? rate : 1 / (2 - rate));
      return std::accumulate(bits.begin(), bits.end(), 0.0);
    };
    all(bisect(1, budget, all));
  }
  if (split == RosettaSplit::by_use) {
    std::vector<double> nodes(levels, 0);
    for (std::size_t i = 0; i < sample.lo.size(); ++i) {
      const auto counts = count_nodes(sample.lo[i], sample.hi[i], static_cast<std::uint32_t>(levels - 1));
      double above = 0;  // nodes of this level under higher ones
      for (std::size_t h = levels; h-- > 0; above *= 2) nodes[h] += above += static_cast<double>(counts[h]);
    }
    const auto all = [&](double scale) {
      for (std::size_t h = 0; h < levels; ++h) bits[h] = bits_for(prefixes[h], scale / std::max(nodes[h], 1.0));
      return std::accumulate(bits.begin(), bits.end(), 0.0);
    };
    all(bisect(*std::max_element(nodes.begin(), nodes.end()) + 1, budget, all));
  }
  return bits;
}

std::vector<BloomShape> shapes(const std::vector<double>& bits, std::span<const std::uint64_t> prefixes) {
  std::vector<BloomShape> shapes;
  for (std::size_t h = 0; h < bits.size(); ++h)
    shapes.emplace_back(std::max<std::uint64_t>(prefixes[h], 1), static_cast<std::uint64_t>(bits[h]));
  return shapes;
}

RosettaRates rates_of(const std::vector<BloomShape>& shapes, std::span<const std::uint64_t> prefixes) {
  std::vector<double> filters;
  for (std::size_t h = 0; h < shapes.size(); ++h) filters.push_back(shapes[h].rate(prefixes[h]));
  return RosettaRates(filters);
}

std::vector<std::uint64_t> count_by_height(std::span<const std::uint64_t> codes, std::uint32_t levels) {
  std::vector<std::uint64_t> counts(levels, codes.empty() ? 0 : 1);
  for (std::size_t i = 1; i < codes.size(); ++i) {
    const std::uint32_t new_up_to =
        64 - lcp(codes[i - 1], codes[i]);  // heights at which both are one node from here on
    for (std::uint32_t h = 0; h < std::min(levels, new_up_to); ++h) ++counts[h];
  }
  return counts;
}

std::uint64_t level_seed(std::uint64_t seed, std::size_t height) {
  return kth(part_seed(seed, Tag::rosetta), 64 - height);
}

}  // namespace

RosettaRates::RosettaRates(std::vector<double> rates) : filters(std::move(rates)), nodes(filters) {
  for (std::size_t h = 1; h < nodes.size(); ++h) {
    const double other = 1 - nodes[h - 1];
    nodes[h] = filters[h] * (1 - other * other);
  }
}

double RosettaRates::of(std::uint64_t a, std::uint64_t b) const {
  const auto counts = count_nodes(a, b, static_cast<std::uint32_t>(nodes.size() - 1));
  double denied = 1;
  for (std::size_t h = 0; h < nodes.size(); ++h)
    if (counts[h] > 0) denied *= std::pow(1 - nodes[h], static_cast<double>(counts[h]));
  return 1 - denied;
}

std::uint32_t rosetta_levels(std::uint64_t max_range) {
  return 1 +
         (max_range <= 1 ? 0u : std::min<std::uint32_t>(63, static_cast<std::uint32_t>(std::bit_width(max_range - 1))));
}

Rosetta Rosetta::build(std::span<const std::uint64_t> codes, const EmptyRanges& sample, const RosettaOptions& options) {
  RosettaSplit best = RosettaSplit::bottom;
  if (!sample.lo.empty()) {
    const auto prefixes = count_by_height(codes, rosetta_levels(options.max_range));
    double least = 2;
    for (const RosettaSplit split : {RosettaSplit::bottom, RosettaSplit::equal, RosettaSplit::by_use}) {
      const auto bits = divide(split, prefixes, sample, static_cast<double>(options.budget_bits));
      const RosettaRates rates = rates_of(shapes(bits, prefixes), prefixes);
      double mean = 0;
      for (std::size_t i = 0; i < sample.lo.size(); ++i) mean += rates.of(sample.lo[i], sample.hi[i]);
      mean /= static_cast<double>(sample.lo.size());
      if (mean < least) least = mean, best = split;
    }
  }
  return build(codes, sample, options, best);
}

Rosetta Rosetta::build(std::span<const std::uint64_t> codes, const EmptyRanges& sample, const RosettaOptions& options,
                       RosettaSplit split) {
  const std::uint32_t levels = rosetta_levels(options.max_range);
  const auto prefixes = count_by_height(codes, levels);
  const auto divided = shapes(divide(split, prefixes, sample, static_cast<double>(options.budget_bits)), prefixes);
  std::vector<Bloom> filters;
  for (std::uint32_t h = 0; h < levels; ++h) {
    const bool used = divided[h].bits > 0;
    filters.push_back(Bloom::build(used ? distinct_prefixes(codes, 64 - h) : Storage<std::uint64_t>{}, divided[h],
                                   level_seed(options.seed, h)));
  }
  return Rosetta(std::move(filters), options.max_probes);
}

Rosetta Rosetta::read(FilterReader& reader) {
  const StoredBounds bounds = read_bounds(reader);
  const Header& header = reader.header();
  check(!bounds.codes && !is_textual(header.keys), "Rosetta stores no smallest key, and has no keys of bytes");
  Design other = header.design;
  other.max_probes = Design{}.max_probes;
  check(other == Design{}, "Rosetta has no such parts");
  SectionReader section(reader.section(Tag::rosetta));
  const std::uint64_t levels = section.scalar("the levels of Rosetta");
  check(1 <= levels && levels <= 64, "Rosetta has no level, or more than a code has bits");
  std::vector<BloomShape> shapes(levels);
  for (BloomShape& shape : shapes) {
    shape.bits = section.scalar("the levels of Rosetta");
    const std::uint64_t probes = section.scalar("the levels of Rosetta");
    check(shape.bits % 64 == 0 && 1 <= probes && probes <= Bloom::kMostProbes, "a level of Rosetta has no such filter");
    shape.probes = static_cast<std::uint32_t>(probes);
  }
  std::vector<Bloom> filters;
  for (std::uint64_t h = 0; h < levels; ++h) {
    Payload payload = reader.payload(section, shapes[h].bits, "a level of Rosetta");
    filters.push_back(shapes[h].bits == 0 ? Bloom::build(std::span<const std::uint64_t>(), shapes[h], 0)
                                          : Bloom::load(shapes[h], level_seed(header.seed, h), std::move(payload)));
  }
  section.end("the levels of Rosetta");
  return Rosetta(std::move(filters), header.design.max_probes);
}

std::vector<Section> Rosetta::sections() const {
  Section section{Tag::rosetta, {levels_.size()}, {}, {}};
  for (const Bloom& level : levels_) {
    section.scalars.insert(section.scalars.end(), {level.bits(), level.shape().probes});
    section.arrays.push_back(level.payload().bytes());
  }
  return {bounds_section(64, std::optional<CodeEnds<std::uint64_t>>()), std::move(section)};
}

std::uint64_t Rosetta::bits() const {
  std::uint64_t bits = 64 * (1 + 2 * levels_.size());
  for (const Bloom& level : levels_) bits += level.bits() + 8 * kPadding;
  return bits;
}

RosettaRates Rosetta::rates(std::span<const std::uint64_t> codes) const {
  const auto prefixes = count_by_height(codes, static_cast<std::uint32_t>(levels_.size()));
  std::vector<BloomShape> shapes;
  for (const Bloom& level : levels_) shapes.push_back(level.shape());
  return rates_of(shapes, prefixes);
}

std::optional<double> Rosetta::expected(std::span<const std::uint64_t> codes, const EmptyRanges& sample) const {
  if (sample.lo.empty()) return std::nullopt;
  const RosettaRates known = rates(codes);
  double sum = 0;
  for (std::size_t i = 0; i < sample.lo.size(); ++i) {
    const auto nodes = count_nodes(sample.lo[i], sample.hi[i], static_cast<std::uint32_t>(levels_.size() - 1));
    const bool capped = std::any_of(nodes.begin(), nodes.end(), [&](std::uint64_t count) { return count >= most_; });
    sum += capped ? 1 : known.of(sample.lo[i], sample.hi[i]);
  }
  return sum / static_cast<double>(sample.lo.size());
}

bool Rosetta::may_intersect(std::uint64_t a, std::uint64_t b) const {
  Query query{levels_, most_};
  return !each_node(a, b, static_cast<std::uint32_t>(levels_.size() - 1),
                    [&](std::uint64_t first, std::uint32_t height) { return !query.may_hold(first, height); });
}

}  // namespace bh::ranges
