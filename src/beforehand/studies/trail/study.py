"""TRAIL's claims on an engine that batches, and what UniBoost says about predictions, checked here."""

import time
from os import PathLike

from beforehand.scheduling.serving import Boosted, ShortestWork
from beforehand.studies.claims import Begin, Claim, Found, NotRun, Study, judge
from beforehand.studies.trail import azure, one_server, probe, serving
from beforehand.studies.trail.setting import ratios

PAPER = (
    "Shahout, Malach, Liu, Jiang, Yu, Mitzenmacher: *Don't Stop Me Now: Embedding Based Scheduling for LLMs* "
    "([arXiv:2410.01035](https://arxiv.org/abs/2410.01035)); with two claims of *Beyond Prediction: Tail-Aware "
    "Scheduling for LLM Inference* ([arXiv:2606.18431](https://arxiv.org/abs/2606.18431)), UniBoost. The probe is read "
    "in vLLM itself; all other engines are simulated, with iteration times from a public profile."
)
CLAIMS = (
    Claim(
        says="A probe in the middle layers predicts the remaining length 2.66 times better than a text model.",
        source="TRAIL, evaluation of the probe",
        requires="smoothed every step at most 1/1.7 of the error of a prompt-only prediction counted down, live",
    ),
    Claim(
        says="Mean latency falls 1.66 to 2.01 times, time to first token 1.76 to 24 times, against FCFS in vLLM.",
        source="TRAIL, serving",
        requires="mean latency 1.66 times lower somewhere on the curve over load",
    ),
    Claim(
        says="Limited preemption is best at C = .8.",
        source="TRAIL, serving",
        requires="C = .8 at least 1 % below C = 0 and C = 1 in mean latency",
    ),
    Claim(
        says="Limited preemption has a closed form.",
        source="TRAIL, section on M/G/1",
        requires="the simulated engine with one place within 4 standard errors of the formula",
    ),
    Claim(
        says="With a burst, C does not matter.",
        source="TRAIL, serving",
        requires="C = .8 within 1 % of C = 1 in mean latency if all requests are there at once",
    ),
    Claim(
        says="p99 is 35 to 50 % below that of SRPT with perfect lengths, on Azure's traces.",
        source="UniBoost, abstract",
        requires="p99 at most .65 of SRPT's and at most FCFS's at its best gamma of seven",
    ),
    Claim(
        says="No length prediction is needed.",
        source="UniBoost, abstract",
        requires="means within 1 % with and without on Azure's traces, and at least 20 % apart where prompts are short",
    ),
)
PROBE = "needs vLLM and a trained model, a quarter of an hour: without --quick, in the environment of `make bench-vllm`"


def steps(*, quick: bool) -> int:
    """How often `run` begins something."""
    return 6 if quick or not probe.possible() else 7


def run(*, quick: bool = False, begin: Begin = lambda what: None, data: str | PathLike[str] | None = None) -> Study:
    """Check every claim.

    Args:
        quick: At the scale of a test: some twenty seconds instead of the better part of an hour. The probe is left out,
            as it is where vLLM is missing; else its model and what that needs are kept in build/.
        begin: Hears what begins, `steps` times.
        data: The Azure LLM inference trace of 2023, a folder with its csv files or one of them; without it requests
            are generated alike.

    Raises:
        InvalidInput: there is no such trace at `data`.
    """
    start = time.thread_time()
    runs = azure.measure(quick, data, begin)
    begin("short prompts, over the load")
    points = serving.curve(quick)
    begin("the fraction C")
    grid = serving.fractions(quick)
    begin("a burst")
    burst = serving.burst(quick)
    begin("one place")
    formula = one_server.agreement(quick)
    read = None
    if steps(quick=quick) > steps(quick=True):
        begin("the probe, live in vLLM")
        read = probe.measure()
    found: tuple[Found | NotRun, ...] = (
        probe.better(read) if read else NotRun(PROBE),
        serving.latency_falls(points),
        serving.best_fraction(grid),
        formula,
        burst,
        azure.beats_exact_srpt(runs),
        azure.needs_no_prediction(runs, gained(points, quick)),
    )
    sheets = [
        serving.sheet(points, "Short prompts"),
        serving.target_sheet(points),
        serving.sheet(grid, "TRAIL's C"),
        azure.sheet(runs),
        *([probe.sheet(read)] if read else []),
    ]
    return Study(
        name="TRAIL",
        paper=PAPER,
        command=f"beforehand reproduce trail{' --quick' if quick else ''}{' --data DIR' if data is not None else ''}",
        findings=[judge(claim, each) for claim, each in zip(CLAIMS, found, strict=True)],
        sheets=sheets,
        seconds=time.thread_time() - start,
    )


def gained(points: list[serving.Point], quick: bool) -> dict[str, float]:
    """Where prompts are short: the mean latency with a predicted length over that without, at the highest load."""
    rows, seeds = (600, 3) if quick else (2000, 10)
    ratio = {}
    for name in ("alpaca", "heavy"):
        point = max((each for each in points if each.workload == name), key=lambda each: each.rate)
        chosen = serving.settings(name, point.rate, rows, seeds)
        without = ratios(chosen, {"none": (Boosted(ShortestWork(decode=0)), None)})["none"][:, 0].mean()
        ratio[name] = point.mean("Boosted(ShortestWork)", "mean_latency") / float(without)
    return ratio
