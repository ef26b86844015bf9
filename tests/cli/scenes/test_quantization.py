import pytest

from beforehand.cli import figures
from beforehand.cli.scenes import quantization


@pytest.mark.parametrize(
    ("scene", "verdict"), [(quantization.skewed_columns, "worth it"), (quantization.phase_angles, "don't bother")]
)
def test_a_scene_is_planned_then_audited_and_can_be_drawn(scene, verdict):
    begun = []
    row = scene(begun.append, quick=True, seed=1)
    assert [step.partition(": ")[2] for step in begun] == ["planning", "auditing"]
    assert row.report.verdict == verdict
    assert row.report.measured.value <= row.report.baseline.value * 1.01
    for draw in row.draw().values():
        assert figures.picture("p", draw).keys() == {"light", "dark"}


def test_the_seed_decides_the_numbers():
    values = [quantization.skewed_columns(print, quick=True, seed=seed).report.measured.value for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]
