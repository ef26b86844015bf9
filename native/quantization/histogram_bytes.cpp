// The byte format of histograms: header, the buckets that are not empty in ascending order, CRC.
#include "quantization/histogram.h"
#include "support/bytes.h"

namespace bh::quantization {
namespace {

constexpr Format kFormat{{'V', 'H'}, 1, "Histogram"};
constexpr std::size_t kHeader = 48, kBucket = 44, kCrc = 4;
constexpr std::uint32_t kMostShift = 30;

}  // namespace

std::vector<std::byte> Histogram::to_bytes() const {
  Writer writer(kFormat);
  writer.put(std::uint16_t{0});
  writer.put(bins_);
  writer.put(shift_);
  writer.put(static_cast<std::uint32_t>(buckets()));
  writer.put(center_);
  writer.put(scale_);
  writer.put(count_);
  each([&](std::int32_t index, const Bucket& bucket) {
    writer.put(index);
    for (const double field : {bucket.weight, bucket.v, bucket.v2, bucket.low, bucket.high}) writer.put(field);
  });
  writer.put(crc32c(writer.bytes()));
  return writer.bytes();
}

Histogram Histogram::from_bytes(Bytes bytes) {
  Reader reader(bytes, kFormat);
  if (reader.take<std::uint16_t>("reserved") != 0) reader.fail("reserved", "is not 0");
  const auto bins = reader.take<std::uint32_t>("bins");
  if (bins < 64 || bins > 65536) reader.fail("bins", "is not from 64 to 65536");
  const auto shift = reader.take<std::uint32_t>("shift");
  if (shift > kMostShift) reader.fail("shift", "exceeds 30");
  const auto buckets = reader.take<std::uint32_t>("buckets");
  if (buckets > bins) reader.fail("buckets", "exceeds bins");
  if (bytes.size() != kHeader + kBucket * buckets + kCrc) reader.fail("buckets", "does not match the length");
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
    Bucket bucket;
    for (double* field : {&bucket.weight, &bucket.v, &bucket.v2, &bucket.low, &bucket.high})
      *field = reader.take<double>("bucket");
    if (!(bucket.low <= bucket.high)) reader.fail("bucket", "has a minimum above its maximum");
    read.buckets_.resize(static_cast<std::size_t>(std::int64_t{index} - read.first_ + 1));
    read.buckets_.back() = bucket;
    read.minimum_ = std::min(read.minimum_, bucket.low);
    read.maximum_ = std::max(read.maximum_, bucket.high);
  }
  if (const char* wrong = read.broken()) reader.fail("buckets", std::string("have ") + wrong);
  const std::uint32_t crc = crc32c(bytes.first(reader.position()));
  if (reader.take<std::uint32_t>("CRC") != crc) reader.fail("CRC", "does not match the bytes before it");
  return read;
}

}  // namespace bh::quantization
