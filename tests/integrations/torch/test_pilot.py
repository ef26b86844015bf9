"""Training with a codec between simulated workers; `make test-torch` runs these."""

import sys

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import QSGD, THC, Adaptive, BlockFloat8, BlockInt, Cast, LowRank, TopK, TopKChunked, vnmse
from beforehand.integrations.torch import pilot, record_gradients
from beforehand.integrations.torch.pilot import Buckets
from beforehand.workloads.training_jobs import CharLM, Digits

pytestmark = pytest.mark.torch
SMALL = CharLM(d_model=96, layers=2, heads=4)


class ForAccuracy(Digits):
    """Digits that report the share not recognized as their loss."""

    def evaluate(self, model):
        return {"loss": 1 - super().evaluate(model)["accuracy"]}


def steps_to_accuracy(codec, *, steps=300, accuracy=0.97):
    """After how many steps so many test digits are recognized."""
    taken, missed = pilot(ForAccuracy(), workers=4, steps=steps)(codec)
    reached = taken[missed <= 1 - accuracy + 1e-9]
    return int(reached[0]) if reached.size else np.inf


@pytest.fixture(scope="module")
def exact_steps():
    return steps_to_accuracy(Cast("float32"))


def test_a_curve_starts_before_the_first_step_and_ends_at_the_last():
    steps, losses = pilot(Digits(), workers=2, steps=12)(Cast("float32"))
    assert steps.tolist() == [0, 5, 10, 12]
    assert losses.shape == (4,)
    assert losses[0] == pytest.approx(np.log(10), abs=0.2)
    assert losses[-1] < losses[0] - 0.05


def test_an_exact_codec_trains_as_plain_means_do_and_a_run_repeats():
    run = pilot(Digits(), workers=3, steps=20, seed=2)
    exact, once, again = run(Cast("float32")), run(THC()), run(THC())
    assert np.array_equal(once[1], again[1])
    assert not np.array_equal(once[1], exact[1])
    alone = pilot(Digits(batch=48), workers=1, steps=20, seed=2)(Cast("float32"))
    assert exact[1] == pytest.approx(alone[1], rel=1e-4)  # one worker with the digits of three


def test_codecs_reach_the_accuracy_of_plain_training_in_about_its_steps(exact_steps):
    assert 60 <= exact_steps <= 160
    for codec in (THC(bits=4), THC(bits="lane", lanes=10), LowRank(rank=2)):
        assert steps_to_accuracy(codec) <= 2.5 * exact_steps, codec


@pytest.mark.nightly
@pytest.mark.parametrize(
    "codec",
    [
        *(
            THC(bits=2),
            THC(bits=3),
            BlockInt(),
            BlockInt(bits=4, block=32),
            BlockFloat8(),
            Adaptive(),
            Cast("bfloat16"),
        ),
        *(TopKChunked(), TopK(density=0.1), LowRank(rank=4), QSGD(), THC(feedback="full"), THC(bits="lane")),
    ],
    ids=str,
)
def test_every_codec_reaches_the_accuracy_of_plain_training(exact_steps, codec):
    assert steps_to_accuracy(codec) <= 2.5 * exact_steps


@pytest.mark.nightly
def test_the_character_model_learns_with_thc_as_it_does_without():
    run = pilot(SMALL, workers=4, steps=60)
    exact = run(Cast("float32"))[1][-1]
    assert run(THC())[1][-1] == pytest.approx(exact, rel=0.015)


def test_buckets_are_cut_from_the_last_parameter_on(monkeypatch):
    monkeypatch.setattr("beforehand.gradients.buckets.FIRST", 4 * 68_000)
    trace = record_gradients(Digits(), workers=2, steps=(0,))
    tensors = list(zip(trace.meta["names"], map(tuple, trace.meta["shapes"]), strict=True))
    buckets = Buckets(THC(bits="lane", lanes=12, truncation=2**-13), tensors, 2)
    assert [(where.start, where.stop) for where, _, _ in buckets._parts] == [(16_640, 85_002), (0, 16_640)]
    rows = trace["gradient"]
    assert vnmse(buckets.mean(rows), rows.mean(axis=0)) < 1e-3
    monkeypatch.setattr(sys.modules[Buckets.__module__], "SMALLEST", 16_641)
    exact = Buckets(THC(), tensors, 2).mean(rows)
    assert np.array_equal(exact[:16_640], (rows[:, :16_640].sum(axis=0)) / 2)


def test_an_argument_out_of_range_is_refused():
    with pytest.raises(InvalidInput, match="workers is 0, but must be a whole number of at least 1"):
        pilot(Digits(), workers=0)
    with pytest.raises(InvalidInput, match="steps is 0"):
        pilot(Digits(), steps=0)


def test_a_job_without_a_loss_is_told_what_is_missing():
    class Silent(Digits):
        def evaluate(self, model):
            return {"accuracy": super().evaluate(model)["accuracy"]}

    with pytest.raises(InvalidInput, match=r"evaluate\(\) of digits returns accuracy, but a pilot needs a 'loss'"):
        pilot(Silent())(Cast("float32"))


def test_metrics_that_are_none_are_refused():
    class Mute(Digits):
        def evaluate(self, model):
            return None

    with pytest.raises(InvalidInput, match=r"evaluate\(\) of digits returned None, but must return names and numbers"):
        pilot(Mute())(Cast("float32"))
