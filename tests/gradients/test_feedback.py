import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import Layout
from beforehand.gradients.feedback import Feedback

LAYOUT = Layout([("a", (2, 3)), ("b", (4,))])


def test_what_was_left_is_added_in_the_unit_of_the_loss_scale():
    feedback = Feedback(LAYOUT)
    feedback.keep(np.arange(10, dtype=np.float32), 4.0)
    assert np.array_equal(feedback.added(np.ones(10, np.float32), 8.0), 1 + 2 * np.arange(10))


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
