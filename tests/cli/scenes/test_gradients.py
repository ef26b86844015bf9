from pathlib import Path

import pytest

from beforehand.cli import figures
from beforehand.cli.scenes import gradients


@pytest.mark.parametrize(
    ("scene", "verdict"), [(gradients.office, "worth it"), (gradients.data_center, "don't bother")]
)
def test_a_link_is_planned_for_then_audited_and_can_be_drawn(scene, verdict):
    begun = []
    row = scene(begun.append, quick=True, seed=0)
    assert [step.partition(": ")[2] for step in begun] == ["planning", "auditing"]
    assert row.report.verdict == verdict
    assert row.report.clairvoyant.value < row.report.measured.value <= row.report.baseline.value
    for draw in row.draw().values():
        assert figures.picture("p", draw).keys() == {"light", "dark"}


def test_recorded_gradients_are_offered_a_bench():
    assert gradients.next_command(Path("here/my gradients.npz")) == "gradients bench 'my gradients.npz' --workers 4"
    assert gradients.next_command(Path("weights.npz")) is None
    assert gradients.next_command(Path("gradients.txt")) is None
