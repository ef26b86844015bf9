#include "ranges/policy.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

namespace bh::ranges {
namespace {

constexpr std::uint64_t kLongestRow = 1 << 20;  // bytes
constexpr const char* kBackwards = "a range of the sample ends before it begins";

template <typename T>
std::span<const std::uint8_t> raw(const std::vector<T>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(T)};
}

std::vector<std::uint32_t> lengths(const ByteRows& rows) {
  std::vector<std::uint32_t> lengths(rows.count());
  for (std::size_t i = 0; i < rows.count(); ++i) lengths[i] = static_cast<std::uint32_t>(rows[i].size());
  return lengths;
}

template <typename T>
std::vector<T> take(SectionReader& section, std::uint64_t count, const char* field) {
  check(count <= ~std::uint64_t{0} / sizeof(T), "the sample is longer than any memory");
  const std::uint8_t* const from = section.array(count * sizeof(T), field);
  std::vector<T> values(count);
  if (count > 0) std::memcpy(values.data(), from, count * sizeof(T));
  return values;
}

ByteRows take_rows(SectionReader& section, std::uint64_t count, const char* field) {
  const std::vector<std::uint32_t> lengths = take<std::uint32_t>(section, count, field);
  ByteRows rows;
  rows.offsets.reserve(count + 1);
  for (const std::uint32_t length : lengths) {
    check(length <= kLongestRow, "a bound of the sample is longer than 1 MiB");
    rows.offsets.push_back(rows.offsets.back() + length);
  }
  rows.data = take<std::uint8_t>(section, rows.offsets.back(), field);
  return rows;
}

}  // namespace

std::vector<std::uint8_t> Policy::write() const {
  Header header;
  header.filter = FilterKind::policy;
  header.keys = keys;
  header.unit = unit;
  header.design.max_probes = max_probes;
  header.seed = seed;
  const bool text = is_textual(keys);
  Section section{Tag::policy, {}, {}, {}};
  section.scalars = {static_cast<std::uint64_t>(filter), std::bit_cast<std::uint64_t>(bits_per_key), worst_length,
                     std::bit_cast<std::uint64_t>(worst_rate), text ? sample.lo_bytes.count() : sample.lo.size()};
  const std::vector<std::uint32_t> of_lo = lengths(sample.lo_bytes), of_hi = lengths(sample.hi_bytes);
  if (text)
    section.arrays = {raw(of_lo), raw(sample.lo_bytes.data), raw(of_hi), raw(sample.hi_bytes.data)};
  else
    section.arrays = {raw(sample.lo), raw(sample.hi)};
  return write_filter(header, {&section, 1});
}

Policy Policy::read(Bytes bytes) {
  FilterReader reader(bytes);
  const Header& header = reader.header();
  check(header.filter == FilterKind::policy, "they are a filter, not the policy of a plan");
  Design none;
  none.max_probes = header.design.max_probes;
  check(header.design == none && header.count == 0 && std::isnan(header.expected),
        "a policy has no design and no keys");
  SectionReader section(reader.section(Tag::policy));
  reader.finish();
  Policy policy;
  const std::uint64_t filter = section.scalar("the filter to build");
  check(filter >= 1 && filter <= static_cast<std::uint64_t>(FilterKind::locality_hash), "no filter has that number");
  policy.filter = static_cast<FilterKind>(filter);
  policy.keys = header.keys;
  policy.unit = header.unit;
  policy.max_probes = header.design.max_probes;
  policy.seed = header.seed;
  policy.bits_per_key = std::bit_cast<double>(section.scalar("bits per key"));
  check(policy.bits_per_key >= 1 && policy.bits_per_key <= 1024, "bits per key are not from 1 to 1024");
  policy.worst_length = section.scalar("the worst length");
  policy.worst_rate = std::bit_cast<double>(section.scalar("the worst rate"));
  check(policy.worst_rate >= 0 && policy.worst_rate <= 1 && !std::signbit(policy.worst_rate), "the worst rate is none");
  check(policy.worst_length != 0 || policy.worst_rate == 0, "a worst rate has no length");
  const std::uint64_t count = section.scalar("the number of queries");
  if (is_textual(policy.keys)) {
    policy.sample.lo_bytes = take_rows(section, count, "the lower bounds");
    policy.sample.hi_bytes = take_rows(section, count, "the upper bounds");
    for (std::size_t i = 0; i < count; ++i)
      check(compare(policy.sample.lo_bytes[i], policy.sample.hi_bytes[i]) <= 0, kBackwards);
  } else {
    policy.sample.lo = take<std::uint64_t>(section, count, "the lower bounds");
    policy.sample.hi = take<std::uint64_t>(section, count, "the upper bounds");
    for (std::size_t i = 0; i < count; ++i) check(policy.sample.lo[i] <= policy.sample.hi[i], kBackwards);
  }
  section.end("the policy");
  return policy;
}

Policy Policy::load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return read(std::as_bytes(std::span(bytes)));
}

}  // namespace bh::ranges
