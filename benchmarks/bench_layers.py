"""Layers with packed weights beside NF4 as torchao keeps it, and beside floats: error, bytes, time of a forward pass.

Weights are drawn: t(4) in each row, rows of unequal size; for those of real models see bench_scaled.py. Both formats
decode the whole weight in each forward pass, on one thread.

Not for you when speed counts more than memory: floats are faster, and so are formats with kernels of their own on GPUs.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from report import keep, options, show

from beforehand.reporting import Sheet

ROWS, COLUMNS = 2048, 2048


def weight(torch: Any) -> Any:
    """Rows of different size with some large values, as trained layers have."""
    random = np.random.default_rng(0)
    made = random.standard_t(4, (ROWS, COLUMNS)) * random.lognormal(-4, 0.4, (ROWS, 1))
    return torch.from_numpy(made.astype(np.float32))


def contenders(torch: Any) -> dict[str, tuple[Any, Callable[[Any], Any], float]]:
    """A layer, how it is run, and the bytes of its weight."""
    from torchao.quantization import to_nf4

    from beforehand.integrations.torch import quantize_layers

    def layer() -> Any:
        made = torch.nn.Linear(COLUMNS, ROWS, bias=False)
        made.weight = torch.nn.Parameter(weight(torch), requires_grad=False)
        return made

    floats, theirs, nf4 = layer(), layer(), to_nf4(weight(torch), 64, 256)
    theirs.weight = torch.nn.Parameter(nf4, requires_grad=False)
    found = {"floats": (floats.weight, floats, float(floats.weight.nbytes))}
    held = sum(getattr(nf4, name).nbytes for name in ("quantized_data", "quantized_scalers", "quantization_factor"))
    found["NF4 of torchao"] = nf4.get_original_weight(), theirs, float(held)
    for name, chosen in {
        "beforehand, scaled blocks": {},
        "beforehand, a codebook for each row": {"method": "exact", "axis": 0},
        "beforehand, 256 levels, scaled blocks": {"n_levels": 256},
    }.items():
        packed = layer()
        quantize_layers(packed, **chosen)
        found[name] = packed.weight, packed, float(sum(each.nbytes for each in packed.state_dict().values()))
    return found


def spent(work: Callable[[], Any]) -> float:
    """The least processor time of several runs, in seconds."""
    found = []
    for _ in range(9):
        start = time.thread_time()
        work()
        found.append(time.thread_time() - start)
    return min(found)


def main() -> None:
    """Measure, print, and keep."""
    chosen = options(__doc__ or "").parse_args()
    try:
        import torch
        import torchao
    except ImportError:
        print("torch and torchao are missing: make bench-torch has them, or pip install torch torchao")
        return
    torch.set_num_threads(1)
    original, rows = weight(torch).double(), []
    one, many = torch.randn(1, COLUMNS), torch.randn(256, COLUMNS)
    with torch.no_grad():
        for name, (decoded, run, held) in contenders(torch).items():
            error = float(((decoded.double() - original) ** 2).sum() / (original**2).sum())
            times = [f"{1e3 * spent(lambda run=run, x=x: run(x)):.1f}" for x in (one, many)]
            rows.append([name, f"{8 * held / original.numel():.2f}", f"{error:.3g}", *times])
    sheet = Sheet(
        title=f"A linear layer of {ROWS} x {COLUMNS}, float32, one thread",
        columns=["", "bits a weight", "error", "1 row, ms", "256 rows, ms"],
        rows=rows,
        below=f"torch {torch.__version__}, torchao {torchao.__version__}. Error: squared, over the squared norm.",
    )
    show(sheet)
    if chosen.output:
        keep([sheet], chosen.output)


if __name__ == "__main__":
    main()
