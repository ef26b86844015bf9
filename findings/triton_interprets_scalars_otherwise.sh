#!/usr/bin/env bash
# Triton's interpreter computes with scalar arguments in other types than the kernel that it stands for: float64, and uint32.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/bin/pip" install -q --disable-pip-version-check --no-deps triton==3.9.0
cat >"$folder/run.py" <<'END'
import os
import re
import sys

import torch
import triton
import triton.language as tl


@triton.jit
def floats(out, a, b):
    tl.store(out, (a + b) - a)


@triton.jit
def whole(out, n):
    tl.store(out, n + n)


def compiled(kernel, types):
    """The additions of the kernel as it is compiled, for which no GPU is needed."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    made = triton.compile(ASTSource(fn=kernel, signature=types), target=GPUTarget("cuda", 90, 32))
    return re.findall(r"arith\.(add\w) .* : (\w+)", made.asm["ttir"])


if os.environ.get("TRITON_INTERPRET") == "1":
    f, i = torch.zeros(1), torch.zeros(1, dtype=torch.int64)
    floats[(1,)](f, 1e8, 1.0)
    whole[(1,)](i, 3_000_000_000)
    print(f.item(), i.item())
    sys.exit()
interpreted = os.popen(f"TRITON_INTERPRET=1 {sys.executable} -W ignore {__file__}").read().split()
single = (torch.tensor(1e8) + 1.0 - torch.tensor(1e8)).item()
types = compiled(floats, {"out": "*fp32", "a": "fp32", "b": "fp32"}), compiled(whole, {"out": "*i64", "n": "i64"})
print(f"triton {triton.__version__}: kernel(out, a=1e8, b=1.0) stores (a + b) - a; kernel(out, n=3_000_000_000) stores n + n")
print(f"compiled:    {' '.join(types[0][0])} gives {single}; {' '.join(types[1][0])} gives {6_000_000_000}")
print(f"interpreted: {interpreted[0]}; {interpreted[1]}")
print("""
A test under TRITON_INTERPRET=1 can pass where the kernel on a GPU is wrong, and the reverse. Tensors are computed in their
types: pass such scalars as tensors of one element. For a float, a = tl.full((), a, tl.float32) in the kernel does as well.""")
same = types == ([("addf", "f32")], [("addi", "i64")]) and single == 0 and interpreted == ["1.0", "1705032704"]
sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
"$folder/bin/python" -W ignore "$folder/run.py"
