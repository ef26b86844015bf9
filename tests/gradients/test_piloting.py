import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.core.report import Outcome
from beforehand.gradients import THC, BlockInt, Cast, TopK
from beforehand.gradients.candidates import Candidate
from beforehand.gradients.codecs import chosen_transport
from beforehand.gradients.piloting import Curve, piloted


def candidate(codec, seconds):
    outcome = Outcome(codec.to_json(), seconds, seconds, seconds)
    parts = dict.fromkeys(("up", "down", "encode", "accumulate", "exchange", "decode"), 0.0)
    transport = chosen_transport(codec)
    return Candidate(codec=codec, transport=transport, step=outcome, vnmse=outcome, closed_form=None, **parts)


SUMS = [candidate(Cast("float32"), 4.0), candidate(Cast("float16"), 2.0), candidate(Cast("bfloat16"), 2.1)]


class Pilot:
    """Losses that fall by one in so many steps."""

    def __init__(self, **steps):
        self.steps = steps
        self.ran = []

    def __call__(self, codec):
        self.ran.append(codec)
        steps = np.arange(0, 31, 3)
        return steps, 10.0 - steps / self.steps.get(codec.name, 3.0)


def curve(steps, losses):
    return Curve(np.array(steps, float), np.array(losses, float))


def test_steps_to_a_loss_lie_on_a_line_between_evaluations():
    seen = curve([0, 10, 20, 30], [4.0, 3.0, 1.0, 2.0])
    assert [seen.reached(loss) for loss in (5.0, 3.5, 3.0, 2.0, 1.0, 0.9)] == [0, 5, 10, 15, 20, None]
    assert curve([5, 10], [1.0, 0.5]).reached(2.0) == 5
    assert curve([5, 10], [math.inf, 0.5]).reached(2.0) == 10
    assert curve([5, 10], [math.nan, math.nan]).reached(2.0) is None


def test_the_last_loss_is_told_where_it_is_finite():
    assert curve([1, 2], [3.0, 2.0]).loss == 2.0
    assert curve([1, 2], [3.0, math.nan]).loss is None


def test_the_target_is_the_loss_after_two_thirds_of_the_steps():
    curves, target = piloted(SUMS, Pilot(), None)
    assert target == pytest.approx(10 - 21 / 3)
    assert curves[Cast("float32")].reached(target) == pytest.approx(21)


def test_only_what_can_still_win_is_run():
    pilot = Pilot(TopK=30.0)
    ahead = [candidate(TopK(), 0.5), candidate(THC(), 1.0), candidate(BlockInt(), 1.5), *SUMS]
    curves, _ = piloted(ahead, pilot, None)
    assert pilot.ran == [Cast("float32"), Cast("float16"), TopK(), THC()]
    assert set(curves) == set(pilot.ran)


def test_a_codec_that_loses_steps_leaves_room_for_the_next():
    pilot = Pilot(THC=4.2)
    piloted([candidate(THC(), 1.0), candidate(BlockInt(), 1.3), *SUMS], pilot, None)
    assert BlockInt() in pilot.ran


def test_one_codec_is_run_once_whatever_carries_it():
    pilot = Pilot()
    thc = candidate(THC(), 1.0)
    piloted([thc, candidate(THC(), 0.9), *SUMS], pilot, None)
    assert pilot.ran.count(THC()) == 1


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (-5.0, "target_loss is -5, but the pilot of float32 ended with 0 after 30 steps; run it longer"),
        (10.0, "target_loss is 10, but training begins with 10; aim for less"),
    ],
)
def test_a_target_that_says_nothing_is_refused(target, message):
    with pytest.raises(InvalidInput, match=message):
        piloted(SUMS, Pilot(), target)


@pytest.mark.parametrize(
    ("steps", "losses"), [([1, 2], [1.0]), ([], []), ([2, 1], [1.0, 2.0]), ([[1]], [[1.0]]), (1, 1.0)]
)
def test_what_is_no_curve_is_refused(steps, losses):
    with pytest.raises(InvalidInput, match="must return as many of both, with ascending steps"):
        Curve.of(lambda codec: (steps, losses), THC())
