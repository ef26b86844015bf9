#!/usr/bin/env bash
# KBinsDiscretizer(strategy="kmeans") finds the means of its bins, and turns values back to the middles instead.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check numpy==2.4.6 scikit-learn==1.9.1
"$folder/bin/python" - <<'END'
import sys
from importlib.metadata import version

import numpy as np
from sklearn.preprocessing import KBinsDiscretizer

x = np.random.default_rng(0).lognormal(size=10_000)
bins = KBinsDiscretizer(4, encode="ordinal", strategy="kmeans").fit(x[:, None])
code = bins.transform(x[:, None])
back = bins.inverse_transform(code)[:, 0]
means = np.array([x[code[:, 0] == i].mean() for i in range(4)])
edges = bins.bin_edges_[0]
by_bins, by_means = ((x - back) ** 2).mean(), ((x - means[code[:, 0].astype(int)]) ** 2).mean()

print(f"scikit-learn {version('scikit-learn')}: KBinsDiscretizer(4, strategy='kmeans') on 10,000 log-normal values")
print("the values come back as       ", np.unique(back).round(2))
print("the middles of the bins are   ", ((edges[1:] + edges[:-1]) / 2).round(2))
print("the means of what is in them  ", means.round(2))
print(f"mean squared error             {by_bins:.3f} with the first, {by_means:.3f} with the last: {by_bins / by_means:.1f} times")
print("""
The strategy fits one-dimensional k-means, whose centers are the best values to stand for a bin, but only the edges between
them are kept, and inverse_transform answers with the middle between two edges. For skewed data keep the means of the
training values by bin yourself, as above.""")
same = np.allclose(np.unique(back), (edges[1:] + edges[:-1]) / 2) and by_bins > 1.5 * by_means
sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
