import pytest

from beforehand.cli.gradient_bench import benched
from beforehand.core.errors import InvalidInput
from beforehand.gradients import THC, LowRank
from beforehand.workloads.gradient_samples import gradients
from beforehand.workloads.vectors import flat

TRACE = gradients("columns", size=2**16, workers=4, steps=2, seed=0)


def test_rows_are_the_casts_and_what_was_asked_for():
    rows, refused = benched(TRACE, 4, [(THC(), "allreduce"), LowRank(rank=2)])
    assert [row.codec for row in rows][3:] == ["THC by allreduce", "LowRank(rank=2) by allreduce"]
    assert [row.feedback for row in rows] == [False] * 4 + [True]
    assert refused == ()
    assert rows[0].vnmse < 1e-12 < rows[1].vnmse < rows[3].vnmse


def test_all_families_are_benched_by_default():
    rows, _ = benched(gradients("normal", size=2**12, workers=2, steps=1, seed=0), 2, None)
    assert {row.codec.split()[0] for row in rows} >= {"THC", "BlockInt", "BlockFloat8", "Adaptive", "LowRank", "TopK"}


def test_more_workers_send_more_and_too_many_are_refused():
    few, many = (benched(TRACE, workers, [THC()])[0][-1] for workers in (2, 16))
    assert few.up < many.up
    assert "THC by two_shot, as lanes=8 leave 40 workers" in benched(TRACE, 40, [THC()])[1][0]


def test_only_recorded_gradients_are_benched():
    with pytest.raises(InvalidInput, match="must be a Trace of kind 'gradients'"):
        benched(flat(2, 8, seed=0), 4, None)
