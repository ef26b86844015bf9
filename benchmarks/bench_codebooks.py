"""Codebooks of 16 levels for the layers of a language model: ours beside torchao's own k-means, one thread, same run.

The flow of torchao scales each row and shares one codebook: 1 number a row, where "one a row" has 16.

Seven layers shrunk to a 64th for all; with --full, ours then also makes all 112 of a model of 1 B parameters (16 blocks
of width 2048), for which torchao's k-means would need hours. Weights are synthetic: t(4) in each row, rows of unequal
size, as bfloat16.

Not for you when codebooks are of vectors: torchao's k-means knows blocks of several weights, this library does not. Nor
when weights change in every step: torch's linear formats need no search.
"""

import argparse
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

WIDTH, HIDDEN, KEYS, BLOCKS = 2048, 8192, 512, 16
SHAPES = {
    "query": (WIDTH, WIDTH),
    "key": (KEYS, WIDTH),
    "value": (KEYS, WIDTH),
    "output": (WIDTH, WIDTH),
    "gate": (HIDDEN, WIDTH),
    "up": (HIDDEN, WIDTH),
    "down": (WIDTH, HIDDEN),
}
Contender = Callable[[Any], Any]  # a weight to what it became


def layers(full: bool) -> Iterator[np.ndarray]:
    """The weight of each layer."""
    shrink, blocks = (1, BLOCKS) if full else (8, 1)
    random = np.random.default_rng(0)
    for _ in range(blocks):
        for rows, columns in SHAPES.values():
            shape = rows // shrink, columns // shrink
            size = random.lognormal(-4, 0.3, (shape[0], 1)).astype(np.float32)
            # t(4): a normal value over the root of a chi-square one, which is twice a gamma one
            normal = random.standard_normal(shape, np.float32)
            yield normal / np.sqrt(random.standard_gamma(2.0, shape, np.float32) / 2) * size


def contenders(torch: Any) -> dict[str, Contender]:
    """Each turns a weight into the weight that comes back."""
    from torchao.prototype.quantization.codebook import CodebookQuantizedTensor
    from torchao.prototype.quantization.codebook.codebook_ops import fit_kmeans

    from beforehand.integrations.torch import codebook

    def k_means(weight: Any) -> Any:
        return fit_kmeans(weight.float().reshape(-1, 1), 16)[2].reshape(weight.shape)

    def flow(weight: Any) -> Any:
        return CodebookQuantizedTensor.from_float(weight, (1, 1), torch.uint4, weight.shape[1]).dequantize()

    return {
        "beforehand, one codebook": lambda weight: codebook(weight, 16).dequantize(),
        "torchao k-means, one codebook": k_means,
        "beforehand, one a row": lambda weight: codebook(weight, 16, axis=0).dequantize(),
        "torchao flow, scaled rows": flow,
    }


def measured(torch: Any, jobs: dict[str, Contender], full: bool) -> tuple[int, dict[str, float], dict[str, float]]:
    """The number of weights, and for each contender seconds of processor time and the error over the squared norm."""
    spent, error = dict.fromkeys(jobs, 0.0), dict.fromkeys(jobs, 0.0)
    count, norm = 0, 0.0
    for weight in layers(full):
        given = torch.from_numpy(weight).to(torch.bfloat16)
        count += given.numel()
        norm += float((given.double() ** 2).sum())
        for name, job in jobs.items():
            start = time.thread_time()
            again = job(given)
            spent[name] += time.thread_time() - start
            error[name] += float(((again.double() - given.double()) ** 2).sum())
    return count, spent, {name: lost / norm for name, lost in error.items()}


def main() -> None:
    """Print time and error of each contender, over all layers."""
    parser = argparse.ArgumentParser(description="Codebooks for the layers of a language model.")
    parser.add_argument("--full", action="store_true", help="ours for all layers of 1 B parameters, some minutes more")
    full = parser.parse_args().full
    try:
        import torch
        import torchao
    except ImportError:
        print("torch and torchao are missing: make bench-torch has them, or pip install torch torchao")
        return
    warnings.simplefilter("ignore")  # what torchao says of torch's functions in beta
    torch.set_num_threads(1)
    jobs = contenders(torch)
    for job in jobs.values():
        job(torch.randn(16, 16))  # what is compiled or imported at first use

    count, spent, error = measured(torch, jobs, full=False)
    print(f"{count:,} bfloat16 weights, 16 levels, one thread, decoding included; error over squared norm;")
    print(f"torchao {torchao.__version__}, torch {torch.__version__}, {platform.machine()}\n")
    print(f"{'':<32}{'s':>10}{'ns/value':>10}{'error':>10}{'times ours':>12}{'its error':>11}")
    ours = ""
    for name in jobs:
        ours = name if name.startswith("beforehand") else ours
        print(
            f"{name:<32}{spent[name]:>10.2f}{1e9 * spent[name] / count:>10.0f}{error[name]:>10.5f}"
            f"{spent[name] / spent[ours]:>12.1f}{error[name] / error[ours]:>11.4f}"
        )
    if full:
        mine = {name: job for name, job in jobs.items() if name.startswith("beforehand")}
        total, seconds, _ = measured(torch, mine, full=True)
        print(f"\n{total:,} weights: {', '.join(f'{name} {seconds[name]:.0f} s' for name in mine)};")
        rivals = (f"{name} {spent[name] / count * total / 3600:.1f} h" for name in jobs if name not in mine)
        print(f"at the rates above {', '.join(rivals)}")


if __name__ == "__main__":
    main()
