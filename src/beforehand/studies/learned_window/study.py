"""The learned sliding window (arXiv:2409.11516) and what it stands on: the claims of three papers, checked here."""

import time
from os import PathLike
from typing import Final

from beforehand.studies.claims import Begin, Claim, Study, judge
from beforehand.studies.learned_window import filters, guarantees

PAPER = (
    "*Learning-Augmented Frequency Estimation in Sliding Windows* "
    "([arXiv:2409.11516](https://arxiv.org/abs/2409.11516)), of which only the abstract and a summary by others could "
    "be read: `LearnedSlidingWindow` is a reconstruction, and no figure of the paper is quoted; with claims of WCSS "
    "(Ben Basat, Einziger, Friedman, Kassner: *Heavy Hitters in Streams and Sliding Windows*, INFOCOM 2016) and of "
    "Memento (CoNEXT 2018)."
)
CLAIMS: Final = (
    Claim(
        says="Filtering what will not come again undercounts a key at most twice in a window.",
        source="LWCSS, a summary of it",
        requires="no exception with exact, random and contrary predictors",
    ),
    Claim(
        says="Filtering items whose next arrival is far improves the trade-off of memory and accuracy significantly.",
        source="LWCSS, abstract",
        requires="`upper` at most .9 of that without a filter, and of that with a doorkeeper, in every row",
    ),
    Claim(
        says="Earlier learned methods, which tell heavy keys, do less in windows.",
        source="LWCSS, abstract",
        requires="under drift, a static table of heavy keys in the same window has 1.1 times the error of next gaps",
    ),
    Claim(
        says="WCSS with 4 / eps counters errs by at most eps W.",
        source="WCSS",
        requires="the paper's estimate never too low, and never by more than eps W too high",
    ),
    Claim(
        says="Sampling speeds up heavy hitters in windows, by up to 14 times.",
        source="Memento, README of its code",
        requires="3 times the speed or more at q = 1/64, and intervals that hold as often as they say",
    ),
)


def steps(*, quick: bool) -> int:
    """How often `run` begins something."""
    return 5 if quick else 6


def run(*, quick: bool = False, begin: Begin = lambda what: None, data: str | PathLike[str] | None = None) -> Study:
    """Check every claim.

    Args:
        quick: At the scale of a test: some seconds instead of one or two minutes.
        begin: Hears what begins, `steps` times.
        data: A capture as tshark writes it, one more stream for the filters.

    Raises:
        InvalidInput: there is no capture at `data`, or it is too short.
    """
    start, packets = time.thread_time(), filters.packets_of(data)
    begin("two arrivals lost at most")
    lost = guarantees.at_most_two(200_000 if quick else 1_000_000)
    rows = []
    sizes = ((filters.LEAST_WINDOW, (64, 256)), (2**18, (64, 256, 1024)))
    for window, memories in sizes[:1] if quick else sizes:
        begin(f"filters in windows of {window:,}")
        rows += filters.measure(filters.streams(window, quick, packets), window, memories)
    begin("keys that change their names")
    drift = filters.measure(
        {f"{100 * share:.0f} % renamed": filters.drifting(2**16, share) for share in filters.RENAMED},
        2**16,
        (256,),
        *("none", "doorkeeper", "static table", "noisy gaps", "next gaps"),
    )
    begin("the error of WCSS")
    error = guarantees.error_of_wcss(2**14 if quick else 2**18)
    begin("samples")
    window = 2**16 if quick else 2**18
    sampled = guarantees.sampling(window)
    found = (
        lost,
        filters.pays(rows),
        filters.static_does_less(drift),
        error,
        guarantees.sampling_is_faster(sampled, window),
    )
    sheets = [
        filters.sheet(
            "Filters",
            rows,
            "On-arrival RMSE. A filter takes 5 % of the memory, but for one. Models are free here. **A filter pays for "
            "`upper` where many keys come once in a frame, as on Zipf's stream and of flows, from about W bytes on; "
            "there the doorkeeper does it without a model. Where keys come again, as tokens do, it costs. `balanced` "
            "needs none.**",
        ),
        filters.sheet(
            "Under drift",
            drift,
            "On-arrival RMSE. Every .61 W arrivals a share of the keys of a Zipf stream gets new names. The table was "
            "made from the first 2 W arrivals; next gaps are exact, or have errors of a factor e.",
        ),
        guarantees.sheet(sampled),
    ]
    return Study(
        name="Learned sliding window",
        paper=PAPER,
        command="beforehand reproduce lwcss" + (" --data PATH" if data else "") + (" --quick" if quick else ""),
        findings=[judge(claim, each) for claim, each in zip(CLAIMS, found, strict=True)],
        sheets=sheets,
        seconds=time.thread_time() - start,
    )
