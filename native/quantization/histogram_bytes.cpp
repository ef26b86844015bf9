// The byte format of histograms: header, the buckets that are not empty in ascending order, CRC.
#include "quantization/histogram.h"
#include "support/bytes.h"

namespace bh::quantization {
namespace {

// Version 1 had only sums in float64.
constexpr Format kFormat{{'V', 'H'}, 2, "Histogram", 1};
constexpr std::size_t kHeader = 48, kEnds = 4 + 2 * 8, kExact = 6 * 8, kRounded = 3 * 8, kCrc = 4;
constexpr std::uint32_t kMostShift = 30;
constexpr std::uint16_t kHasRounded = 1;

unsigned __int128 wide(std::uint64_t high, std::uint64_t low) {
  return static_cast<unsigned __int128>(high) << 64 | low;
}

}  // namespace

std::vector<std::byte> Histogram::to_bytes() const {
  Writer writer(kFormat);
  writer.put(static_cast<std::uint16_t>(rounded_.empty() ? 0 : kHasRounded));
  writer.put(bins_);
  writer.put(shift_);
  writer.put(static_cast<std::uint32_t>(buckets()));
  writer.put(center_);
  writer.put(scale_);
  writer.put(count_);
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const Cell& cell = cells_[i];
    if (cell.empty()) continue;
    writer.put(first_ + static_cast<std::int32_t>(i));
    for (const double end : {cell.low, cell.high}) writer.put(end);
    const auto sum = static_cast<unsigned __int128>(cell.sums.sum());
    for (const unsigned __int128 field : {wide(0, cell.sums.count()), sum, sum >> 64, cell.sums.squares(),
                                          cell.sums.squares() >> 64, wide(0, cell.sums.squares_high())})
      writer.put(static_cast<std::uint64_t>(field));
    if (rounded_.empty()) continue;
    for (const double field : {rounded_[i].weight, rounded_[i].v, rounded_[i].v2}) writer.put(field);
  }
  writer.put(crc32c(writer.bytes()));
  return writer.bytes();
}

Histogram Histogram::from_bytes(Bytes bytes) {
  Reader reader(bytes, kFormat);
  const bool exact = reader.version() > 1;
  const auto flags = reader.take<std::uint16_t>("flags");
  if (flags > (exact ? kHasRounded : 0)) reader.fail("flags", "are not known");
  const bool rounded = !exact || flags == kHasRounded;
  const auto bins = reader.take<std::uint32_t>("bins");
  if (bins < 64 || bins > 65536) reader.fail("bins", "is not from 64 to 65536");
  const auto shift = reader.take<std::uint32_t>("shift");
  if (shift > kMostShift) reader.fail("shift", "exceeds 30");
  const auto buckets = reader.take<std::uint32_t>("buckets");
  if (buckets > bins) reader.fail("buckets", "exceeds bins");
  const std::size_t each = kEnds + (exact ? kExact : 0) + (rounded ? kRounded : 0);
  if (bytes.size() != kHeader + each * buckets + kCrc) reader.fail("buckets", "does not match the length");
  const auto center = reader.take<double>("center");
  const auto scale = reader.take<double>("scale");
  if (!std::isfinite(center)) reader.fail("center", "is not finite");
  if (!(scale >= 0x1p-1000) || !std::isfinite(scale)) reader.fail("scale", "is not positive and finite");
  Histogram read(center, scale, bins);
  read.shift_ = shift;
  read.count_ = reader.take<std::uint64_t>("count");
  std::int64_t before = INT64_MIN;
  for (std::uint32_t i = 0; i < buckets; ++i) {
    const auto index = reader.take<std::int32_t>("index");
    if (i == 0) read.first_ = index;
    if (index <= before) reader.fail("index", "does not ascend");
    if (std::int64_t{index} - read.first_ >= bins)
      reader.fail("index", "is farther from the first index than there are bins");
    before = index;
    Cell cell;
    Rounded beside;
    const auto take_ends = [&] {
      for (double* end : {&cell.low, &cell.high}) *end = reader.take<double>("bucket");
    };
    if (exact) {
      take_ends();
      std::uint64_t fields[6];
      for (std::uint64_t& field : fields) field = reader.take<std::uint64_t>("bucket");
      cell.sums = {fields[0], static_cast<__int128>(wide(fields[2], fields[1])), wide(fields[4], fields[3]), fields[5]};
    }
    if (rounded)
      for (double* field : {&beside.weight, &beside.v, &beside.v2}) *field = reader.take<double>("bucket");
    if (!exact) take_ends();
    if (!(cell.low <= cell.high)) reader.fail("bucket", "has a minimum above its maximum");
    const auto held = static_cast<std::size_t>(std::int64_t{index} - read.first_ + 1);
    read.cells_.resize(held);
    read.cells_.back() = cell;
    if (rounded) {
      read.rounded_.resize(held);
      read.rounded_.back() = beside;
    }
    read.minimum_ = std::min(read.minimum_, cell.low);
    read.maximum_ = std::max(read.maximum_, cell.high);
  }
  if (const char* wrong = read.broken()) reader.fail("buckets", std::string("have ") + wrong);
  const std::uint32_t crc = crc32c(bytes.first(reader.position()));
  if (reader.take<std::uint32_t>("CRC") != crc) reader.fail("CRC", "does not match the bytes before it");
  return read;
}

}  // namespace bh::quantization
