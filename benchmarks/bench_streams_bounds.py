"""Certified bounds against exact counts: ten million checks for each kind of summary, none of which may fail.

Random streams, weights, deletions, merges of merges, bytes, decisions of a hostile predictor, and windows that no block
divides. What is measured is the number of violations; the first one ends the run.

Run: python benchmarks/bench_streams_bounds.py [--checks 10000000]; some minutes.
"""

from argparse import ArgumentParser

import native_tests

SUMMARIES = {
    "space_saving": "exact",
    "assoc": "assoc",
    "gated": "filtered, gated, calibrated and lss+",
    "lss": "lss",
    "window": "sliding windows, learned ones too",
}


def main() -> None:
    """Check one kind after the other."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=10**7, help="of each kind")
    chosen = parser.parse_args()
    for test, summaries in SUMMARIES.items():
        native_tests.run(test, chosen.checks)
        print(f"{summaries}: {chosen.checks:,} bounds checked, none violated")


if __name__ == "__main__":
    main()
