// The sections of the blocks that filters are made of. What reads one checks all that its bytes may say before it
// believes a size; each throws CorruptData.
#pragma once
#include <cstdint>

#include "ranges/bloom.h"
#include "ranges/elias_fano.h"
#include "ranges/format.h"
#include "ranges/fuse.h"
#include "ranges/locality_hash.h"

namespace bh::ranges {

Section section_of(const EliasFano& set);
EliasFano read_elias_fano(FilterReader& reader);

Section section_of(Tag tag, const Bloom& filter);  // the first or the second Bloom filter
Bloom read_bloom(FilterReader& reader, Tag tag);

Section section_of(const Fuse& filter);
Fuse read_fuse(FilterReader& reader);

Section section_of(const LocalityHash& filter);
LocalityHash read_locality(FilterReader& reader, std::uint32_t value_bits);

}  // namespace bh::ranges
