// Sums of numbers and of their squares that no order of adding changes: integers, of which the numbers are multiples.
#pragma once
#include <cmath>
#include <cstdint>

namespace bh::quantization {

class ExactSums {
 public:
  // The numbers are smaller: carries are rare, and 2^64 numbers fit.
  static constexpr int kBits = 54;
  static constexpr double kMost = 0x1p54;

  // `squares` are the lower 128 bits of their sum, `squares_high` those above them.
  ExactSums() = default;
  ExactSums(std::uint64_t count, __int128 sum, unsigned __int128 squares, std::uint64_t squares_high)
      : count_(count), squares_low_(low(squares)), squares_middle_(high(squares)), squares_high_(squares_high) {
    set_raised(static_cast<unsigned __int128>(sum) + static_cast<unsigned __int128>(count) * kRaise);
  }

  void add(std::int64_t n) {
    ++count_;
    if (__builtin_add_overflow(raised_low_, static_cast<std::uint64_t>(n) + kRaise, &raised_low_)) [[unlikely]]
      ++raised_high_;
    add_squares(square(n));
  }
  // The same number so many times.
  void add(std::int64_t n, std::uint64_t times) {
    count_ += times;
    set_raised(raised() + static_cast<unsigned __int128>(static_cast<std::uint64_t>(n) + kRaise) * times);
    const unsigned __int128 top = static_cast<unsigned __int128>(high(square(n))) * times;
    add_squares(static_cast<unsigned __int128>(low(square(n))) * times);
    add_squares(top << 64);
    squares_high_ += high(top);
  }
  void add(const ExactSums& other) {
    count_ += other.count_;
    set_raised(raised() + other.raised());
    add_squares(other.squares());
    squares_high_ += other.squares_high_;
  }
  // Counts in a unit that is 2^bits times as large. What is lost depends on what was added before.
  void coarsen(int bits) {
    for (; bits > 0; bits -= 32) {
      const int by = bits < 32 ? bits : 32;
      const __int128 before = sum();
      const unsigned __int128 squares_before = squares();
      *this = {count_, before < 0 ? -(-before >> by) : before >> by,
               squares_before >> by | static_cast<unsigned __int128>(squares_high_) << (128 - by), squares_high_ >> by};
      *this = {count_, sum(), squares() >> by | static_cast<unsigned __int128>(squares_high_) << (128 - by),
               squares_high_ >> by};
    }
  }

  std::uint64_t count() const { return count_; }
  __int128 sum() const { return static_cast<__int128>(raised() - static_cast<unsigned __int128>(count_) * kRaise); }
  unsigned __int128 squares() const { return wide(squares_middle_, squares_low_); }
  std::uint64_t squares_high() const { return squares_high_; }
  double squares_as_double() const {
    return std::ldexp(static_cast<double>(squares_high_), 128) + static_cast<double>(squares());
  }

 private:
  static constexpr std::uint64_t kRaise = std::uint64_t{1} << kBits;  // makes each number positive

  static std::uint64_t low(unsigned __int128 number) { return static_cast<std::uint64_t>(number); }
  static std::uint64_t high(unsigned __int128 number) { return static_cast<std::uint64_t>(number >> 64); }
  static unsigned __int128 wide(std::uint64_t high, std::uint64_t low) {
    return static_cast<unsigned __int128>(high) << 64 | low;
  }
  static unsigned __int128 square(std::int64_t n) {
    return static_cast<unsigned __int128>(static_cast<__int128>(n) * n);
  }
  unsigned __int128 raised() const { return wide(raised_high_, raised_low_); }
  void set_raised(unsigned __int128 sum) { raised_low_ = low(sum), raised_high_ = high(sum); }
  void add_squares(unsigned __int128 more) {
    const unsigned __int128 sum = squares() + more;
    squares_low_ = low(sum), squares_middle_ = high(sum);
    if (sum < more) [[unlikely]]
      ++squares_high_;
  }

  // Words, as a 128-bit number in memory waits for its last store. Unsigned: bytes from outside may make them overflow.
  std::uint64_t count_ = 0, raised_low_ = 0, raised_high_ = 0;
  std::uint64_t squares_low_ = 0, squares_middle_ = 0, squares_high_ = 0;
};

}  // namespace bh::quantization
