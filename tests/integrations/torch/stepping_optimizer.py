"""Every kernel at work on a layer's weight while an optimizer takes its steps; a program, so that a crash is its own.

`python -m tests.integrations.torch.stepping_optimizer DTYPE SECONDS`
"""

import faulthandler
import sys
import threading
import time

import numpy as np
import torch

from beforehand.core.errors import InvalidInput
from beforehand.integrations.torch import codebook
from beforehand.quantization import Histogram, decode, encode, hadamard, levels, rotate


def step(layer: torch.nn.Linear, stop: threading.Event) -> None:
    """Take steps, of ordinary size and far too large, until told to stop."""
    x = torch.randn(32, layer.in_features, dtype=layer.weight.dtype)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    while not stop.is_set():
        for rate in (1e-2, 1e3, 1e6):
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            layer(x).square().mean().backward()
            optimizer.step()
        with torch.no_grad():
            layer.weight.normal_()


def main(dtype: str, seconds: float) -> None:
    """Run each kernel again and again."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(256, 256, dtype=getattr(torch, dtype))
    weight, still = layer.weight.detach(), torch.randn(256, 256)
    given, histogram = levels(still, 16), Histogram.like(still)
    kernels = {
        "exact": lambda: levels(weight, 16, method="exact"),
        "mse": lambda: levels(weight, 16, objective="mse", axis=0),
        "weights": lambda: levels(still, 16, method="exact", weights=weight.abs()),
        "histogram": lambda: levels(weight, 16, method="histogram"),
        "update": lambda: histogram.update(weight),
        "encode": lambda: encode(weight, given, seed=1, outside="clip").indices(),
        "rotated": lambda: decode(encode(weight, levels(weight, 16, method="rotation"), seed=1)),
        "rotate": lambda: rotate(weight, seed=1),
        "hadamard": lambda: hadamard(weight),
    }
    if dtype != "float64":
        kernels["codebook"] = lambda: codebook(layer.weight, 16, axis=0)
    stop = threading.Event()
    thread = threading.Thread(target=step, args=(layer, stop))
    thread.start()
    try:
        for name, kernel in kernels.items():
            end, done = time.monotonic() + seconds / len(kernels), 0
            while not done or time.monotonic() < end:
                done += 1
                try:
                    with np.errstate(all="ignore"):
                        kernel()
                except InvalidInput:
                    pass
            print(f"{dtype}, {name}: {done}", flush=True)
    finally:
        stop.set()
        thread.join()
    histogram._native.check_invariants()


if __name__ == "__main__":
    faulthandler.enable()
    main(sys.argv[1], float(sys.argv[2]))
