#!/usr/bin/env bash
# gguf 0.19.0: `dequantize` reads Q4_K, Q6_K and IQ4_NL, but `quantize` raises a bare NotImplementedError for them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q gguf==0.19.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

print("gguf", version("gguf"), "numpy", np.__version__)
x = np.random.default_rng(0).standard_normal((4, 256)).astype(np.float32)
written = []
for name in ("Q4_0", "Q8_0", "MXFP4", "Q4_K", "Q6_K", "IQ4_NL"):
    kind = GGMLQuantizationType[name]
    values, size = GGML_QUANT_SIZES[kind]
    read = quants.dequantize(np.zeros((4, 256 // values * size), np.uint8), kind)  # a block of zeros is valid
    assert read.shape == x.shape, name
    try:
        back = quants.dequantize(quants.quantize(x, kind), kind)
    except NotImplementedError as error:
        print(f"{name}: read, not written: NotImplementedError({str(error)!r})")
        assert str(error) == ""
    else:
        written.append(name)
        print(f"{name}: read and written, {8 * size / values} bits, NMSE {((back - x) ** 2).sum() / (x**2).sum():.5f}")
assert written == ["Q4_0", "Q8_0", "MXFP4"], written
PYTHON
cat <<'END'
What it means: formats of GGUF with smaller errors can be compared in Python only by files that were written elsewhere, or by
a writer of one's own. One that takes the scale of a block's largest value is a weaker rival than one that searches for it.
END
