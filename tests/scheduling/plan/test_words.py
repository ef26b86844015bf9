"""What a plan says in words."""

import numpy as np
import pytest

from beforehand.core import Outcome
from beforehand.scheduling import FCFS, SPJF, SPRPT, Log, OneBit, SkipPredict, simulate
from beforehand.scheduling.plan.setting import Setting
from beforehand.scheduling.plan.words import (
    advice,
    best_around,
    calls,
    goal_figure,
    kinds_tried,
    replayed,
    rough,
    warnings,
    without_prediction,
)
from tests.scheduling.designs import design

SETTING = Setting(load=0.8)
BLIND, BIT = design(FCFS(), 2.0), design(OneBit(1.0), 3.0, cheap=1.0)
BASELINE, CLAIRVOYANT = Outcome("FCFS", 2.0, 2.0, 2.0), Outcome("SPJF", 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("verdict", "candidates", "words"),
    [
        ("worth it", [BIT, BLIND], ""),
        ("unclear", [BIT, BLIND], ""),
        ("don't bother", [BIT, BLIND], ""),  # the saving, which stands beside it, is too small
        (
            "don't bother",
            [BLIND, BIT],
            "tried with cheap predictions, at today's price; there were no expensive ones to try; "
            "perfect ones would lower the cost of a job from 2 to 1",
        ),
        (
            "don't bother",
            [BLIND, design(SkipPredict(1.0), 3.0, expensive=0.2)],
            "tried with expensive predictions, at today's price; there were no cheap ones to try; "
            "perfect ones would lower the cost of a job from 2 to 1",
        ),
        (
            "don't bother",
            [BLIND],
            "even perfect predictions, free of charge, would only lower the cost of a job from 2 to 1",
        ),
        (
            "no predictions",
            [BLIND],
            "no policy that uses predictions was tried; with perfect ones the cost of a job would be 1 in place of 2; "
            "name a column of predictions, or assume some to see what they would be worth (--assume-cheap 1)",
        ),
    ],
)
def test_advice_says_what_was_tried_and_what_was_not(verdict, candidates, words):
    assert advice(verdict, candidates, BASELINE, CLAIRVOYANT, SETTING) == words


def test_kinds_of_predictions_are_tried_where_a_design_asks_for_them():
    assert kinds_tried([BLIND]) == ()
    assert set(kinds_tried([BLIND, BIT, design(SkipPredict(1.0), cheap=1.0, expensive=0.1)])) == {"cheap", "expensive"}


def test_the_figure_of_a_deadline_is_a_share():
    assert goal_figure(12.3456, SETTING) == "12.35"
    assert goal_figure(0.012345, Setting(load=0.8, slo=3.0)) == "1.23 %"


def test_a_design_that_is_the_best_at_all_loads_is_named_once():
    assert best_around([(0.72, "FCFS"), (0.8, "FCFS"), (0.88, "FCFS")]) == "0.72 to 0.88 FCFS"
    assert best_around([(0.72, "FCFS"), (0.8, "SPJF")]) == "0.72 FCFS, 0.80 SPJF"
    assert best_around([(0.8, "FCFS")]) == "0.80 FCFS"
    assert best_around([]) == ""


def test_calls_are_named_by_kind():
    assert (
        calls(design(SkipPredict(1.0), 3.0, cheap=1.0, expensive=0.25))
        == "response 3, 1 cheap and 0.25 expensive predictions"
    )
    assert calls(BLIND) == "response 2, no predictions"


def test_jobs_without_predictions_and_jobs_that_ran_at_once_are_warned_of():
    assert warnings(None, 1) == warnings(4.0, 4) == ()
    (crowded,) = warnings(44.9, 1)
    assert crowded.startswith(
        "by their own arrivals 44.9 of these jobs ran at once on average, more than 1 server can serve"
    )
    missing = without_prediction("cheap", 12, 6000)
    assert missing == "12 of 6,000 jobs have no cheap prediction and count as longer than all others"
    assert without_prediction("cheap", 3, 3) == "none of 3 jobs has a prediction in the column cheap, which is left out"


def test_real_arrivals_are_replayed_where_there_are_any():
    assert replayed(FCFS(), Log([1.0, 2.0]), SETTING) == ""
    assert replayed(FCFS(), Log([1.0, 2.0], arrival=[3.0, 3.0]), SETTING) == ""
    log = Log(np.ones(100), arrival=np.arange(100.0))
    assert replayed(FCFS(), log, SETTING) == (
        "; on the real arrival times, stretched to load 0.80, the mean response is 1 against 1 first come, first served"
    )


def test_figures_from_too_few_jobs_are_called_rough():
    several = Setting(load=0.8, servers=2)
    heavy = Log([1.0] * 999 + [3000.0], expensive=[1.0] * 1000)
    said = rough(heavy, SPJF(), several, 500_000)
    assert said.startswith("; 500,000 simulated jobs are too few for sizes like these")
    needed = int(said.rpartition(" ")[2].replace(",", ""))
    assert simulate(SPJF(), heavy, load=0.8, servers=2, jobs=100).jobs_needed == pytest.approx(needed, abs=2)
    assert rough(heavy, SPJF(), several, needed) == ""
    assert rough(Log([1.0, 2.0], expensive=[1.0, 2.0]), SPJF(), several, 500_000) == ""
    assert rough(heavy, SPRPT(work=3.0), several, 10) == ""  # overloaded: the figures are infinite
