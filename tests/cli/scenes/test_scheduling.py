from beforehand.cli import figures
from beforehand.cli.scenes import scheduling


def test_the_queue_of_requests_is_planned_then_audited_and_can_be_drawn():
    begun = []
    row = scheduling.requests(begun.append, quick=True, seed=1)
    assert [step.partition(": ")[2] for step in begun] == ["planning", "auditing"]
    assert row.setting == "load 0.90"
    assert row.report.clairvoyant.value < row.report.measured.value < row.report.baseline.value
    assert row.report.price.seconds > 0
    for draw in row.draw().values():
        assert figures.picture("p", draw).keys() == {"light", "dark"}


def test_the_seed_decides_the_numbers():
    values = [scheduling.requests(print, quick=True, seed=seed).report.measured.value for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]
