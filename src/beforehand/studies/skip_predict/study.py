"""SkipPredict (arXiv:2402.03564) and what surrounds it: the claims about queues with predictions, checked here."""

import time
from os import PathLike

from beforehand.studies.claims import Begin, Claim, Study, judge
from beforehand.studies.skip_predict import costs, tables, traces, trail

PAPER = (
    "Shahout, Mitzenmacher: *SkipPredict: When to Invest in Predictions for Scheduling* "
    "([arXiv:2402.03564](https://arxiv.org/abs/2402.03564)); with claims of the survey *Queueing, Predictions, and "
    "LLMs* ([arXiv:2503.07545](https://arxiv.org/abs/2503.07545)), of *Scheduling with Predictions and the Price of "
    "Misprediction* ([arXiv:1902.00732](https://arxiv.org/abs/1902.00732)), whose table the survey prints, and of "
    "TRAIL ([arXiv:2410.01035](https://arxiv.org/abs/2410.01035)). Of the survey's printed tables only the figures "
    "quoted below were available; the known values that the others are compared with come from a separate evaluation."
)
CLAIMS = (
    Claim(
        says="A table of mean response times: FIFO, SJF, SPJF, PSJF, PSPJF, SRPT, SPRPT under exponential predictions.",
        source="survey, Table 1; Mitzenmacher, ITCS 2020",
        requires="all known values to one unit of the fourth decimal; where print departs, simulation on our side",
    ),
    Claim(
        says="One bit of advice, with the best threshold, takes much of the way from FIFO to knowing sizes.",
        source="survey, Tables 2 and 3 (simulated)",
        requires="the least response time within 2 % of the known one; FIFO with Weibull sizes at .9 exactly 28",
    ),
    Claim(
        says="SkipPredict has the least total cost when c2 is far above c1 and load is high.",
        source="SkipPredict, figures of cost",
        requires="c1 = .5, c2 = 2: FCFS cheapest at load .5, SkipPredict from .85 on; known crossovers to 4 decimals",
    ),
    Claim(
        says="Predicting every job overloads the server near saturation.",
        source="SkipPredict, predictions on the server",
        requires="load .95: SPRPT 96.39, SkipPredict 13.81; unstable above load 1/1.05; simulation within 5 %",
    ),
    Claim(
        says="DelayPredict pays when c1 is near c2, or where no cheap prediction exists.",
        source="SkipPredict, where cheap predictions are not cheap",
        requires="c1 = 4, c2 = 5: 9.2474 at L = .698, below all others; c1 = .5, c2 = 2: above SkipPredict",
    ),
    Claim(
        says="Cost as a function of T is least in the interior.",
        source="SkipPredict, figures over T",
        requires="load .9: 6.16865 at T = 1.517, below both ends",
    ),
    Claim(
        says="SkipPredict also pays on real traces (TwoSigma, Google, Trinity; T = 4).",
        source="SkipPredict, evaluation on real data",
        requires="the direction at most, as those traces may not be passed on: it wins somewhere, and not everywhere",
    ),
    Claim(
        says="Limited preemption saves memory at little cost in latency.",
        source="TRAIL, section on M/G/1",
        requires="C = .2 against 1 at load .9: latency under +1 %, memory below -30 %, interruptions below -50 %; "
        "simulation within 5 % of the formula",
    ),
    Claim(
        says="C = .8 does better than C = 1 and C = 0.",
        source="TRAIL, serving language models",
        requires="the direction at most: near C = 1 in latency, with less memory, and ahead of C = 0",
    ),
    Claim(
        says="Preemption by predicted size degrades gracefully with errors, by predicted remaining size it does not.",
        source="Scully, Grosof, Mitzenmacher 2022, through the survey",
        requires="Weibull sizes, load .9: PSPJF 4.6718, SPRPT 5.2342",
    ),
)
STEPS = 5


def steps(*, quick: bool) -> int:
    """How often `run` begins something."""
    return STEPS


def run(*, quick: bool = False, begin: Begin = lambda what: None, data: str | PathLike[str] | None = None) -> Study:
    """Check every claim.

    Args:
        quick: At the scale of a test: some seconds instead of one or two minutes.
        begin: Hears what begins, `steps` times.
        data: The Azure LLM inference trace, its csv or a folder with its files; without it lengths are generated.

    Raises:
        InvalidInput: there is no such trace at `data`.
    """
    start = time.thread_time()
    won = traces.measure(quick, data, begin)
    begin("the survey's tables")
    filled = tables.fill(quick)
    begin("loads at which another policy becomes the cheapest")
    crossovers = costs.crossovers()
    begin("best thresholds, prices and overload")
    best = costs.optima(quick)
    begin("limited preemption")
    runs = trail.grid(quick)
    found = (
        tables.agreement(filled),
        tables.one_bit_helps(filled),
        costs.skip_predict_wins(crossovers),
        costs.predicting_every_job_overloads(quick),
        costs.delay_predict_pays(best),
        costs.threshold_has_a_best(best),
        traces.depends(won),
        trail.saves_memory(runs),
        trail.best_fraction(runs),
        costs.pspjf_degrades_gracefully(),
    )
    sheets = [
        tables.table_one(filled),
        tables.best_thresholds(filled),
        costs.over_load(crossovers),
        costs.over_threshold(best, quick),
        traces.sheet(won),
        trail.sheet(runs),
        tables.errata(filled),
    ]
    return Study(
        name="SkipPredict",
        paper=PAPER,
        command="beforehand reproduce skippredict" + (" --data PATH" if data else "") + (" --quick" if quick else ""),
        findings=[judge(claim, each) for claim, each in zip(CLAIMS, found, strict=True)],
        sheets=sheets,
        seconds=time.thread_time() - start,
    )
