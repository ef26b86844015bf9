// The kinds of data that break solvers: flat, skewed, heavy-tailed, shifted, repeated, clustered, filled up.
#pragma once
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace bh::quantization {

constexpr int kFamilies = 17;

inline std::vector<double> family(int kind, std::size_t n, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  std::exponential_distribution<double> exponential;
  std::uniform_real_distribution<double> uniform;
  std::vector<double> x(n);
  const double step = uniform(random) + 0.1, apart = std::pow(10.0, 12 * uniform(random));
  const double fills[] = {-2147483648.0, -9999.0, 1e20, 0.0};
  const double fill = fills[random() % 4];
  for (std::size_t i = 0; i < n; ++i) {
    const double z = normal(random);
    switch (kind) {
      case 0: x[i] = z; break;
      case 1: x[i] = std::exp(z); break;
      case 2: x[i] = exponential(random); break;
      case 3: x[i] = std::round(8 * z); break;
      case 4: x[i] = 1e8 + z; break;
      case 5: x[i] = std::exp(4 * z); break;
      case 6: x[i] = uniform(random) < 0.75 ? 0 : 10 * z; break;
      case 7: x[i] = z / normal(random); break;
      case 8: x[i] = std::floor(100 * uniform(random)); break;
      case 9: x[i] = static_cast<double>(i) * step; break;
      case 10: x[i] = i == 0 ? 1e8 : i == 1 ? -1e8 : z; break;
      case 11: x[i] = static_cast<double>(static_cast<float>((i % 2 ? 1000 : 0) + z)); break;
      case 12: x[i] = (i % 2 ? apart : 0) + z; break;
      case 13: x[i] = static_cast<double>(i % 5) * apart + z; break;
      case 14: x[i] = uniform(random) < 0.6 ? fill : z; break;
      case 15: x[i] = uniform(random) < 0.3 ? fill : uniform(random) < 0.3 ? -1e15 : 1000 + z; break;
      case 16: x[i] = std::pow(10.0, 30 * uniform(random) - 15); break;
    }
  }
  return x;
}

}  // namespace bh::quantization
