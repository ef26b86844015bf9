#!/usr/bin/env bash
# torch turns float64 into float16 by way of float32: numbers below the largest half become infinite, and ties are not numpy's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6 ml_dtypes==0.6.0
"$folder/bin/python" -W ignore - <<'END'
import sys
from fractions import Fraction

import ml_dtypes
import numpy as np
import torch

VALUES = [65519.999999, 1 + 2**-11 + 2**-40]
EIGHT_BITS = 1 + 2**-8 + 2**-40


def nearest(value, step):
    """The nearest multiple of step; no value here is a tie."""
    return float(round(Fraction(value) / Fraction(step)) * Fraction(step))


half = torch.tensor(VALUES, dtype=torch.float64).half().tolist()
numpys = np.array(VALUES).astype(np.float16).astype(float).tolist()
exact = [nearest(VALUES[0], 32), nearest(VALUES[1], 2**-10)]
bfloat = torch.tensor(EIGHT_BITS, dtype=torch.float64).bfloat16().item()
ml = float(np.float64(EIGHT_BITS).astype(ml_dtypes.bfloat16))
print(f"torch {torch.__version__}, numpy {np.__version__}, ml_dtypes {ml_dtypes.__version__}: from float64")
for value, ours, theirs, right in zip(VALUES, half, numpys, exact):
    print(f"{value!r:>20} to float16:  torch {ours}, numpy {theirs}, nearest {right}")
print(f"{EIGHT_BITS!r:>20} to bfloat16: torch {bfloat}, ml_dtypes {ml}, nearest {nearest(EIGHT_BITS, 2**-7)}")
print("""
Rounded to float32 first, a value just below a tie becomes the tie. A range check in float64 (x < 65520) does not keep
infinity out of a half tensor, and a golden file made by numpy differs from torch: convert to float32 on both sides, then down.""")
same = half == [float("inf"), 1.0] and numpys == exact and bfloat == ml == 1.0 != nearest(EIGHT_BITS, 2**-7)
sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
