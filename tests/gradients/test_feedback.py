import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import THC, Layout, LowRank, TopK
from beforehand.gradients.feedback import Feedback

LAYOUT = Layout([("a", (2, 3)), ("b", (4,))])


def test_what_was_left_is_added_in_the_unit_of_the_loss_scale():
    feedback = Feedback(LAYOUT)
    feedback.keep(np.arange(10, dtype=np.float32), 4.0)
    assert np.array_equal(feedback.added(np.ones(10, np.float32), 8.0), 1 + 2 * np.arange(10))


@pytest.mark.filterwarnings("error")
def test_a_sum_beyond_float32_is_infinite_without_a_warning():
    feedback = Feedback(LAYOUT)
    feedback.keep(np.full(10, 3e38, np.float32), 1.0)
    assert np.isinf(feedback.added(np.full(10, 3e38, np.float32), 1.0)).all()
    assert np.isinf(feedback.added(np.ones(10, np.float32), 4.0)).all()


@pytest.mark.parametrize(
    ("codec", "step"), [(TopK(), 0), (THC(), 0), (THC(feedback="full"), 0), (LowRank(), 0), (LowRank(), 5)]
)
def test_every_codec_refuses_a_loss_scale_of_0_before_it_sends(codec, step):
    encoder = codec.open(LAYOUT, rank=0, workers=2, reduction=codec.reductions[0], step=step)
    with pytest.raises(InvalidInput, match="loss_scale is 0"):
        next(encoder.reduce(np.ones(10, np.float32), loss_scale=0.0))


def test_state_moves_between_buckets_by_parameter():
    feedback = Feedback(LAYOUT)
    feedback.keep(np.arange(10, dtype=np.float32), 1.0)
    state = feedback.state()
    assert state["feedback/a"].shape == (2, 3)
    other = Feedback(Layout([("c", (1,)), ("b", (4,)), ("a", (2, 3))]))
    other.load(state)
    assert np.array_equal(other.added(np.zeros(11, np.float32), 1.0), [0, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5])
    state["feedback/a"][:] = 7
    assert feedback.added(np.zeros(10, np.float32), 1.0)[1] == 1


def test_another_shape_is_refused():
    with pytest.raises(InvalidInput, match=r"feedback of b has shape \(5,\)"):
        Feedback(LAYOUT).load({"feedback/b": np.zeros(5, np.float32)})
