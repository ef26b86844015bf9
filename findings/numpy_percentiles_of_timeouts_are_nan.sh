#!/usr/bin/env bash
# numpy's percentiles of times are nan where a timeout is written as inf, and np.nanpercentile's are, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check numpy==2.4.6
"$folder/bin/python" -W ignore - <<'END'
import sys

import numpy as np

times = np.array([0.2] * 60 + [np.inf] * 40)  # of a hundred requests, 40 never ended
shares = [50, 59, 60, 90, 99]
print(f"numpy {np.__version__}: 60 requests of 0.2 s, 40 that never ended (inf); none is nan")
print("  share of requests        ", *(f"{share:>6}" for share in shares))
found = {}
for name, take in {
    "np.percentile": np.percentile,
    "np.nanpercentile": np.nanpercentile,
    "..., method inverted_cdf": lambda times, shares: np.percentile(times, shares, method="inverted_cdf"),
}.items():
    found[name] = take(times, shares)
    print(f"  {name:25}", *(f"{value:6.1f}" for value in found[name]))
late = np.array([0.2, np.inf, np.inf, np.inf])
print(f"  of 3 late ones in 4: np.median {np.median(late)}, np.percentile(..., 50) {np.percentile(late, 50)}")
print("""
Percentiles are interpolated between two neighbors, and inf minus inf is nan even where both are the same inf; np.median
is not interpolated so, and differs. A mean over percentiles that leaves nan out, as np.nanmean does, then forgets just the
runs in which jobs never ended. Take a method that picks one of the values, such as inverted_cdf, or sort. Reported as
numpy's issues 12282 (2018) and 21091, both open.""")
wrong = all(np.isnan(found[name][3:]).all() for name in ("np.percentile", "np.nanpercentile"))
right = np.isinf(found["..., method inverted_cdf"][3:]).all() and np.isinf(np.median(late))
sys.exit(0 if wrong and right and np.isnan(np.percentile(late, 50)) else "THE BEHAVIOR HAS CHANGED")
END
