import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from beforehand.cli import figures
from beforehand.core import Outcome, Price, Report

REPORT = Report(
    area="quantization",
    metric="vNMSE",
    expected=Outcome("histogram", 0.02, 0.01, 0.03),
    measured=Outcome("histogram", 0.025, 0.025, 0.025),
    baseline=Outcome("uniform", 1.8, 1.7, 1.9),
    clairvoyant=Outcome("exact", 0.015, 0.015, 0.015),
    price=Price(),
    verdict="worth it",
    why="it is",
)
ZERO = Outcome("exact", 0.0, 0.0, 0.0)
DRAWN = {
    "outcomes far apart": figures.outcomes(REPORT),
    "outcomes close by": figures.outcomes(Report(**{**vars(REPORT), "baseline": Outcome("uniform", 0.03, 0.03, 0.03)})),
    "outcomes of zero": figures.outcomes(Report(**{**vars(REPORT), "clairvoyant": ZERO})),
    "levels": figures.levels(np.arange(50.0), {"equal": np.arange(4.0), "chosen": np.array([0.0, 49.0])}),
    "curves": figures.curves(
        np.arange(3.0),
        {"FCFS": np.array([1.0, 9.0, np.inf]), "SRPT": np.array([1.0, 2.0, 3.0]), "LAS": np.full(3, np.inf)},
        {"SRPT": "other"},
        across="load",
        up="response",
    ),
    "levels of a constant": figures.levels(np.ones(5), {"equal": np.ones(1)}),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_drawn_in_both_schemes_with_its_own_colours(name):
    drawn = figures.picture("p", DRAWN[name])
    assert drawn.keys() == {"light", "dark"}
    assert figures.LIGHT.other in drawn["light"]
    assert figures.DARK.other in drawn["dark"]


def test_the_same_picture_is_the_same_text_and_shares_no_id_with_another():
    one, again, other = (figures.picture(name, DRAWN["levels"])["light"] for name in ("a", "a", "b"))
    assert one == again
    ids, others = (set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (one, other))
    assert ids
    assert not ids & others


def test_a_picture_scales_with_the_page():
    head = re.match(r"<svg[^>]*>", figures.picture("p", DRAWN["levels"])["light"]).group()
    assert "viewBox" in head
    assert "width" not in head
    assert "height" not in head


def test_names_at_the_ends_of_curves_keep_their_order_and_never_overlap():
    places = {"a": 0.5, "b": 0.51, "c": 0.99, "d": 1.0, "e": 1.0, "f": 0.0}
    moved = figures._apart(places)
    heights = [moved[name] for name in "fabcde"]
    assert min(np.diff(heights)) > 0.99 * figures.TEXT_LINE
    assert heights[0] >= 0
    assert heights[-1] <= 1


def test_single_points_stand_beside_the_lines_with_their_names():
    axes = Figure().add_subplot()
    x = np.array([0.0, 1.0])
    draw = figures.curves(x, {"a": x + 1}, {"a": "accent"}, across="x", up="y", marks={"yours": (0.5, 1.5)})
    draw(axes, figures.LIGHT)
    assert {text.get_text() for text in axes.texts} == {"a", "yours"}
    assert [line.get_xydata().tolist() for line in axes.lines][-1] == [[0.5, 1.5]]


@pytest.mark.parametrize(("highest", "labeled"), [(3.0, True), (100.0, False)])
def test_a_scale_within_a_decade_labels_more_than_powers_of_ten(highest, labeled):
    figure = Figure()
    axes = figure.add_subplot()
    figures.curves(np.arange(2.0), {"a": np.array([1.5, highest])}, {}, across="x", up="y")(axes, figures.LIGHT)
    figure.draw_without_rendering()
    assert any(label.get_text() for label in axes.yaxis.get_minorticklabels()) == labeled
