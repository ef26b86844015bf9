#include "support/special.h"

#include <cmath>
#include <cstddef>
#include <limits>

namespace bh {
namespace {

template <std::size_t N>
double horner(const double (&coefficients)[N], double x) {
  double sum = coefficients[N - 1];
  for (std::size_t i = N - 1; i-- > 0;) sum = sum * x + coefficients[i];
  return sum;
}

// Rational approximations of Wichura's algorithm AS 241 (Applied Statistics 37(3), 1988), good to 1e-16.
constexpr double center_over[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                  1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                  3.3430575583588128105e4, 2.5090809287301226727e3};
constexpr double center_under[] = {1.0,
                                   4.2313330701600911252e1,
                                   6.8718700749205790830e2,
                                   5.3941960214247511077e3,
                                   2.1213794301586595867e4,
                                   3.9307895800092710610e4,
                                   2.8729085735721942674e4,
                                   5.2264952788528545610e3};
constexpr double side_over[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr double side_under[] = {1.0,
                                 2.05319162663775882187e0,
                                 1.67638483018380384940e0,
                                 6.89767334985100004550e-1,
                                 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2,
                                 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9};
constexpr double far_over[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                               2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr double far_under[] = {1.0,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};

}  // namespace

double normal_tail(double z) { return 0.5 * std::erfc(z * 0.70710678118654752440); }

double normal_quantile(double p) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * horner(center_over, r) / horner(center_under, r);
  }
  const double tail = q < 0 ? p : 1.0 - p;
  if (!(tail >= 0)) return std::numeric_limits<double>::quiet_NaN();
  if (tail == 0) return q < 0 ? -infinity : infinity;
  const double r = std::sqrt(-std::log(tail));
  const double z = r <= 5.0 ? horner(side_over, r - 1.6) / horner(side_under, r - 1.6)
                            : horner(far_over, r - 5.0) / horner(far_under, r - 5.0);
  return q < 0 ? -z : z;
}

double gamma_tail(double a, double x) {
  if (!(x > 0)) return 1.0;
  if (std::isinf(x)) return 0.0;
  const double scale = std::exp(a * std::log(x) - x - std::lgamma(a));
  constexpr double epsilon = std::numeric_limits<double>::epsilon() / 4;
  if (x < a + 1) {  // the power series of the lower part
    double term = 1 / a, sum = term;
    for (double n = a + 1; term > sum * epsilon; ++n) sum += term *= x / n;
    return 1.0 - scale * sum;
  }
  // Lentz's way through the continued fraction 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - ...)); no denominator
  // vanishes, as x >= a + 1.
  double b = x + 1 - a, c = std::numeric_limits<double>::max(), d = 1 / b, fraction = d;
  for (int n = 1; n < 1000; ++n) {
    const double numerator = n * (a - n);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    fraction *= c * d;
    if (std::abs(c * d - 1) < 2 * epsilon) break;
  }
  return scale * fraction;
}

}  // namespace bh
