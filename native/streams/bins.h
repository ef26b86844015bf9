// What the keys without a counter weigh on average, measured by bin: a predictor only sorts them. Each bin sums the
// weight that no counter holds, and counts distinct keys by a HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, AofA
// 2007). One bin is the mean of the tail; a predictor that knows nothing makes all bins alike, so that it cannot harm.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "streams/format.h"
#include "support/hash.h"

namespace bh::streams {

class Bins {
 public:
  Bins(std::uint32_t bins, std::uint32_t registers, std::uint64_t seed)
      : hash_(seed, 6),
        shift_(64 - static_cast<std::uint32_t>(std::countr_zero(registers))),
        registers_per_bin_(registers),
        weights_(bins),
        registers_(std::size_t{bins} * registers) {}

  // A key without a counter came.
  void see(std::uint32_t bin, std::uint64_t id) {
    const std::uint64_t h = mix64(hash_(id));  // hash_ alone is too regular on consecutive ids: four times the error
    const std::uint64_t rest = h << (64 - shift_);
    const auto rank =
        static_cast<std::uint8_t>(std::min(shift_, static_cast<std::uint32_t>(std::countl_zero(rest))) + 1);
    std::uint8_t& seen = registers_[std::size_t{bin} * registers_per_bin_ + (h >> shift_)];
    seen = std::max(seen, rank);
  }
  // Weight that no counter holds: refused, or left behind by a key that lost its counter.
  void absorb(std::uint32_t bin, std::uint64_t weight) { weights_[bin] += static_cast<double>(weight); }

  // How many distinct keys were seen, with a standard error of 1.04 / sqrt(registers).
  double distinct(std::uint32_t bin) const {
    const double r = registers_per_bin_;
    double sum = 0;
    std::uint32_t zeros = 0;
    for (std::uint32_t i = 0; i < registers_per_bin_; ++i) {
      const int rank = registers_[std::size_t{bin} * registers_per_bin_ + i];
      sum += std::ldexp(1.0, -rank);
      zeros += rank == 0;
    }
    const double alpha = r == 16 ? 0.673 : r == 32 ? 0.697 : r == 64 ? 0.709 : 0.7213 / (1 + 1.079 / r);
    const double estimate = alpha * r * r / sum;
    return estimate <= 2.5 * r && zeros > 0 ? r * std::log(r / zeros) : estimate;
  }
  double weight(std::uint32_t bin) const { return weights_[bin]; }
  // Weight for each distinct key; 0 if there are none.
  double mean(std::uint32_t bin) const {
    const double keys = distinct(bin);
    return keys > 0 ? weights_[bin] / keys : 0;
  }

  void merge(const Bins& other) {  // of the same shape and seed
    for (std::size_t i = 0; i < weights_.size(); ++i) weights_[i] += other.weights_[i];
    for (std::size_t i = 0; i < registers_.size(); ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
  }

  std::uint32_t bins() const { return static_cast<std::uint32_t>(weights_.size()); }
  std::uint32_t registers_per_bin() const { return registers_per_bin_; }
  std::size_t bytes() const { return weights_.size() * sizeof(double) + registers_.size(); }

  // The section TAIL.
  void write(SectionWriter& writer) const {
    writer.begin("TAIL");
    writer.put(bins());
    writer.put(registers_per_bin_);
    writer.put(std::span<const double>(weights_));
    writer.put(std::span<const std::uint8_t>(registers_));
  }
  static Bins read(SectionReader& reader, std::uint64_t seed) {
    reader.expect("TAIL");
    const auto bins = reader.take<std::uint32_t>(), registers = reader.take<std::uint32_t>();
    if (registers < 16 || registers > 256 || !std::has_single_bit(registers))
      reader.fail("the number of registers is no power of two from 16 to 256");
    Bins read(0, registers, seed);
    read.weights_ = reader.take_array<double>(bins);
    read.registers_ = reader.take_array<std::uint8_t>(std::uint64_t{bins} * registers);
    if (const char* const broken = read.broken()) reader.fail(broken);
    return read;
  }

  const char* broken() const {  // what is wrong, or nothing
    for (const double weight : weights_)
      if (!(weight >= 0 && weight <= 0x1p63)) return "the weight of a bin is negative, too large or NaN";
    for (const std::uint8_t rank : registers_)
      if (rank > shift_ + 1) return "a register holds a rank that no hash has";
    return nullptr;
  }

 private:
  Mix hash_;
  std::uint32_t shift_;  // of a hash, to the number of its register
  std::uint32_t registers_per_bin_;
  std::vector<double> weights_;
  std::vector<std::uint8_t> registers_;
};

}  // namespace bh::streams
