// Special functions that the closed forms of queues need and numpy lacks.
#pragma once

namespace bh {

// P(N > z) for a standard normal N; exact to the last bits in both tails.
double normal_tail(double z);

// The z with P(N < z) = p; -inf and inf at 0 and 1, nan outside.
double normal_quantile(double p);

// P(X > x) for a Gamma(a, 1) variable X, a > 0.
double gamma_tail(double a, double x);

}  // namespace bh
