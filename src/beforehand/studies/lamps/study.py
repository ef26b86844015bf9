"""LAMPS: order by memory-time, handling by least waste; the paper's claims against INFERCEPT, checked by simulation."""

import time
from os import PathLike

from beforehand.studies.claims import Begin, Claim, Study, judge
from beforehand.studies.lamps import findings, tables
from beforehand.studies.lamps.recorded import replayed
from beforehand.studies.lamps.runs import Runs, mixed
from beforehand.studies.lamps.scale import FULL, QUICK

PAPER = (
    "Shahout, Liang, Xin, Lao, Cui, Yu, Mitzenmacher: *Fast Inference for Augmented Large Language Models* "
    "([arXiv:2410.18248](https://arxiv.org/abs/2410.18248)), beside INFERCEPT "
    "([arXiv:2402.01869](https://arxiv.org/abs/2402.01869)), on which it builds. The paper's figures are those of an "
    "engine of 2023 without prefix caching, with dummy weights and known durations of calls; ours are of an engine "
    "that schedules as vLLM does today."
)
CLAIMS = (
    Claim(
        says="End-to-end latency is 27-85 % and time to the first token 4-96 % below INFERCEPT.",
        source="LAMPS, evaluation",
        requires="at least 27 % below INFERCEPT with elapsed times, past the knee of both engines",
    ),
    Claim(
        says="Predicting how to handle a call gives little; the order is needed.",
        source="LAMPS, ablation",
        requires="least waste under FCFS within 6 % of swapping always, past the knee",
    ),
    Claim(
        says="It is robust to errors of predictions between 5 % and 60 %.",
        source="LAMPS, mispredictions",
        requires="at most 10 % more at 60 %; with inverted predictions at most 1.5 times FCFS",
    ),
    Claim(
        says="A starvation threshold of 100 iterations is the best of 10, 100, 1,000, 10,000 and none.",
        source="LAMPS, starvation prevention",
        requires="no threshold of the release has both a lower mean and a lower 99th percentile than our bound",
    ),
    Claim(
        says="Handling by least waste removes the waste.",
        source="INFERCEPT: from 25 % to 0.69 % of memory",
        requires="by the mean of each tool at most 10 % more waste than with known durations",
    ),
    Claim(
        says="Ranking by memory over time is what gains.",
        source="LAMPS, ablation",
        requires="a lower mean than by engine time and by predicted length with the same handling, past the knee",
    ),
    Claim(
        says="The scheduler needs to know that a call comes, and which.",
        source="LAMPS, predictions of calls",
        requires="calls that are predicted within 1 % of calls that are known, in mean and 99th percentile",
    ),
)
STEPS = 7


def steps(*, quick: bool) -> int:
    """How often `run` begins something."""
    return STEPS


def run(*, quick: bool = False, begin: Begin = lambda what: None, data: str | PathLike[str] | None = None) -> Study:
    """Check every claim.

    Args:
        quick: At the scale of a test: some seconds instead of half an hour.
        begin: Hears what begins, `steps` times.
        data: Recorded conversations with tool calls to draw from, in JSON lines; without it they are generated.

    Raises:
        InvalidInput: there are no such conversations at `data`.
    """
    start = time.thread_time()
    scale = QUICK if quick else FULL
    workload = mixed if data is None else replayed(data)
    runs, side = Runs(scale.conversations, workload), Runs(scale.side, workload)
    begin("every load")
    main = tables.main_table(runs, scale)
    found = [findings.below_infercept(runs, scale), findings.handling_alone(runs, scale)]
    begin("predictions that err")
    errors, error_table = findings.wrong_predictions(runs, scale)
    begin("the release's guard")
    guard, guard_table = findings.starvation(side, scale)
    begin("waste")
    waste, waste_table = findings.least_waste(side, scale)
    begin("other orders")
    orders = tables.orders_table(side, scale)
    begin("calls that are predicted")
    found += [errors, guard, waste, findings.order_by_memory(runs, scale), findings.knowing_the_call(runs, scale)]
    begin("engines and conversations that differ")
    where = [tables.margin_table(side, scale), tables.others_table(scale), tables.sensitivity(runs, scale)]
    return Study(
        name="LAMPS",
        paper=PAPER,
        command="beforehand reproduce lamps" + (" --data PATH" if data else "") + (" --quick" if quick else ""),
        findings=[judge(claim, each) for claim, each in zip(CLAIMS, found, strict=True)],
        sheets=[main, error_table, guard_table, waste_table, orders, *where],
        seconds=time.thread_time() - start,
    )
