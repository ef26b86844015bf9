import math
from dataclasses import replace

import pytest

from beforehand.scheduling.serving import FCFS, LAMPS, SPJF, Always
from beforehand.studies.lamps.contenders import MAIN, ORDERS, TIER, Contender, Make
from beforehand.studies.lamps.engines import GPTJ
from beforehand.studies.lamps.runs import Runs, paired
from beforehand.studies.lamps.scale import QUICK
from beforehand.studies.lamps.tables import timed, variants


def test_a_mean_of_ratios_has_the_interval_of_student():
    found = paired([1.0, 1.1, 1.2])
    assert found.value == pytest.approx(1.1)
    assert found.half == pytest.approx(4.30 * 0.1 / math.sqrt(3))
    assert str(paired([0.9])) == "0.900"


def test_contenders_meet_the_same_conversations_and_each_run_is_made_once():
    made = []
    runs = Runs(20)
    workload = runs.workload
    runs.workload = lambda *given: made.append(given) or workload(*given)
    found = runs.against(GPTJ, 4.0, TIER, TIER, range(2))
    assert (found.mean.value, found.p99.value, found.ttft.value) == (1.0, 1.0, 1.0)
    assert made == [(4.0, 20, 0), (4.0, 20, 1)]


def test_what_depends_on_the_conversations_is_made_for_them():
    seen = []
    policy = Make(lambda trace, seed, engine: seen.append((len(trace), seed, engine.name)) or SPJF())
    Runs(7).outcome(GPTJ, 1.0, Contender("spjf", policy, lambda: Always("discard")), 5)
    assert seen == [(7, 5, GPTJ.name)]


@pytest.mark.parametrize("contender", [*MAIN, *ORDERS], ids=lambda each: each.name)
def test_everybody_serves_all(contender):
    found = Runs(15).outcome(GPTJ, 20.0, contender, 0)
    assert 0 < found.ttft < found.mean < found.p99


def test_an_engine_with_slower_iterations_takes_longer_by_as_much():
    slower = timed(GPTJ.profile, 1.3)
    assert slower.step_seconds(200, 10_000, 50) == pytest.approx(1.3 * GPTJ.profile.step_seconds(200, 10_000, 50))


def test_every_variant_is_an_engine_of_its_own():
    found = [engine.profile.name for _, engine, extra in variants(GPTJ, replace(QUICK, quick=False)) if not extra]
    assert len(set(found)) == len(found) == 5


def test_the_guard_changes_nothing_where_nothing_waits():
    contender = Contender("lamps", LAMPS(), lambda: Always("discard"), {})
    plain = Contender("fcfs", FCFS(), lambda: Always("discard"), {})
    runs = Runs(10)
    assert runs.outcome(GPTJ, 0.01, contender, 0) == runs.outcome(GPTJ, 0.01, plain, 0)
