#!/usr/bin/env bash
# safetensors.numpy.save writes bfloat16 and float8 of ml_dtypes, but load of the same bytes ends in a KeyError; safe_open reads the first only.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check numpy==2.4.6 ml_dtypes==0.6.0 safetensors==0.8.0
cd "$folder"
"$folder/bin/python" - <<'END'
import sys
from importlib.metadata import version

import ml_dtypes
import numpy as np
from safetensors import safe_open
from safetensors.numpy import load, save, save_file

print(*(f"{name} {version(name)}" for name in ("numpy", "ml_dtypes", "safetensors")), sep=", ")
found = []
for name in ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"):
    arrays = {"w": np.arange(4).astype(getattr(ml_dtypes, name, name))}
    save_file(arrays, "x.safetensors")
    for what, read in (
        ("load", lambda: load(save(arrays))["w"]),
        ("safe_open", lambda: safe_open("x.safetensors", framework="np").get_tensor("w")),
    ):
        try:
            told = str(read().dtype)
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
        found.append(told.partition(":")[0])
        print(f"  {name:14} by {what:10}{told}")
print("""
A model in bfloat16, as most are, cannot be read in numpy by load(), though save() wrote it; safe_open() reads it where ml_dtypes
is installed, but no float8. The numbers lie behind the header as they are (8 bytes of length, then JSON with their places), and
can be taken from there as uint16 or uint8.""")
expected = ["float16", "float16", "KeyError", "bfloat16", "KeyError", "AttributeError", "KeyError", "AttributeError"]
sys.exit(0 if found == expected else "THE BEHAVIOR HAS CHANGED")
END
