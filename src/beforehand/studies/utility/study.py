"""Beyond Throughput and Compression Ratios (arXiv:2407.01378): what its claims come to here."""

import time
from typing import Final

from beforehand.studies import over_links, real_gradients
from beforehand.studies.claims import Begin, Claim, Found, NotRun, Study, judge
from beforehand.studies.over_links import Ran
from beforehand.studies.utility import adaptations, links, overheads, selection

PAPER = (
    "Han, Vargaftik, Mitzenmacher, Karp, Ben Basat: *Beyond Throughput and Compression Ratios: Towards High End-to-end "
    "Utility of Gradient Compression* ([arXiv:2407.01378](https://arxiv.org/abs/2407.01378)). Only its abstract could "
    "be read: settings and schemes that are attributed to it are **reconstructions**, and no figure of it is quoted. "
    "What follows from it stands in [judging gradient compression](../explanation/judging_gradient_compression.md)."
)
CLAIMS: Final = (
    Claim(
        says="The overhead of compression can cancel what it saves.",
        source="abstract",
        requires="THC in operators of an array library takes longer than 16 bits at 1 Gb/s",
    ),
    Claim(
        says="What an all-reduce can carry scales; what it cannot does not.",
        source="attributed to the paper",
        requires="bytes of TopK grow with the workers, those of TopK-Chunked stay below twice its buffer",
    ),
    Claim(
        says="TopK-Chunked is nearly as accurate as TopK and far cheaper, as large values lie together.",
        source="attributed to the paper",
        requires="gradients of a language model: error at most 1.25 of TopK's at 2 bits or fewer, lower at 8; in "
        "random order 1.2 times as large everywhere, 2.5 times at step 200 and .5 bits; selected 10 times as fast",
    ),
    Claim(
        says="A baseline of 16 bits takes away much of the advertised gain.",
        source="abstract",
        requires="over 50 Mb/s at most 60 % of any codec's gain over float32 is left",
    ),
    Claim(
        says="Higher throughput is not a shorter time to accuracy.",
        source="abstract",
        requires="over 25 Mb/s the order of 9 codecs by the time of a step is not that by the time to a loss",
    ),
    Claim(
        says="The throughput of PowerSGD does not follow its compression ratio.",
        source="attributed to the paper",
        requires="from rank 1 to 32, over 200 Mb/s, the time of a step grows at most half as much as bytes; where no "
        "link can be shaped, that of a round, at 1 Gb/s too",
    ),
    Claim(
        says="Saturating sums adapt THC to an all-reduce.",
        source="attributed to the paper",
        requires="a controller settles within 25 % of the best fixed range; better than filled lanes at 16 workers "
        "that hardly agree",
    ),
    Claim(
        says="A partial rotation adapts THC to an all-reduce.",
        source="attributed to the paper",
        requires="all but the 7 smallest strides err at most 1.5 times as much as all, where a guard lets them; it "
        "must stop some: blocks err 10 times as much on layers, strides 5 times on columns",
    ),
    Claim(
        says="At 5 bits THC is beaten by hop-by-hop recompression.",
        source="abstract of DynamiQ, arXiv:2602.08923",
        requires="nothing: cited",
    ),
)


def steps(*, quick: bool) -> int:
    """How often `run` begins something."""
    return 6 if quick else 9


def run(*, quick: bool = False, begin: Begin = lambda what: None) -> Study:
    """Check every claim.

    Args:
        quick: At the scale of a test: some seconds instead of some minutes, and only what needs neither torch nor root.
        begin: Hears what begins, `steps` times.
    """
    start = time.thread_time()
    begin("gradients of trainings")
    real = real_gradients.at_hand(quick)
    begin("coding beside the wire")
    costs, ranks = overheads.costs(quick), overheads.low_rank(quick)
    begin("bytes by the number of workers")
    sent = selection.sent()
    begin("chunks beside the largest values")
    errors, speed = selection.errors(real), selection.selecting(quick)
    begin("sums that saturate")
    saturated = adaptations.saturated(quick)
    begin("partial rotation")
    turned = adaptations.turned(real)
    steps, by_rank, targets = _over_links(quick, begin)
    found: tuple[Found | NotRun, ...] = (
        overheads.overhead_cancels(costs),
        selection.collective(sent),
        selection.locality(errors, speed) if errors else NotRun("needs torch or scikit-learn for a real training"),
        links.baseline_decides(steps),
        links.orders_differ(targets),
        overheads.rank_does_not_decide(ranks) if isinstance(by_rank, NotRun) else links.rank_does_not_decide(by_rank),
        adaptations.saturation(saturated),
        adaptations.partial_rotation(turned),
        NotRun("not built here"),
    )
    return Study(
        name="TopK-Chunked",
        paper=PAPER,
        command="beforehand reproduce utility" + (" --quick" if quick else ""),
        findings=[judge(claim, each) for claim, each in zip(CLAIMS, found, strict=True)],
        sheets=[
            overheads.costs_sheet(costs),
            overheads.ranks_sheet(ranks),
            selection.sent_sheet(sent),
            *([selection.errors_sheet(errors)] if errors else []),
            adaptations.saturated_sheet(saturated),
            adaptations.turned_sheet(turned),
            *links.sheets(steps, by_rank, targets),
        ],
        seconds=time.thread_time() - start,
    )


def _over_links(quick: bool, begin: Begin) -> tuple[list[Ran] | NotRun, ...]:
    """Steps, steps by rank, and trainings to a target."""
    if quick:
        return (over_links.QUICK,) * 3
    found: list[list[Ran] | NotRun] = []
    for what, train in (("steps", links.stepped), ("ranks", links.ranked), ("a loss", links.trained)):
        begin(f"{what} over slow links")
        found.append(train())
    return tuple(found)
