import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.gradients import correlation
from beforehand.gradients.sample import Sample
from beforehand.workloads.gradient_samples import gradients

COLUMNS = {
    "step": np.array([0, 0, 7, 7]),
    "worker": np.array([0, 1, 0, 1]),
    "gradient": np.arange(12, dtype=np.float32).reshape(4, 3),
}


def trace(meta=None, kind="gradients", **columns):
    return Trace(kind, COLUMNS | columns, meta=meta)


def test_rows_are_steps_of_workers():
    sample = Sample.read(trace({"names": ["w", "b"], "shapes": [[2], [1]], "seconds": 1.5}))
    assert sample.steps.tolist() == [0, 7]
    np.testing.assert_array_equal(sample.rows, COLUMNS["gradient"].reshape(2, 2, 3))
    assert sample.layout.slices == {"w": slice(0, 2), "b": slice(2, 3)}
    assert (sample.workers, sample.seconds) == (2, 1.5)
    assert sample.of(8).shape == (2, 2, 3)
    assert sample.recording(10.0) == 1.5


def test_without_seconds_recording_costs_all_steps_of_each_worker():
    sample = Sample.read(trace())
    assert sample.seconds is None
    assert sample.recording(0.5) == 0.5 * 2 * 8


def test_without_names_it_is_one_tensor():
    assert Sample.read(trace()).layout.tensors == (("gradient", (3,)),)


def test_agreement_is_that_of_the_first_workers():
    made = gradients("layers", workers=6, steps=3, size=4096, seed=0)
    sample = Sample.read(made)
    expected = np.mean([correlation(step[:4]) for step in made["gradient"].reshape(3, 6, -1)])
    assert sample.rho(4) == pytest.approx(expected)


@pytest.mark.parametrize("fraction", [0.3, 0.4, 0.5, 0.6])
def test_a_step_that_a_split_has_cut_is_left_out(fraction):
    parts = [Sample.read(each) for each in gradients("normal", size=64, workers=4, steps=5, seed=0).split(fraction)]
    assert all(part.workers == 4 for part in parts)
    assert 4 <= sum(len(part.steps) for part in parts) <= 5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.ones((4, 3)), "sample is a ndarray, but must be a Trace of kind 'gradients'; record_gradients"),
        (trace(kind="vectors"), "sample is of kind 'vectors'"),
        (Trace("gradients", {"step": [0, 0], "worker": [0, 1]}), "no column 'gradient'"),
        (trace(gradient=np.arange(4.0)), r"shape \(4,\), but must have one row"),
        (trace(gradient=np.full((4, 3), np.nan)), "not all finite"),
        (trace(gradient=np.full((4, 3), 1e200)), "not all finite"),
        (trace(gradient=np.array([["a"] * 3] * 4)), "must be an array of real numbers"),
        (trace(step=np.array([0.0, 0, 7, 7])), "step of the sample must be whole numbers"),
        (trace(worker=np.array([1, 0, 0, 1])), "not in order of step, then worker"),
        (trace(worker=np.array([0, 0, 0, 1])), "not in order of step, then worker"),
        (trace(step=np.array([0, 1, 2, 3])), "no step of two workers"),
        (trace(worker=np.array([0, 1, 0, 2])), "steps of different workers"),
        (trace({"names": ["w"], "shapes": [[2]]}), "2 coordinates, but gradients 3"),
        (trace({"names": ["w"], "shapes": [[2], [1]]}), "names and shapes in meta of the sample do not fit"),
        (trace({"names": ["w"], "shapes": [["x"]]}), "names and shapes in meta of the sample do not fit"),
        (trace({"names": 3}), "names and shapes in meta of the sample do not fit"),
        (trace({"names": ["w", "w"], "shapes": [[2], [1]]}), "repeat the name 'w'"),
        (trace({"seconds": -1}), "seconds in meta of the sample are -1"),
        (trace({"seconds": "1"}), "seconds in meta of the sample are '1'"),
    ],
)
def test_what_is_no_sample_is_refused(given, message):
    with pytest.raises(InvalidInput, match=message):
        Sample.read(given, "sample")
