"""What the formulas make of a policy, and one algebra for a log and for distributions."""

import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    TRAIL,
    Deterministic,
    ExactError,
    JobDistribution,
    Log,
    LogFormula,
    expect,
    processor_sharing,
)
from beforehand.scheduling.formulas.soap import discipline_of
from beforehand.scheduling.inputs import MOST
from tests.scheduling.every_policy import WITH_FORMULA


@pytest.mark.parametrize("policy", WITH_FORMULA, ids=str)
def test_a_discipline_says_what_the_stages_say(policy):
    discipline, stages = discipline_of(policy), policy.stages()
    assert (math.nan if discipline.threshold is None else discipline.threshold) == pytest.approx(
        stages.threshold, nan_ok=True
    )
    assert discipline.limit == min(np.nan_to_num(stages.limit), MOST)
    assert (discipline.cheap_work + discipline.key_work > 0) == stages.predicts
    assert discipline.preemptive == (not stages.start_pins) or policy == TRAIL(0.0)
    assert set(stages.wanted) == {by for by in ("cheap", "expensive") if by in asked(discipline)}


def asked(discipline):
    return ([discipline.by] if discipline.keyed else []) + (["cheap"] if discipline.threshold is not None else [])


def test_a_policy_without_a_formula_is_refused():
    with pytest.raises(InvalidInput, match=r"policy is LAS\(quantum=1.0\), which has no formula; use simulate"):
        discipline_of(LAS(quantum=1.0))
    with pytest.raises(InvalidInput, match="must be an object such as SPJF"):
        discipline_of("fcfs")


def test_jobs_of_one_size_are_the_same_as_a_log_and_as_distributions():
    log, jobs = Log([2.0]), JobDistribution(Deterministic(2.0), ExactError(), ExactError())
    for found, expected in (
        (expect(FCFS(), jobs, load=0.5), LogFormula(log).expect(FCFS(), 0.25)),
        (processor_sharing(jobs, load=0.5), LogFormula(log).processor_sharing(0.25)),
    ):
        for name in ("response_time", "waiting", "utilization", "interruptions", "memory"):
            assert getattr(found, name) == pytest.approx(getattr(expected, name), nan_ok=True)
