#!/usr/bin/env bash
# Triton's / and tl.sqrt of float32 are approximations on NVIDIA's GPUs, where torch's and C's are exact; its interpreter hides it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check triton==3.9.0
cat >"$folder/run.py" <<'END'
import re
import sys

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def plain(x, y, out):
    tl.store(out, tl.load(x) / tl.load(y))
    tl.store(out + 1, tl.sqrt(tl.load(x)))


@triton.jit
def exact(x, y, out):
    tl.store(out, tl.div_rn(tl.load(x), tl.load(y)))
    tl.store(out + 1, tl.sqrt_rn(tl.load(x)))


def instructions(kernel):
    """Those that divide and take roots, as compiled for an H100, for which no GPU is needed."""
    source = ASTSource(fn=kernel, signature=dict.fromkeys(["x", "y", "out"], "*fp32"))
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"enable_fp_fusion": False})
    return sorted(re.findall(r"\s((?:div|sqrt)\.[\w.]+)", made.asm["ptx"]))


found = {kernel.__name__: instructions(kernel) for kernel in (plain, exact)}
print(f"triton {triton.__version__}, sm_90, float32")
print(f"x / y, tl.sqrt(x)              -> {', '.join(found['plain'])}")
print(f"tl.div_rn(x, y), tl.sqrt_rn(x) -> {', '.join(found['exact'])}")
print("""
PTX allows div.full errors of two units in the last place, and .ftz makes a subnormal x zero before its root is taken: so
a kernel need not agree with the operator of torch that it replaces. Where bits count (quantization, replicas, a scale that
every rank computes) say div_rn and sqrt_rn, or multiply by an inverse that the host made.""")
same = found == {"plain": ["div.full.f32", "sqrt.approx.ftz.f32"], "exact": ["div.rn.f32", "sqrt.rn.f32"]}
sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
"$folder/bin/python" -W ignore "$folder/run.py"
