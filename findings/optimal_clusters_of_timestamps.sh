#!/usr/bin/env bash
# Libraries that promise the optimal clusters of numbers give wrong ones for Unix time stamps.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check numpy==2.4.6 kmeans1d==0.5.0 jenkspy==0.4.1 ckwrap==1.2.3
"$folder/bin/python" - <<'END'
import sys
from importlib.metadata import version

import ckwrap
import jenkspy
import kmeans1d
import numpy as np

groups, each, spread, apart = 4, 300, 1.0, 10.0  # events in four bursts: 300 within some seconds, ten seconds apart
random = np.random.default_rng(0)
seconds = np.concatenate([random.normal(apart * i, spread, each) for i in range(groups)])
LIBRARIES = {
    "kmeans1d": lambda x: kmeans1d.cluster(x, groups)[0],
    "jenkspy": lambda x: np.searchsorted(jenkspy.jenks_breaks(x, groups)[1:-1], x, side="left"),
    "ckwrap": lambda x: ckwrap.ckmeans(x, groups).labels,
}


def error(labels):
    """Sum of squared distances to the means of the clusters, worked out on small numbers."""
    parts = [seconds[np.asarray(labels) == label] for label in set(np.asarray(labels))]
    return sum(((part - part.mean()) ** 2).sum() for part in parts)


print(f"{groups} bursts of {each} events; squared error of the clusters by where time starts")
print(f"{'':17}{'first burst':>12}{'1970':>12}")
changed = False
for name, cluster in LIBRARIES.items():
    small, large = (error(cluster(seconds + start)) for start in (0.0, 1.7e9))
    print(f"{name:9} {version(name):6} {small:12.0f}{large:12.0f}")
    changed |= (large > 10 * small) != (name in ("kmeans1d", "jenkspy"))

print("""
kmeans1d and jenkspy take the variance of a part as a difference of two sums of squares. Near 1.7e9 a square has no digits
left for a second. No error and no warning: subtract the smallest value before you cluster time stamps, prices in cents or
coordinates in meters. ckwrap does that by itself.""")
sys.exit("THE BEHAVIOR HAS CHANGED" if changed else 0)
END
