#include "streams/assoc.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "streams/weights.h"
#include "support/simd.h"
#if BH_DISPATCH
#include <immintrin.h>
#endif

namespace bh::streams {
namespace {

constexpr std::size_t kAhead = 8;  // keys whose buckets are on their way from memory at a time
constexpr std::size_t kLanes = Assoc::kLanes;
constexpr std::uint64_t kMostNarrow = std::numeric_limits<std::uint32_t>::max();

// Without a branch, as no processor could predict it: the least of (count, lane) in one number.
template <typename Count>
std::size_t least(const Assoc::Bucket<Count>& bucket) {
  using Wide = std::conditional_t<sizeof(Count) == 4, std::uint64_t, unsigned __int128>;
  static_assert(kLanes == 8);
  Wide best = Wide{bucket.counts[0]} << 3;
  for (std::size_t lane = 1; lane < kLanes; ++lane) best = std::min(best, Wide{bucket.counts[lane]} << 3 | lane);
  return static_cast<std::size_t>(best & 7);
}

struct Scalar {
  static std::size_t lane_of(const std::array<std::uint64_t, kLanes>& keys, std::uint64_t id) {
    std::size_t lane = 0;
    while (lane < kLanes && keys[lane] != id) ++lane;
    return lane;
  }
};

// The lane of a key that has one, else kLanes.
template <typename Count>
std::size_t tracked_lane(const Assoc::Bucket<Count>& bucket, std::uint64_t id) {
  const std::size_t lane = Scalar::lane_of(bucket.keys, id);
  return lane < kLanes && bucket.counts[lane] > 0 ? lane : kLanes;
}

// A batch and where it is counted.
template <typename Count>
struct Batch {
  Assoc::Bucket<Count>* buckets;
  std::uint64_t n;  // buckets
  Mix mix;
  std::span<const std::uint64_t> ids, weights;
  Labels* labels;
};

// The key of an arrival, which has no lane yet, takes over the least. Out of line: the loop around it is short.
template <typename Count>
__attribute__((noinline)) void take_over(const Batch<Count>& batch, std::size_t arrival, Assoc::Bucket<Count>& bucket,
                                         Count weight) {
  const std::size_t lane = least(bucket);
  bucket.keys[lane] = batch.ids[arrival];
  bucket.errors[lane] = bucket.counts[lane];
  bucket.counts[lane] += weight;
  const auto before = static_cast<std::size_t>(&bucket - batch.buckets);
  if (batch.labels) batch.labels->took(static_cast<std::uint32_t>(kLanes * before + lane), arrival);
}

template <typename Find, bool kWeighted, typename Count>
void count_by(const Batch<Count>& batch) {
  const auto [buckets, many, mix, ids, weights, labels] = batch;
  for (std::size_t first = 0; first < ids.size(); first += kAhead) {
    const std::size_t n = std::min(kAhead, ids.size() - first);
    std::uint64_t at[kAhead];
    for (std::size_t i = 0; i < n; ++i) {
      at[i] = range(mix(ids[first + i]), many);
      __builtin_prefetch(buckets[at[i]].keys.data(), 1);
    }
    for (std::size_t i = 0; i < n; ++i) {
      Assoc::Bucket<Count>& bucket = buckets[at[i]];
      const Count weight = kWeighted ? static_cast<Count>(weights[first + i]) : Count{1};
      const std::size_t lane = Find::lane_of(bucket.keys, ids[first + i]);
      if (lane < kLanes && bucket.counts[lane] > 0) [[likely]]
        bucket.counts[lane] += weight;
      else
        take_over(batch, first + i, bucket, weight);
    }
  }
}

#if BH_DISPATCH
// No processor foresees in which lane a key is found, so that comparing all at once beats a loop that stops early.
struct V3 {
  BH_TARGET("x86-64-v3")
  static std::size_t lane_of(const std::array<std::uint64_t, kLanes>& keys, std::uint64_t id) {
    const auto* fours = reinterpret_cast<const __m256i*>(keys.data());
    const __m256i wanted = _mm256_set1_epi64x(static_cast<long long>(id));
    const __m256i low = _mm256_cmpeq_epi64(_mm256_load_si256(fours), wanted);
    const __m256i high = _mm256_cmpeq_epi64(_mm256_load_si256(fours + 1), wanted);
    const int equal = _mm256_movemask_pd(_mm256_castsi256_pd(low)) | _mm256_movemask_pd(_mm256_castsi256_pd(high)) << 4;
    return static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(equal)));  // beyond the last if none is
  }
};
struct V4 {
  BH_TARGET("x86-64-v4")
  static std::size_t lane_of(const std::array<std::uint64_t, kLanes>& keys, std::uint64_t id) {
    const __m512i wanted = _mm512_set1_epi64(static_cast<long long>(id));
    const unsigned equal = _mm512_cmpeq_epi64_mask(_mm512_load_si512(keys.data()), wanted);
    return static_cast<std::size_t>(std::countr_zero(equal));
  }
};

// Flattened, as what is for any machine cannot take code for a newer one in line on its own.
template <bool kWeighted, typename Count>
BH_TARGET("x86-64-v3")
__attribute__((flatten)) void count_v3(const Batch<Count>& batch) {
  count_by<V3, kWeighted>(batch);
}
template <bool kWeighted, typename Count>
BH_TARGET("x86-64-v4")
__attribute__((flatten)) void count_v4(const Batch<Count>& batch) {
  count_by<V4, kWeighted>(batch);
}
#endif

template <bool kWeighted, typename Count>
void count(const Batch<Count>& batch) {
#if BH_DISPATCH
  if (isa() == Isa::v4) return count_v4<kWeighted>(batch);
  if (isa() == Isa::v3) return count_v3<kWeighted>(batch);
#endif
  count_by<Scalar, kWeighted>(batch);
}

// All keys of two buckets, heaviest first; what a side does not track may have had that side's minimum. Slots are
// lanes.
template <typename Count>
std::vector<Merged> merged_keys(const Assoc::Bucket<Count>& a, const Assoc::Bucket<Count>& b) {
  std::vector<Merged> all;
  const std::uint64_t least_a = a.counts[least(a)], least_b = b.counts[least(b)];
  for (std::uint32_t i = 0; i < kLanes && a.counts[i] > 0; ++i) {
    const auto j = static_cast<std::uint32_t>(tracked_lane(b, a.keys[i]));
    const bool both = j < kLanes;
    all.push_back({a.counts[i] + (both ? b.counts[j] : least_b),
                   a.errors[i] + (both ? b.errors[j] : least_b),
                   a.keys[i],
                   {i, both ? j : kNoSlot}});
  }
  for (std::uint32_t j = 0; j < kLanes && b.counts[j] > 0; ++j)
    if (tracked_lane(a, b.keys[j]) == kLanes)
      all.push_back({b.counts[j] + least_a, b.errors[j] + least_a, b.keys[j], {kNoSlot, j}});
  std::sort(all.begin(), all.end());
  return all;
}

template <typename Count>
const char* broken_bucket(const Assoc::Bucket<Count>& bucket, std::uint64_t& left) {
  const Count minimum = bucket.counts[least(bucket)];
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    if (bucket.counts[lane] == 0 && bucket.keys[lane] != 0) return "a free lane has a key";
    if (lane > 0 && bucket.counts[lane] > 0 && bucket.counts[lane - 1] == 0)
      return "a free lane stands before a used one";
    if (bucket.errors[lane] > minimum) return "an error is above the minimum of its bucket";
    if (bucket.counts[lane] > left) return "counts add up to more than the total";
    left -= bucket.counts[lane];
    if (bucket.counts[lane] > 0 && Scalar::lane_of(bucket.keys, bucket.keys[lane]) < lane) return "a key comes twice";
  }
  return nullptr;
}

}  // namespace

Assoc::Assoc(std::uint32_t capacity, std::uint64_t seed)
    : mix_(seed, 2), seed_(seed), buckets_(Buckets<std::uint32_t>(capacity / kLanes, Bucket<std::uint32_t>{})) {}

void Assoc::update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights, Labels* labels) {
  const std::uint64_t total = total_after(total_, ids.size(), weights);
  hold(total);
  std::visit(
      [&]<typename Count>(Storage<Bucket<Count>>& buckets) {
        const Batch<Count> batch{buckets.data(), buckets.size(), mix_, ids, weights, labels};
        weights.empty() ? count<false>(batch) : count<true>(batch);
      },
      buckets_);
  total_ = total;
}

void Assoc::hold(std::uint64_t total) {
  const auto* narrow = std::get_if<Buckets<std::uint32_t>>(&buckets_);
  if (!narrow || total <= kMostNarrow) return;
  Buckets<std::uint64_t> wide(narrow->size());
  for (std::size_t i = 0; i < wide.size(); ++i) {
    const Bucket<std::uint32_t>& from = (*narrow)[i];
    wide[i].keys = from.keys;
    std::copy(from.counts.begin(), from.counts.end(), wide[i].counts.begin());
    std::copy(from.errors.begin(), from.errors.end(), wide[i].errors.begin());
  }
  buckets_ = std::move(wide);
}

std::vector<Merged> Assoc::merge(const Assoc& other) {
  const std::uint64_t total = added(total_, other.total_);
  hold(total);
  Assoc wide = other;
  wide.hold(total);
  std::vector<Merged> kept;
  std::visit(
      [&]<typename Count>(Buckets<Count>& mine) {
        const auto& theirs = std::get<Buckets<Count>>(wide.buckets_);
        kept.reserve(kLanes * mine.size());
        for (std::uint32_t i = 0; i < mine.size(); ++i) {
          std::vector<Merged> keys = merged_keys(mine[i], theirs[i]);
          keys.resize(kLanes, Merged{0, 0, 0, {kNoSlot, kNoSlot}});
          for (std::size_t lane = 0; lane < kLanes; ++lane) {
            mine[i].keys[lane] = keys[lane].key;
            mine[i].counts[lane] = static_cast<Count>(keys[lane].count);
            mine[i].errors[lane] = static_cast<Count>(keys[lane].error);
            for (std::uint32_t& slot : keys[lane].slots)
              if (slot != kNoSlot) slot += kLanes * i;
            kept.push_back(keys[lane]);
          }
        }
      },
      buckets_);
  total_ = total;
  merged_ = true;
  return kept;
}

Bounds Assoc::bounds(std::uint64_t id) const {
  return std::visit(
      [&](const auto& buckets) -> Bounds {
        const auto& bucket = buckets[bucket_of(id, buckets.size())];
        const std::size_t lane = tracked_lane(bucket, id);
        return lane < kLanes ? bounds_at(bucket, lane) : Bounds{0, bucket.counts[least(bucket)]};
      },
      buckets_);
}

double Assoc::estimate(std::uint64_t id, Estimator estimator) const {
  return std::visit(
      [&](const auto& buckets) {
        const auto& bucket = buckets[bucket_of(id, buckets.size())];
        const std::size_t lane = tracked_lane(bucket, id);
        if (lane < kLanes) return estimate_of(bounds_at(bucket, lane), estimator);
        return estimator == Estimator::upper ? static_cast<double>(bucket.counts[least(bucket)]) : 0.0;
      },
      buckets_);
}

std::uint64_t Assoc::buckets() const {
  return std::visit([](const auto& buckets) { return buckets.size(); }, buckets_);
}

std::uint32_t Assoc::size() const {
  return std::visit(
      [](const auto& buckets) {
        std::uint32_t used = 0;
        for (const auto& bucket : buckets)
          for (const auto count : bucket.counts) used += count > 0;
        return used;
      },
      buckets_);
}

std::uint64_t Assoc::error_bound() const {
  return std::visit(
      [](const auto& buckets) {
        std::uint64_t bound = 0;
        for (const auto& bucket : buckets) bound = std::max<std::uint64_t>(bound, bucket.counts[least(bucket)]);
        return bound;
      },
      buckets_);
}

std::size_t Assoc::nbytes() const {
  return std::visit([](const auto& buckets) { return buckets.size() * sizeof buckets[0]; }, buckets_);
}

Header Assoc::header() const {
  Header header;
  header.kind = Kind::assoc;
  header.width = buckets_.index() == 0 ? 4 : 8;
  header.flags = merged_ ? Header::merged : 0;
  header.seed = seed_;
  header.capacity = header.least_capacity = capacity();
  header.total = total_;
  return header;
}

void Assoc::write(SectionWriter& writer) const {
  std::visit(
      [&](const auto& buckets) {
        writer.begin("KEYS");
        for (const auto& bucket : buckets) writer.put(std::as_bytes(std::span(bucket.keys)));
        writer.begin("CNTS");
        for (const auto& bucket : buckets) writer.put(std::as_bytes(std::span(bucket.counts)));
        writer.begin("ERRS");
        for (const auto& bucket : buckets) writer.put(std::as_bytes(std::span(bucket.errors)));
      },
      buckets_);
}

Assoc::Assoc(SectionReader& reader) : Assoc(0, reader.header().seed) {
  const Header& header = reader.header();
  total_ = header.total;
  merged_ = (header.flags & Header::merged) != 0;
  if (header.capacity == 0 || header.capacity % kLanes != 0) reader.fail("the capacity is no multiple of 8");
  if (header.least_capacity != header.capacity) reader.fail("the least capacity is not its own");
  if (header.width == 4)
    read<std::uint32_t>(reader);
  else
    read<std::uint64_t>(reader);
  if (const char* wrong = broken()) reader.fail(wrong);
}

template <typename Count>
void Assoc::read(SectionReader& reader) {
  const std::size_t slots = reader.header().capacity;
  reader.expect("KEYS");
  const auto keys = reader.take_array<std::uint64_t>(slots);
  reader.expect("CNTS");
  const auto counts = reader.take_array<Count>(slots);
  reader.expect("ERRS");
  const auto errors = reader.take_array<Count>(slots);
  Buckets<Count> buckets(slots / kLanes);
  for (std::size_t slot = 0; slot < slots; ++slot) {
    Bucket<Count>& bucket = buckets[slot / kLanes];
    bucket.keys[slot % kLanes] = keys[slot];
    bucket.counts[slot % kLanes] = counts[slot];
    bucket.errors[slot % kLanes] = errors[slot];
  }
  buckets_ = std::move(buckets);
}

const char* Assoc::broken() const {
  if (total_ > kMostTotal) return "the total is above 2**63 - 1";
  if ((buckets_.index() == 1) != (total_ > kMostNarrow)) return "the width of its counters does not fit the total";
  return std::visit(
      [&](const auto& buckets) -> const char* {
        std::uint64_t left = total_;
        for (std::size_t i = 0; i < buckets.size(); ++i) {
          if (const char* wrong = broken_bucket(buckets[i], left)) return wrong;
          for (std::size_t lane = 0; lane < kLanes; ++lane)
            if (buckets[i].counts[lane] > 0 && bucket_of(buckets[i].keys[lane], buckets.size()) != i)
              return "a key is in the bucket of others";
        }
        return nullptr;
      },
      buckets_);
}

void Assoc::check_invariants() const {
  if (const char* wrong = broken()) throw std::logic_error(wrong);
}

}  // namespace bh::streams
