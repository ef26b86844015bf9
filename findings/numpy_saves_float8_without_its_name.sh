#!/usr/bin/env bash
# numpy.save writes arrays of ml_dtypes without a word, but bfloat16 comes back as bytes, two float8 cannot be told apart, and a third is refused.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check numpy==2.4.6 ml_dtypes==0.6.0
cd "$folder"
"$folder/bin/python" - <<'END'
import sys
from importlib.metadata import version

import ml_dtypes
import numpy as np

print(*(f"{name} {version(name)}" for name in ("numpy", "ml_dtypes")), sep=", ")
found = {}
for name in ("bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"):
    np.save("x.npy", np.arange(4).astype(getattr(ml_dtypes, name)))
    with open("x.npy", "rb") as stream:
        written = stream.read(40).partition(b"'descr': '")[2].partition(b"'")[0].decode()
    try:
        read = str(np.load("x.npy").dtype)
    except ValueError as error:
        read = f"ValueError: {error}"
    found[name] = (written, read.partition(":")[0])
    print(f"  {name:16} is saved as {written}, and loaded as {read}")
print("""
The file does not say which float8 it holds, so whoever reads it must be told; float8_e5m2 is saved as <f1, a name that numpy
gives itself and does not know. Save a view as uint8 or uint16 and note the dtype, or take safetensors.""")
expected = [("<V2", "|V2"), ("<V1", "|V1"), ("<V1", "|V1"), ("<f1", "ValueError"), ("<V1", "|V1")]
sys.exit(0 if list(found.values()) == expected else "THE BEHAVIOR HAS CHANGED")
END
