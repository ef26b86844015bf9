from pathlib import Path

import pytest

from beforehand.cli import figures
from beforehand.cli.scenes import ranges


@pytest.mark.parametrize(("scene", "verdict"), [(ranges.beside, "worth it"), (ranges.far, "don't bother")])
def test_ranges_are_planned_then_audited_and_can_be_drawn(scene, verdict):
    begun = []
    row = scene(begun.append, quick=True, seed=0)
    assert [step.partition(": ")[2] for step in begun] == ["planning", "auditing"]
    assert row.report.verdict == verdict
    assert row.report.clairvoyant.value <= row.report.measured.value <= row.report.baseline.value
    for draw in row.draw().values():
        assert figures.picture("p", draw).keys() == {"light", "dark"}


def test_no_file_alone_is_enough_for_a_plan():
    assert ranges.next_command(Path("ids.npy")) is None
