"""Draw how many row groups of a Parquet file a range has to read: by their bounds, by range filters, and at least."""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from matplotlib.figure import Figure

from beforehand.integrations.parquet import RangeIndex

GROUPS = 50
ASKED = 40  # ranges of each length
BITS = (8, 12, 16)
BELOW = 2**50  # of ids


def kept(lo: np.ndarray, width: int, index: RangeIndex) -> float:
    """The mean share of row groups."""
    return float(np.mean([sum(map(len, index.prune("id", int(at), int(at) + width).values())) for at in lo])) / GROUPS


def main(size: int, output: str) -> None:
    """Draw the picture of `size` rows into the file `output`."""
    random = np.random.default_rng(0)
    ids = random.integers(0, BELOW, max(size, GROUPS))
    ids = ids[: len(ids) // GROUPS * GROUPS]
    gap = BELOW // len(ids)
    widths = np.unique(np.geomspace(max(gap // 100, 1), 64 * gap, 25).astype(np.int64)).tolist()
    lo = random.integers(BELOW // 10, BELOW // 2, ASKED)
    held = ids.reshape(GROUPS, -1)
    lines = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        pq.write_table(pa.table({"id": ids}), path, row_group_size=len(ids) // GROUPS)
        for bits in BITS:
            index = RangeIndex.build(path, columns=["id"], bits_per_key=bits)
            lines[f"filters of {bits} bits a value"] = [kept(lo, width, index) for width in widths]
    least = [np.mean([((held >= at) & (held <= at + width)).any(axis=1).mean() for at in lo]) for width in widths]
    spanned = np.mean([((held.min(axis=1) <= at) & (held.max(axis=1) >= at)).mean() for at in lo])
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    across = np.array(widths) / gap
    axes.plot(across, [spanned] * len(widths), color="0.5", label="bounds of row groups")
    for name, line in lines.items():
        axes.plot(across, line, ".-", label=name)
    axes.plot(across, least, "k--", label="those that hold a row")
    axes.set_xscale("log")
    axes.set_xlabel("length of the range, in mean gaps between values")
    axes.set_ylabel("share of the row groups read")
    axes.set_title(f"{len(ids):,} rows that are not sorted, {GROUPS} row groups")
    axes.legend()
    figure.savefig(output)
    print(f"drew {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=200_000, help="how many rows")
    parser.add_argument("-o", "--output", default="row_groups_kept.svg", help="a .svg or .png file")
    arguments = parser.parse_args()
    main(arguments.size, arguments.output)
