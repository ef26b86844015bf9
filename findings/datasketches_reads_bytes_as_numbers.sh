#!/usr/bin/env bash
# DataSketches takes bytes that look like a number for that number: b"00501", b"501" and 501 are one key.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check datasketches==5.2.0
"$folder/bin/python" - <<'END'
import sys
from importlib.metadata import version

import datasketches

SKETCHES = {
    "cpc_sketch": lambda: datasketches.cpc_sketch(12),
    "hll_sketch": lambda: datasketches.hll_sketch(12),
    "update_theta_sketch": lambda: datasketches.update_theta_sketch(14),
}
texts = [form % n for n in range(10_000) for form in ("%d", "%05d", "%08d")]  # as in codes of places, articles, accounts
print(f"datasketches {version('datasketches')}: estimates for {len(set(texts)):,} distinct codes of digits")
print(f"{'':20}{'as str':>10}{'as bytes':>10}")
same = True
for name, make in SKETCHES.items():
    of_text, of_bytes = make(), make()
    for text in texts:
        of_text.update(text)
        of_bytes.update(text.encode())
    print(f"{name:20}{of_text.get_estimate():10.0f}{of_bytes.get_estimate():10.0f}")
    same &= of_text.get_estimate() > 25_000 and of_bytes.get_estimate() < 11_000

counts = datasketches.count_min_sketch(5, 1024)
for key in (b"00501", b"501", 501):
    counts.update(key)
try:
    counts.update(b"EC1A")
    letters = "is counted"
except TypeError:
    letters = "raises a TypeError"
print(f"count_min_sketch counts b'00501', b'501' and 501, once each, as {counts.get_estimate(501):.0f} of one key; b'EC1A' {letters}")
print("""
The functions of integers come first, and turn what they get into one as int() does, which reads bytes of digits. Decode
bytes to str before they go into such a sketch.""")
same &= counts.get_estimate(501) == 3 and letters == "raises a TypeError"
sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
