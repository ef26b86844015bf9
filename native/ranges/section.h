// A section of a filter's bytes: scalars of 8 bytes, then arrays, each from a multiple of 8 on and with 16 zero bytes
// behind it, so that a load of 8 bytes anywhere in an array stays inside.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "support/errors.h"

namespace bh::ranges {

[[noreturn]] inline void corrupt_section(const std::string& what) {
  throw CorruptData("these bytes are no range filter, as " + what + "; pass all that to_bytes() returned");
}

inline void append_scalar(std::vector<std::uint8_t>& section, std::uint64_t value) {
  const std::size_t at = section.size();
  section.resize(at + 8);
  std::memcpy(section.data() + at, &value, 8);
}

// Room for `size` bytes, all zero. The pointer holds until the next one is appended.
inline std::uint8_t* append_array(std::vector<std::uint8_t>& section, std::uint64_t size) {
  const std::size_t at = (section.size() + 7) / 8 * 8;
  section.resize(at + size + 16);
  return section.data() + at;
}

// Takes a section apart, in the order in which it was written, and believes no size that it does not hold.
class SectionReader {
 public:
  explicit SectionReader(std::span<const std::uint8_t> section) : section_(section) {}

  std::uint64_t scalar(const char* field) {
    std::uint64_t value;
    std::memcpy(&value, take(8, field), 8);
    return value;
  }
  const std::uint8_t* array(std::uint64_t size, const char* field) {
    zeros((8 - at_ % 8) % 8, field);
    const std::uint8_t* array = take(size, field);
    zeros(16, field);
    return array;
  }
  // An array of bits, of which those behind the last are zero.
  const std::uint8_t* bits(std::uint64_t count, const char* field) {
    const std::uint8_t* array = this->array(count / 8 + (count % 8 != 0), field);
    if (count % 8 != 0 && array[count / 8] >> count % 8 != 0)
      corrupt_section(std::string(field) + " has bits behind its last");
    return array;
  }
  void end(const char* field) const {
    if (at_ != section_.size())
      corrupt_section(std::string(field) + " has " + std::to_string(section_.size() - at_) + " bytes too many");
  }

 private:
  const std::uint8_t* take(std::uint64_t size, const char* field) {
    if (size > section_.size() - at_) corrupt_section("they end before " + std::string(field) + " does");
    at_ += size;
    return section_.data() + at_ - size;
  }
  void zeros(std::size_t size, const char* field) {
    const std::uint8_t* bytes = take(size, field);
    if (std::any_of(bytes, bytes + size, [](std::uint8_t byte) { return byte != 0; }))
      corrupt_section("the padding of " + std::string(field) + " is not zero");
  }

  std::span<const std::uint8_t> section_;
  std::size_t at_ = 0;
};

}  // namespace bh::ranges
