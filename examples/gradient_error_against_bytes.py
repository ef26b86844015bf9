"""Draw the error of a mean of gradients against the bytes that each worker sends, for families of codecs."""

import argparse

import numpy as np
from matplotlib.figure import Figure

from beforehand.gradients import THC, Adaptive, BlockInt, Cast, TopK, TopKChunked, simulate
from beforehand.workloads.gradient_samples import gradients

WORKERS, ROUNDS = 4, 12
FAMILIES = {
    "casts": [Cast("float16"), Cast("bfloat16")],
    "blocks of 4, 8 bits": [BlockInt(bits=4, block=32), BlockInt(bits=8)],
    "THC, 2 to 4 bits": [THC(bits=bits) for bits in (2, 3, 4)],
    "THC, lanes of 6 to 12 bits": [THC(bits="lane", lanes=lanes) for lanes in (6, 7, 8, 10, 12)],
    "adaptive levels": [Adaptive(bits=bits, block=1024) for bits in (2, 3, 4)],
    "chunks": [TopKChunked(bits_per_coordinate=bits, feedback="none") for bits in (0.5, 2, 8)],
    "largest values": [TopK(density=share, feedback="none") for share in (0.01, 0.1, 0.3)],
}


def main(size: int, output: str) -> None:
    """Draw the picture for gradients of `size` coordinates into the file `output`."""
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    structures = ("layers", "columns", "sparse")
    panels = figure.subplots(1, len(structures), sharex=True, sharey=True)
    for panel, structure in zip(panels, structures, strict=True):
        trace = gradients(structure, size=size, workers=WORKERS, seed=0)
        rows = trace["gradient"]
        for family, codecs in FAMILIES.items():
            found = [simulate(codec, rows, rounds=ROUNDS) for codec in codecs]
            sent = [one.bytes.total / size for one in found]
            errors = [np.mean(one.per_round[ROUNDS // 2 :]) for one in found]  # THC looks for its table at first
            drawn = panel.loglog(sent, errors, marker="o", markersize=3, label=family)
            if family.startswith("THC"):
                foretold = [codec.foretell(rows) for codec in codecs]
                panel.loglog(sent, foretold, "x", color=drawn[0].get_color(), label="foretold")
        panel.axhline(1, color="0.8", linewidth=1, zorder=0)  # as bad as sending zeros
        panel.axvline(8 * (WORKERS - 1) / WORKERS, color="0.8", linewidth=1, zorder=0)  # float32
        panel.set_ylim(1e-8, 2)
        panel.set_title(structure)
        panel.set_xlabel("bytes sent for each parameter")
    panels[0].set_ylabel("squared error / squared norm")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center")
    figure.savefig(output)
    print(f"drew {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2**17, help="coordinates of a gradient")
    parser.add_argument("-o", "--output", default="gradient_error_against_bytes.svg", help="a .svg or .png file")
    arguments = parser.parse_args()
    main(arguments.size, arguments.output)
