#!/usr/bin/env bash
# pyarrow ends a string of a numpy array at its first NUL: rows that differ become equal on their way into Arrow or Parquet.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check numpy==2.4.6 pyarrow==26.0.1
"$folder/bin/python" - <<'END'
import struct
import sys

import numpy as np
import pyarrow as pa

ids = [struct.pack(">IH", customer, 443) for customer in range(1000)]  # keys packed from numbers have zeros inside
array = np.array(ids)
held, listed = len(set(array.tolist())), len(set(pa.array(ids).to_pylist()))
cut = len(set(pa.array(array).to_pylist()))
text = pa.array(np.array(["a\0b", "a\0c"])).to_pylist()
print(f"pyarrow {pa.__version__}: distinct keys of 6 bytes among {len(ids):,}")
print(f"numpy holds {held:,}; pa.array of a list {listed:,}; pa.array of the numpy array {cut:,}")
print(f"and of str: ['a\\0b', 'a\\0c'] becomes {text}")
print("""
numpy itself drops NULs only at the end. No error, no warning, and a group-by afterwards adds up what was apart. Give
pyarrow a list, pa.array(array.tolist()), where strings may hold a NUL.""")
sys.exit(0 if (held, listed) == (1000, 1000) and cut < 1000 and text == ["a", "a"] else "THE BEHAVIOR HAS CHANGED")
END
