#!/usr/bin/env bash
# Triton's interpreter cuts floats to bfloat16 and wraps them to float8; compiled kernels round, and stop at the largest.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/bin/pip" install -q --disable-pip-version-check --no-deps triton==3.9.0
cat >"$folder/run.py" <<'END'
import os
import re
import subprocess
import sys

import torch
import triton
import triton.language as tl

VALUES = [1 + 2**-8 + 2**-20, 1 + 3 * 2**-8, 464.0, 500.0]


@triton.jit
def cast(x, out, n: tl.constexpr):
    i = tl.arange(0, n)
    value = tl.load(x + i)
    tl.store(out + i, value.to(tl.bfloat16).to(tl.float32))
    tl.store(out + n + i, value.to(tl.float8e4nv).to(tl.float32))


def conversions():
    """Those of the kernel as it is compiled for an H100, for which no GPU is needed."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    signature = {"x": "*fp32", "out": "*fp32", "n": "constexpr"}
    made = triton.compile(ASTSource(cast, signature, {(2,): 128}), target=GPUTarget("cuda", 90, 32))
    return sorted(set(re.findall(r"cvt\.[\w.]*(?:bf16|e4m3x2)\.f32", made.asm["ptx"])))


if os.environ.get("TRITON_INTERPRET") == "1":
    out = torch.zeros(8)
    cast[(1,)](torch.tensor(VALUES), out, 4)
    print(*out.tolist())
    sys.exit()
command = [sys.executable, "-W", "ignore", __file__]
done = subprocess.run(command, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True, check=True)
interpreted = [float(word) for word in done.stdout.split()]
x = torch.tensor(VALUES)
right = x.bfloat16().tolist() + x.to(torch.float8_e4m3fn).float().tolist()
print(f"triton {triton.__version__}; compiled for sm_90: {', '.join(conversions())}")
for i, name in enumerate(["bfloat16"] * 4 + ["float8e4nv"] * 4):
    print(f"{VALUES[i % 4]:<12.9g} to {name:<11}: interpreted {interpreted[i]:<11g} torch {right[i]:g}")
print("""
Compiled, both casts round to the nearest (.rn), and float8 stops at 448 (.satfinite), as in torch. So errors measured under
TRITON_INTERPRET=1 are biased toward zero, and float8 is garbage beyond 448: cast outside of the kernel in such tests.""")
same = conversions() == ["cvt.rn.bf16.f32", "cvt.rn.satfinite.e4m3x2.f32"]
same = same and interpreted == [1.0, 1.0078125, 464.0, 500.0, 1.0, 1.0, 480.0, 256.0] != right
sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
"$folder/bin/python" -W ignore "$folder/run.py"
