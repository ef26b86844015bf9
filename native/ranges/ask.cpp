// The batch of parts.h: each stage runs over all questions before the next, and has fetched what that one reads.
#include <algorithm>
#include <array>

#include "ranges/codes.h"
#include "ranges/fuse_ranges.h"
#include "ranges/parts.h"
#include "support/simd.h"

namespace bh::ranges {
namespace {

// Ranges of prefixes that an approximate part is asked for; a question has two at most.
struct Asked {
  std::array<std::uint64_t, 2 * kGroup> first, last;
  std::array<std::uint8_t, 2 * kGroup> question;
  std::size_t count = 0;

  BH_INLINE void add(std::uint64_t a, std::uint64_t b, std::size_t i) {
    first[count] = a, last[count] = b;
    question[count++] = static_cast<std::uint8_t>(i);
  }
};

BH_INLINE void meet_all(const EliasFano& set, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
                        Ends* ends) {
  if (n == 1) {
    ends[0] = set.meet(a[0], b[0]);
    return;
  }
  std::array<std::uint64_t, 2 * kGroup> start;
  for (std::size_t i = 0; i < n; ++i) set.fetch_hint(a[i]);
  for (std::size_t i = 0; i < n; ++i) set.fetch_highs(a[i]);
  for (std::size_t i = 0; i < n; ++i) {
    start[i] = set.start(a[i]);
    set.fetch_lows(start[i], a[i]);
  }
  for (std::size_t i = 0; i < n; ++i) ends[i] = set.meet(start[i], a[i], b[i]);
}

BH_INLINE void meet_set(const Parts& parts, std::uint64_t least, const std::uint64_t* a, const std::uint64_t* b,
                        std::size_t n, Ends* ends) {
  std::array<std::uint64_t, kGroup> first, last;
  if (const std::uint64_t width = parts.design.bucket_width; width != 0) {
    for (std::size_t i = 0; i < n; ++i) first[i] = (a[i] - least) / width, last[i] = (b[i] - least) / width;
  } else {
    const std::uint64_t from = prefix(least, parts.exact_bits);
    for (std::size_t i = 0; i < n; ++i)
      first[i] = prefix(a[i], parts.exact_bits) - from, last[i] = prefix(b[i], parts.exact_bits) - from;
  }
  meet_all(*parts.set, first.data(), last.data(), n, ends);
}

BH_INLINE void meet_exact(const Parts& parts, std::uint64_t least, const std::uint64_t* a, const std::uint64_t* b,
                          std::size_t n, Ends* ends) {
  if (parts.set) return meet_set(parts, least, a, b, n, ends);
  for (std::size_t i = 0; i < n; ++i) ends[i] = parts.trie ? parts.trie->meet(a[i], b[i]) : Ends{false, true, true};
}

// Whatever lies in a region of the exact part that holds no key is left out.
struct Regions {
  std::uint32_t exact_bits, approx_bits;

  BH_INLINE void add(std::uint64_t a, std::uint64_t b, const Ends& ends, std::size_t i, Asked& asked,
                     bool* answers) const {
    answers[i] = ends.inside;
    if (ends.inside) return;
    const std::uint64_t first = prefix(a, approx_bits), last = prefix(b, approx_bits);
    if (prefix(a, exact_bits) == prefix(b, exact_bits)) {
      if (ends.first) asked.add(first, last, i);
      return;
    }
    if (ends.first) asked.add(first, prefix(last_of(a, exact_bits), approx_bits), i);
    if (ends.last) asked.add(prefix(first_of(b, exact_bits), approx_bits), last, i);
  }
};

// Answers True whom the cap stops; the others stay.
BH_INLINE void stop_at_cap(std::uint64_t cap, Asked& asked, bool* answers) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < asked.count;) {
    const std::size_t question = asked.question[i];
    const std::size_t end = i + 1 + (i + 1 < asked.count && asked.question[i + 1] == question);
    std::uint64_t room = cap;  // what is still below the cap
    for (std::size_t j = i; j < end; ++j) {
      const std::uint64_t more = asked.last[j] - asked.first[j];
      room = room == 0 || more >= room - 1 ? 0 : room - 1 - more;
    }
    answers[question] = room == 0;
    for (; i < end; ++i)
      if (room != 0) {
        asked.first[kept] = asked.first[i], asked.last[kept] = asked.last[i];
        asked.question[kept++] = asked.question[i];
      }
  }
  asked.count = kept;
}

// Without an exact part: each question has one range.
BH_INLINE void ask_whole(std::uint32_t bits, std::uint64_t cap, const std::uint64_t* a, const std::uint64_t* b,
                         std::size_t n, Asked& asked, bool* answers) {
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t first = prefix(a[i], bits), last = prefix(b[i], bits);
    asked.first[asked.count] = first, asked.last[asked.count] = last;
    asked.question[asked.count] = static_cast<std::uint8_t>(i);
    answers[i] = last - first >= cap - 1;
    asked.count += !answers[i];
  }
}

BH_INLINE void ask_bloom(const Bloom& bloom, const Asked& asked, bool* answers) {
  for (std::size_t i = 0; i < asked.count; ++i) bloom.fetch(asked.first[i]);
  for (std::size_t i = 0; i < asked.count; ++i) {
    bool& answer = answers[asked.question[i]];
    answer = answer || bloom.any(asked.first[i], asked.last[i]);
  }
}

// Ranges that lie in one piece of the set go together, the others one by one.
BH_INLINE void ask_locality(const LocalityHash& hash, const Asked& asked, bool* answers) {
  std::array<std::uint64_t, 2 * kGroup> first, last;
  std::array<std::uint8_t, 2 * kGroup> question;
  std::array<Ends, 2 * kGroup> ends;
  std::size_t whole = 0;
  for (std::size_t i = 0; i < asked.count; ++i) {
    const std::uint64_t a = asked.first[i], b = asked.last[i];
    if (a >> hash.shape().block_log != b >> hash.shape().block_log || hash.place(a) > hash.place(b)) {
      answers[asked.question[i]] |= hash.any(a, b);
      continue;
    }
    first[whole] = hash.place(a), last[whole] = hash.place(b);
    question[whole++] = asked.question[i];
  }
  meet_all(hash.set(), first.data(), last.data(), whole, ends.data());
  for (std::size_t i = 0; i < whole; ++i) answers[question[i]] |= ends[i].any();
}

}  // namespace

BH_MULTIVERSION void ask(const Parts& parts, std::uint64_t least, const std::uint64_t* a, const std::uint64_t* b,
                         std::size_t n, bool* answers) {
  const auto* hash = std::get_if<LocalityHash>(&parts.approx);
  const std::uint64_t cap = probe_cap(parts.design);
  Asked asked;
  if (parts.set || parts.trie || parts.approx.index() == 0) {
    std::array<Ends, kGroup> ends;
    meet_exact(parts, least, a, b, n, ends.data());
    if (parts.approx.index() == 0) {
      for (std::size_t i = 0; i < n; ++i) answers[i] = ends[i].any();
      return;
    }
    const Regions regions{parts.exact_bits, parts.approx_bits};
    for (std::size_t i = 0; i < n; ++i) regions.add(a[i], b[i], ends[i], i, asked, answers);
    if (!hash) stop_at_cap(cap, asked, answers);
  } else {
    ask_whole(parts.approx_bits, hash ? kNoCap : cap, a, b, n, asked, answers);
  }
  if (hash) return ask_locality(*hash, asked, answers);
  if (const auto* fuse = std::get_if<Fuse>(&parts.approx))
    return ask_ranges(*fuse, {asked.first.data(), asked.last.data(), asked.question.data(), asked.count}, answers);
  ask_bloom(std::get<Bloom>(parts.approx), asked, answers);
}

}  // namespace bh::ranges
