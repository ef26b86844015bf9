import math

import pytest

from beforehand.studies.claims import NotRun
from beforehand.studies.over_links import Ran
from beforehand.studies.thc import links


def ran(step=0.5, half=40.0, thc=30.0):
    return [
        Ran("float32", 1.2, math.inf, 2.8, 5.6),
        Ran("float16", 0.7, half, 2.5, 2.8),
        Ran("THC, two-shot", step, thc, 2.4, 1.1),
    ]


def test_steps_and_the_target_decide():
    found = links.is_faster(ran())
    assert found.holds
    assert found.figure.startswith("steps 1.40 times as fast as with 16 bits, and 2.40 times as with 32")
    assert "1.33 times as soon" in found.figure
    assert not links.is_faster(ran(step=0.6)).holds
    assert links.is_faster(ran(step=0.6)).direction
    assert not links.is_faster(ran(thc=41.0)).holds
    assert not links.is_faster(ran(step=0.8)).direction


@pytest.mark.parametrize(
    ("half", "thc", "says", "holds"),
    [(math.inf, 80.0, "16 bits not in 90 s", True), (math.inf, math.inf, "neither reached it", True)],
)
def test_a_target_that_was_not_reached_is_said(half, thc, says, holds):
    found = links.is_faster(ran(half=half, thc=thc))
    assert says in found.figure
    assert found.holds == holds


def test_what_did_not_run_stays_so():
    assert links.is_faster(NotRun("no root")) == NotRun("no root")
