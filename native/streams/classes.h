// What a predictor says of a key, in the byte that its slot keeps: bits 0-4 a bin, 5-6 a class, 7 whether it is pinned.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "streams/counters.h"
#include "streams/format.h"

namespace bh::streams {

enum class Class : std::uint8_t { normal, light, heavy };

constexpr std::uint32_t kBins = 32;

constexpr std::uint8_t mark_of(std::uint32_t bin, Class kind) {
  return static_cast<std::uint8_t>(bin | static_cast<std::uint32_t>(kind) << 5);
}
constexpr std::uint32_t bin_of(std::uint8_t mark) { return mark & 31; }
constexpr Class class_of(std::uint8_t mark) { return static_cast<Class>(mark >> 5 & 3); }

// Counts from which a key is heavy, and up to which it is light; the share of the slots that heavy keys may pin.
struct Classes {
  double light, heavy, reserve;

  std::uint32_t pins(std::uint32_t capacity) const {
    return std::min(static_cast<std::uint32_t>(reserve * capacity), capacity - 1);
  }
  Class of(double count) const { return count >= heavy ? Class::heavy : count <= light ? Class::light : Class::normal; }

  // The section CLAS.
  void write(SectionWriter& writer) const {
    writer.begin("CLAS");
    for (const double field : {light, heavy, reserve}) writer.put(field);
  }
  static Classes read(SectionReader& reader) {
    reader.expect("CLAS");
    const auto light = reader.take<double>(), heavy = reader.take<double>(), reserve = reader.take<double>();
    if (std::isnan(light) || std::isnan(heavy)) reader.fail("a threshold is NaN");
    if (!(reserve >= 0 && reserve <= 0.9)) reader.fail("the reserved share is not from 0 to 0.9");
    return {light, heavy, reserve};
  }
};

// What is wrong with the marks of a table, or nothing. Only the heavy are pinned.
inline const char* broken_marks(const AnyCounters& counters) {
  return counters.with([](const auto& table) -> const char* {
    for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
      const Class kind = class_of(table.mark(slot));
      if (kind > Class::heavy) return "a slot has a class that does not exist";
      if (table.pinned(slot) && kind != Class::heavy) return "a slot is pinned whose key is not heavy";
    }
    return nullptr;
  });
}

// A prediction, log2 of a count, as a mark. One that is not finite counts as 0.
inline std::uint8_t mark_of(float prediction, const Classes& classes) {
  const double log = std::isfinite(prediction) ? prediction : 0;
  return mark_of(static_cast<std::uint32_t>(std::clamp(std::floor(log), 0.0, kBins - 1.0)), classes.of(std::exp2(log)));
}

}  // namespace bh::streams
