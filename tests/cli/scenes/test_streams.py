from pathlib import Path

import pytest

from beforehand.cli import figures
from beforehand.cli.scenes import streams


@pytest.mark.parametrize(("scene", "verdict"), [(streams.flows, "worth it"), (streams.queries, "don't bother")])
def test_a_stream_is_planned_then_audited_and_can_be_drawn(scene, verdict):
    begun = []
    row = scene(begun.append, quick=True, seed=0)
    assert [step.partition(": ")[2] for step in begun] == ["planning", "auditing"]
    assert row.setting == "24KiB"
    assert row.report.verdict == verdict
    assert row.report.clairvoyant.value < row.report.measured.value <= row.report.baseline.value
    for draw in row.draw().values():
        assert figures.picture("p", draw).keys() == {"light", "dark"}


def test_the_seed_decides_the_numbers():
    values = [streams.queries(print, quick=True, seed=seed).report.measured.value for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


def test_a_log_is_offered_its_heaviest_lines():
    assert streams.next_command(Path("here/an access.log")) == "streams top 'an access.log' --k 20"
    assert streams.next_command(Path("notes.txt")) is None
