"""What every benchmark of levels shares: the data, the clock, and the yardstick, which is the fastest sort at hand."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SORT = """
import json, sys, time
import numpy as np
x = np.exp(np.random.default_rng(0).standard_normal(int(sys.argv[1]))).astype(np.float32)
times = []
for _ in range(9):
    start = time.thread_time()
    np.sort(x)
    times.append(time.thread_time() - start)
print(json.dumps(min(times)))
"""
MEMORY = """
import numpy as np
from beforehand.quantization import levels

def status(field):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(field))

x = np.exp(np.random.default_rng(0).standard_normal({size})).astype(np.float32)
levels(x[:8], {levels}, method="{method}")  # all code is loaded
open("/proc/self/clear_refs", "w").write("5")  # forget the peak so far
before = status("VmRSS")
levels(x, {levels}, method="{method}")
print(status("VmHWM") - before)
"""
WITHOUT_AVX512 = {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"}


def yardstick(size: int) -> float:
    """Seconds of the faster of two `np.sort` of float32: as it is, and without AVX-512, where that is crippled."""
    found = []
    for switches in ({}, WITHOUT_AVX512):
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SORT, str(size)],
            env={**os.environ, **switches}, capture_output=True, text=True,
        )  # fmt: skip
        if ran.returncode == 0:  # numpy refuses names of features that this processor does not have
            found.append(json.loads(ran.stdout))
    return min(found)


def memory(size: int, s: int, method: str) -> int:
    """Bytes above the input that levels of a LogNormal vector take at most, in a process of their own."""
    code = MEMORY.format(size=size, levels=s, method=method)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return 1024 * int(ran.stdout)


def truncated_normal(random: np.random.Generator, size: int) -> NDArray[np.float64]:
    """The first `size` standard normal values within [-1, 1]."""
    drawn = random.standard_normal(int(1.6 * size) + 100)
    return drawn[np.abs(drawn) <= 1][:size]


DATA: dict[str, Callable[[np.random.Generator, int], NDArray[np.float64]]] = {
    "LogNormal(0,1)": lambda random, size: np.exp(random.standard_normal(size)),
    "Normal(0,1)": lambda random, size: random.standard_normal(size),
    "Exponential(1)": lambda random, size: random.standard_exponential(size),
    "TruncNorm[-1,1]": truncated_normal,
    "Weibull(1,1)": lambda random, size: random.weibull(1.0, size),
}
