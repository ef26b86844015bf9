"""Draw what an order by engine time is worth in front of an LLM engine, from low load to high."""

import argparse

import numpy as np
from matplotlib.figure import Figure

from beforehand.scheduling.serving import FCFS, PROFILES, SPJF, Boosted, ShortestWork, simulate
from beforehand.workloads.requests import NormalErrors, azure_code_like, heavy_tailed

PROFILE = PROFILES["llama3-8b-a100-80g"]
ORDERS = {
    "first come, first served": (FCFS(), {"color": "tab:orange"}),
    "by predicted answers, not bounded": (SPJF(), {"color": "0.6"}),
    "by engine time with predicted answers, bounded": (Boosted(ShortestWork()), {"color": "tab:blue"}),
    "by engine time of the prompt, bounded": (
        Boosted(ShortestWork(decode=0)),
        {"color": "tab:green", "dashes": (2, 2)},
    ),
}
WORKLOADS = (
    ("code completion: long prompts, in bursts", azure_code_like, np.linspace(1, 5, 5), 256),
    ("short instructions, answers of all lengths", heavy_tailed, np.linspace(14, 20, 5), 48),
)


def main(size: int, output: str) -> None:
    """Draw the picture from runs of `size` requests into the file `output`."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots(2, len(WORKLOADS), sharex="col")
    for column, (title, generate, rates, slots) in enumerate(WORKLOADS):
        for name, (order, line) in ORDERS.items():
            figures = []
            for rate in rates:
                requests = generate(size, rate=float(rate), seed=0)
                predictor = NormalErrors(most=2000, seed=0)
                result = simulate(requests, profile=PROFILE, policy=order, lengths=predictor, max_num_seqs=slots)
                figures.append(result.summary())
            for row, figure_name in enumerate(("mean_latency", "p99_latency")):
                axes[row, column].plot(rates, [each[figure_name] for each in figures], label=name, **line)
        axes[0, column].set_title(title)
        axes[1, column].set_xlabel("requests a second")
    axes[0, 0].set_ylabel("mean latency, s")
    axes[1, 0].set_ylabel("99th percentile, s")
    axes[0, 0].legend(fontsize=8)
    figure.savefig(output)
    print(f"drew {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=3000, help="requests of a run")
    parser.add_argument("-o", "--output", default="serving_order.svg", help="a .svg or .png file")
    arguments = parser.parse_args()
    main(arguments.size, arguments.output)
