"""Gradients recorded in one process; `make test-torch` runs these."""

import itertools
from importlib import import_module

import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.gradients import THC, correlation, simulate
from beforehand.integrations.torch import record_gradients
from beforehand.workloads.training_jobs import CharLM, Digits

pytestmark = pytest.mark.torch


class Frozen(Digits):
    """Digits with a first layer that stays, and a parameter that nothing uses."""

    def model(self, seed):
        made = super().model(seed)
        made[0].requires_grad_(False)
        made.register_parameter("unused", type(made[0].weight)(made[4].bias.detach().clone()))
        return made


def by_hand(job, workers, steps):
    """The gradients of each worker, and of the model after it, by plain torch."""
    torch = import_module("torch")
    model = job.model(3)
    optimizer = job.optimizer(model.parameters())
    streams = [job.batches(rank, workers, 3) for rank in range(workers)]
    for _ in range(steps + 1):
        rows = []
        for stream in streams:
            losses = job.loss(model, next(stream))
            rows.append(torch.cat([each.flatten() for each in torch.autograd.grad(losses, list(model.parameters()))]))
        mean, first = torch.stack(rows).mean(0), 0
        for each in model.parameters():
            each.grad = mean[first : (first := first + each.numel())].view_as(each).clone()
        optimizer.step()
    return torch.stack(rows).numpy()


def test_a_trace_has_a_row_for_each_step_and_worker():
    trace = record_gradients(Digits(), workers=3, steps=(0, 2, 5))
    assert trace.kind == "gradients"
    assert trace["step"].tolist() == list(itertools.chain(*([step] * 3 for step in (0, 2, 5))))
    assert trace["worker"].tolist() == [0, 1, 2] * 3
    assert trace["gradient"].shape == (9, 85_002)
    assert (trace["gradient"].dtype, trace["step"].dtype) == (np.float32, np.int32)
    assert trace.meta["names"] == ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"]
    assert trace.meta["shapes"][0] == [256, 64]
    assert (trace.meta["job"], trace.meta["seed"]) == ("digits", 0)


def test_the_rows_are_the_gradients_of_data_parallel_training():
    trace = record_gradients(Digits(), workers=2, steps=(0, 4), seed=3)
    assert trace["gradient"][2:] == pytest.approx(by_hand(Digits(), 2, 4), rel=1e-3, abs=1e-6)


def test_the_same_seed_gives_the_same_trace_which_a_file_keeps(tmp_path):
    trace = record_gradients(Digits(), workers=2, steps=(0, 3), seed=1)
    assert record_gradients(Digits(), workers=2, steps=(0, 3), seed=1).fingerprint == trace.fingerprint
    assert record_gradients(Digits(), workers=2, steps=(0, 3), seed=2).fingerprint != trace.fingerprint
    trace.save(tmp_path / "gradients.npz")
    assert Trace.load(tmp_path / "gradients.npz").fingerprint == trace.fingerprint


def test_frozen_parameters_are_left_out_and_unused_ones_are_zero():
    trace = record_gradients(Frozen(), workers=2, steps=(1,))
    assert trace.meta["names"] == ["unused", "2.weight", "2.bias", "4.weight", "4.bias"]
    assert np.count_nonzero(trace["gradient"][:, :10]) == 0
    assert np.count_nonzero(trace["gradient"][:, -10:]) > 0


def test_recorded_gradients_agree_more_than_noise_and_thc_holds_on_them():
    job = CharLM(d_model=96, layers=2, heads=4)
    trace = record_gradients(job, workers=4, steps=(0, 10))
    first, later = trace["gradient"][:4], trace["gradient"][4:]
    assert 0.3 < correlation(first) < 1
    assert not np.array_equal(first, later)
    assert simulate(THC(), later, rounds=4).vnmse < 0.015


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": ()}, r"steps are \[\], but must be whole numbers from 0"),
        ({"steps": (3, 3)}, r"steps are \[3, 3\]"),
        ({"steps": (-1, 3)}, r"steps are \[-1, 3\]"),
        ({"workers": 0}, "workers is 0, but must be a whole number of at least 1"),
    ],
)
def test_an_argument_out_of_range_is_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        record_gradients(Digits(), **options)


def test_a_model_without_anything_to_train_is_refused():
    class Still(Digits):
        def model(self, seed):
            return super().model(seed).requires_grad_(False)

    with pytest.raises(InvalidInput, match="the model of digits has no parameter to train"):
        record_gradients(Still())
