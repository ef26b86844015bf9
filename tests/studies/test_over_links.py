import math
import sys

from beforehand.gradients import THC
from beforehand.studies import over_links
from beforehand.studies.claims import NotRun
from beforehand.studies.over_links import Ran


def test_without_torch_nothing_runs_and_it_says_why(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("beforehand.integrations.torch")]:
        monkeypatch.delitem(sys.modules, name)
    found = over_links.train({"THC": THC()}, rate="50mbit", until={"steps": 1})
    assert isinstance(found, NotRun)
    assert "torch" in found.why


def test_the_sheet_shows_steps_beside_both_baselines_and_what_was_not_reached():
    ran = [Ran("float32", 1.0, math.inf, 3.0, 5.6), Ran("float16", 0.5, 40.2, 2.4, 2.8)]
    shown = over_links.sheet("Steps", ran, "2 workers.", target=True)
    steps = over_links.sheet("Steps", ran, "2 workers.", target=False)
    assert ([row[:5] for row in shown.rows], shown.columns[:5]) == (steps.rows, steps.columns)
    assert shown.rows == [
        ["float32", "5.60", "1000", "1.00", "2.00", "-", "3.000"],
        ["float16", "2.80", "500", "0.50", "1.00", "40", "2.400"],
    ]
    assert shown.below.startswith("2 workers. Wall time")
