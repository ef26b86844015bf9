// Bytes either are a range filter, or a policy, that is written back as it was and answers whatever it is asked, or are
// refused. Checksums would hide all that comes after them, so length and checksums are put right first.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "ranges/composed.h"
#include "ranges/policy.h"
#include "ranges/rosetta.h"
#include "ranges/stored.h"
#include "ranges/surf.h"
#include "ranges/two_prefix_bloom.h"
#include "support/errors.h"

namespace ranges = bh::ranges;

namespace {

using File = std::vector<std::uint8_t>;

constexpr std::size_t kSectionsAt = 20, kLengthAt = 24, kSumsAt = 56;
constexpr std::uint64_t kFewProbes = 1024;

bh::Bytes bytes_of(const File& file) { return std::as_bytes(std::span(file)); }

void demand(bool kept) {
  if (!kept) __builtin_trap();
}

File sealed(std::span<const std::uint8_t> data) {
  File file(data.begin(), data.end());
  const std::uint64_t length = file.size();
  std::uint32_t sections;
  std::memcpy(&sections, &file[kSectionsAt], sizeof sections);
  std::memcpy(&file[kLengthAt], &length, sizeof length);
  const std::uint64_t head = std::min(ranges::kHeaderBytes + ranges::kTableRow * sections, length);
  std::memset(&file[kSumsAt], 0, 8);
  const std::uint32_t sums[2] = {bh::crc32c(bytes_of(file).first(head)), bh::crc32c(bytes_of(file).subspan(head))};
  std::memcpy(&file[kSumsAt], sums, sizeof sums);
  return file;
}

// Bounds that are likely to lie near something: words of the file.
std::vector<std::uint64_t> words_of(const File& file) {
  std::vector<std::uint64_t> words{0, 1, std::uint64_t{1} << 63, ~std::uint64_t{0}};
  for (std::size_t at = ranges::kHeaderBytes; at + 8 <= file.size() && words.size() < 40; at += 8) {
    words.emplace_back();
    std::memcpy(&words.back(), &file[at], 8);
  }
  return words;
}

template <typename Core>
void ask_codes(const Core& core, const std::vector<std::uint64_t>& words, bool wide) {
  for (const std::uint64_t word : words) core.may_intersect(word, word | (wide ? 0xFF : 0x7));
  if (!wide) return;
  for (std::size_t i = 1; i < words.size(); ++i)
    core.may_intersect(std::min(words[i - 1], words[i]), std::max(words[i - 1], words[i]));
}

template <typename Core>
void ask_bytes(const Core& core, const File& file, std::size_t width, bool wide) {
  if constexpr (requires { core.may_intersect(ranges::ByteCode(), ranges::ByteCode()); }) {
    for (std::size_t at = 0, asked = 0; at < file.size() && asked < 40; at += 5, ++asked) {
      const auto from = [&](std::size_t start) {
        const std::size_t begin = std::min(start, file.size());
        return ranges::ByteCode(file).subspan(begin, std::min({width, file[at] % 12ul, file.size() - begin}));
      };
      ranges::ByteCode a = from(at), b = wide ? from(at + 7) : a;
      if (ranges::compare(a, b) > 0) std::swap(a, b);
      core.may_intersect(a, b);
    }
  }
}

template <typename Core>
void put_to_use(const File& file) {
  const auto stored = ranges::Stored<Core>::read(bytes_of(file));
  demand(stored.write() == file);
  demand(stored.bytes() >= file.size());
  const auto& header = stored.header;
  const bool wide = ranges::probe_cap(header.design) <= kFewProbes;
  if (header.count == 0) return;
  if (!ranges::is_textual(header.keys)) return ask_codes(stored.core, words_of(file), wide);
  ranges::FilterReader reader(bytes_of(file));
  ask_bytes(stored.core, file, ranges::read_bounds(reader).width / 8, wide);
}

void read(const File& file) {
  switch (ranges::FilterReader(bytes_of(file)).header().filter) {
    case ranges::FilterKind::policy: return demand(ranges::Policy::read(bytes_of(file)).write() == file);
    case ranges::FilterKind::proteus: return put_to_use<ranges::Composed<ranges::FilterKind::proteus>>(file);
    case ranges::FilterKind::surf: return put_to_use<ranges::Surf>(file);
    case ranges::FilterKind::rosetta: return put_to_use<ranges::Rosetta>(file);
    case ranges::FilterKind::two_prefix_bloom: return put_to_use<ranges::TwoPrefixBloom>(file);
    case ranges::FilterKind::prefix_bloom: return put_to_use<ranges::Composed<ranges::FilterKind::prefix_bloom>>(file);
    case ranges::FilterKind::locality_hash:
      return put_to_use<ranges::Composed<ranges::FilterKind::locality_hash>>(file);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < ranges::kHeaderBytes) return 0;
  const File given(data, data + size), whole = sealed(given);
  if (given != whole) {
    bool refused = false;
    try {
      ranges::FilterReader reader(bytes_of(given));
    } catch (const bh::CorruptData&) {
      refused = true;
    }
    demand(refused);
  }
  try {
    read(whole);
  } catch (const bh::CorruptData&) {
  }
  return 0;
}
