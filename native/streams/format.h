// The bytes of summaries and of the predictors of streams: a header of 80 bytes, then tagged sections. Their order, and
// what each holds, is what the kinds write; unknown sections that say so may be ignored.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "support/bytes.h"

namespace bh::streams {

enum class Kind : std::uint8_t {
  exact = 1,
  assoc,
  filtered,
  gated,
  calibrated,
  lss,
  lss_plus,
  count_min,
  conservative,
  count_sketch,
  window,
  lookup_table = 16,
  char_ngrams,
  key_bits,
  first_of,
  constant
};

struct Header {
  enum Flag : std::uint8_t { weighted = 1, deletions = 2, labels = 4, merged = 8, unlabeled = 16 };

  Kind kind{};
  std::uint8_t key_kind = 0;  // as keys.h numbers them
  std::uint8_t width = 0;     // bytes of a counter: 4 or 8; 0 for predictors
  std::uint8_t flags = 0;
  std::uint64_t seed = 0;
  std::uint32_t capacity = 0, least_capacity = 0;  // the latter of all that were ever merged
  std::uint64_t total = 0, floor = 0, deleted = 0, skipped = 0;
};

// Writes one section after the other: begin, put what it holds, begin the next; finish returns all.
class SectionWriter {
 public:
  explicit SectionWriter(const Header& header) : header_(header) {}

  void begin(const char (&tag)[5], std::uint32_t flags = 0);
  template <Scalar T>
  void put(T value) {
    put(std::span<const T>(&value, 1));
  }
  template <Scalar T>
  void put(std::span<const T> values) {
    put(std::as_bytes(values));
  }
  void put(Bytes bytes) { payload_.insert(payload_.end(), bytes.begin(), bytes.end()); }
  void align();  // zeros up to the next multiple of 8 bytes: between arrays of unlike width
  std::vector<std::byte> finish();

 private:
  void end();

  Header header_;
  std::vector<std::byte> payload_;
  std::size_t begun_ = 0;  // where the data of the open section start
  std::uint32_t sections_ = 0;
};

// Reads what SectionWriter wrote, and trusts nothing: every failure is CorruptData that names section and offset.
class SectionReader {
 public:
  static constexpr std::uint32_t kIgnorable = 1;  // a section's flag

  explicit SectionReader(Bytes bytes);  // takes the header; checks length and CRC

  const Header& header() const { return header_; }
  bool enter(const char (&tag)[5]);                        // whether the next section is this one
  void expect(const char (&tag)[5]);                       // it must be
  std::uint64_t left() const { return end_ - position_; }  // bytes of the section that were not taken yet
  template <Scalar T>
  T take() {
    T value;
    std::memcpy(&value, take_bytes(sizeof value).data(), sizeof value);
    return value;
  }
  // Nothing is allocated before that many values are known to be there.
  template <Scalar T>
  std::vector<T> take_array(std::uint64_t count) {
    const Bytes from = take_bytes(times(count, sizeof(T)));
    std::vector<T> values(count);
    if (count != 0) std::memcpy(values.data(), from.data(), from.size());
    return values;
  }
  Bytes take_bytes(std::uint64_t count);
  void align();
  void finish();  // nothing may be left, neither of the section nor behind it

  [[noreturn]] void fail(const std::string& what) const;

 private:
  void leave();
  bool at_end() const { return position_ == bytes_.size(); }
  std::uint64_t times(std::uint64_t count, std::uint64_t size) const;

  Bytes bytes_;
  Header header_;
  char tag_[5] = "";
  std::uint64_t begun_ = 0, position_ = 0, end_ = 0;
  std::uint32_t sections_ = 0;  // that were not entered yet
};

// What to_bytes and from_bytes of every kind say, where there is nothing around a kernel.
template <typename Kernel>
std::vector<std::byte> to_bytes(const Kernel& kernel) {
  SectionWriter writer(kernel.header());
  kernel.write(writer);
  return writer.finish();
}
template <typename Kernel>
Kernel from_bytes(Bytes bytes) {
  SectionReader reader(bytes);
  Kernel kernel(reader);
  reader.finish();
  return kernel;
}

}  // namespace bh::streams
