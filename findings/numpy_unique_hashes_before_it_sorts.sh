#!/usr/bin/env bash
# Since numpy 2.3 np.unique puts integers into a hash table before it sorts them: many times as long as sorting alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/finding.py" <<'END'
import sys
import time

import numpy as np


def seconds(call):
    took = []
    for _ in range(3):
        began = time.thread_time()
        call()
        took.append(time.thread_time() - began)
    return min(took)


def by_sorting(values):
    ordered = np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


drawn = np.random.default_rng(0).integers(0, 2**64, 10**6, dtype=np.uint64)
ways = {
    "np.unique": np.unique,
    "np.unique with counts": lambda values: np.unique(values, return_counts=True)[0],
    "np.sort, then neighbors compared": by_sorting,
}
print(f"numpy {np.__version__}: a million integers of 64 bits, no two alike")
took = {name: seconds(lambda way=way: way(drawn)) for name, way in ways.items()}
for name, way in ways.items():
    assert (way(drawn) == by_sorting(drawn)).all()
    print(f"{1000 * took[name]:8.0f} ms  {name}")
sys.exit(0 if took["np.unique"] > 4 * took["np.sort, then neighbors compared"] else 1)
END
"${PYTHON:-python3}" -m venv "$folder"
pip=("$folder/bin/pip" install -q --disable-pip-version-check)
"${pip[@]}" numpy==2.2.6
"$folder/bin/python" "$folder/finding.py" && { echo "THE BEHAVIOR HAS CHANGED"; exit 1; }
"${pip[@]}" numpy==2.4.6
"$folder/bin/python" "$folder/finding.py" || { echo "THE BEHAVIOR HAS CHANGED"; exit 1; }
echo
echo "The table is larger than the caches where most values differ, as keys and ids do. Asked for counts or positions as well,"
echo "np.unique still sorts, so that asking for more is faster. For keys sort them and compare neighbors."
