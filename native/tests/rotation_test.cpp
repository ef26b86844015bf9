// Also run on each instruction set alone: the checksums are the same on all of them.
#include "quantization/rotation.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "check.h"
#include "numbers.h"
#include "quantization/hadamard.h"
#include "support/errors.h"

namespace quantization = bh::quantization;

namespace {

std::uint64_t signs(int round, std::uint64_t seed, std::uint64_t stream, std::uint64_t first) {
  quantization::Signs drawn(seed, stream);
  std::vector<float> x(64, 1);
  drawn.flip(std::span(x), first, round);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 64; ++i) bits |= std::uint64_t{std::signbit(x[i])} << i;
  return bits;
}

void golden_signs() {
  CHECK(signs(0, 1, 0, 0) == 0x8510e6e40c19cc69);
  CHECK(signs(1, 1, 0, 0) == 0x949e27ead555abcc);
}

void signs_belong_to_positions() {
  constexpr std::size_t n = 100'000;
  std::vector<float> x(n, 1);
  quantization::Signs drawn(5, 1ull << 55);
  drawn.flip(std::span(x), 0, 0);
  std::vector<double> y(n, 1);
  quantization::Signs again(5, 1ull << 55);
  for (std::size_t at = 0; at < n; at += 96)
    again.flip(std::span(y).subspan(at, std::min<std::size_t>(96, n - at)), at, 0);
  std::size_t minus = 0;
  for (std::size_t i = 0; i < n; ++i) {
    CHECK(x[i] == static_cast<float>(y[i]));
    minus += x[i] < 0;
  }
  CHECK(std::abs(static_cast<double>(minus) - n / 2.0) < 4 * std::sqrt(n) / 2);

  std::vector<float> rows(n, 1);
  quantization::flip_rows(std::span(rows), 32, 5, 1ull << 55, 3);
  for (std::size_t i = 0; i < n; ++i) CHECK(rows[i] == x[i % 32]);
}

void a_rotation_keeps_lengths_and_is_undone_by_its_inverse() {
  for (int k : {0, 1, 4, 5, 6, 12, 17})
    for (int rounds : {1, 2}) {
      const std::size_t n = std::size_t{1} << k;
      std::vector<double> x(n), y;
      for (std::size_t i = 0; i < n; ++i) x[i] = std::sin(static_cast<double>(i * i));
      x[0] = 2;
      y = x;
      quantization::Signs drawn(3, 4);
      const double unit = quantization::orthonormal(k, rounds);
      quantization::rotate(std::span(y), drawn, 0, rounds, false);
      double before = 0, after = 0, off = 0;
      for (std::size_t i = 0; i < n; ++i) before += x[i] * x[i], after += y[i] * y[i] * unit * unit;
      CHECK(std::abs(after - before) < 1e-12 * before);
      quantization::rotate(std::span(y), drawn, 0, rounds, true);
      for (std::size_t i = 0; i < n; ++i) off = std::max(off, std::abs(y[i] * unit * unit - x[i]));
      CHECK(off < 1e-13);
    }
}

template <typename Real>
quantization::CodesHeader header_for(const std::vector<Real>& x, std::uint64_t block) {
  quantization::CodesHeader header;
  header.method = quantization::Method::rotation;
  header.rounds = 2;
  header.dtype = sizeof(Real) == 4 ? quantization::Dtype::float32 : quantization::Dtype::float64;
  header.n_levels = 4;
  header.block = block;
  header.seed = 9;
  header.shape = {x.size()};
  return header;
}

template <typename Real>
std::vector<std::byte> encoded(const std::vector<Real>& x, std::uint64_t block, std::size_t threads) {
  const quantization::CodesHeader header = header_for(x, block);
  const std::vector<Real> levels = {Real(-1.5104176084990955), Real(-0.452780034636492), Real(0.452780034636492),
                                    Real(1.5104176084990955)};
  const auto kind = header.single() ? quantization::Values::Kind::float32 : quantization::Values::Kind::float64;
  std::vector<std::byte> bytes(header.total_bytes());
  quantization::encode_rotated<Real>(header, {kind, x.data(), nullptr, x.size()}, levels, threads, bytes);
  return bytes;
}

template <typename Real>
void bytes_are_the_same_everywhere(std::uint32_t wanted) {
  const std::vector<Real> x = numbers<Real>(70'000);
  const std::vector<std::byte> bytes = encoded(x, 8192, 1);
  CHECK(encoded(x, 8192, 3) == bytes);
  CHECK(bh::crc32c(bh::Bytes(bytes).first(bytes.size() - 4)) == wanted);

  bh::Bytes read = bytes;
  const quantization::CodesHeader header = quantization::read_codes_header(read);
  quantization::check_codes(header, read);
  std::vector<Real> once(x.size()), twice(x.size());
  quantization::decode_rotated<Real>(header, read, {}, 0, 1, once);
  quantization::decode_rotated<Real>(header, read, {}, 0, 3, twice);
  CHECK(once == twice);
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < x.size(); ++i) error += std::pow(once[i] - x[i], 2), norm += std::pow(x[i], 2);
  CHECK(std::abs(error / norm - 0.1331) < 0.003);
}

void what_has_no_scale_is_refused() {
  for (const float bad : {NAN, INFINITY, -INFINITY, 3.4e38f}) {
    bool refused = false;
    try {
      encoded(std::vector<float>(100, bad), 64, 1);
    } catch (const bh::InvalidInput&) {
      refused = true;
    }
    CHECK(refused);
  }
}

}  // namespace

int main() {
  golden_signs();
  signs_belong_to_positions();
  a_rotation_keeps_lengths_and_is_undone_by_its_inverse();
  bytes_are_the_same_everywhere<float>(0xea2ba37b);
  bytes_are_the_same_everywhere<double>(0xe3e82fe6);
  what_has_no_scale_is_refused();
}
