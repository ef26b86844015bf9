"""Values of several distributions."""

import numpy as np

DRAW = {
    "normal": lambda r, n: r.standard_normal(n),
    "lognormal": lambda r, n: np.exp(r.standard_normal(n)),
    "exponential": lambda r, n: r.standard_exponential(n),
    "truncated": lambda r, n: (z := r.standard_normal(2 * n))[np.abs(z) <= 1][:n],
    "weibull": lambda r, n: r.weibull(1, n),
    "t3": lambda r, n: r.standard_t(3, n),
    "cauchy": lambda r, n: r.standard_cauchy(n),
    "heavy": lambda r, n: np.exp(3 * r.standard_normal(n)),
}
