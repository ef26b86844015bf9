"""The queue by keys: against a sorted list, and what it refuses."""

import math

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import SPJF, View
from beforehand.scheduling.serving.ordering.rank_queue import RankQueue

IDS = st.integers(0, 40)
KEYS = st.one_of(st.integers(0, 3).map(float), st.floats(allow_nan=False))
SEQUENCES = st.integers(0, 5)


class AgainstASortedList(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.queue, self.model, self.pushes, self.peeked = RankQueue(), {}, 0, None
        self.views = {}

    def order(self):
        return sorted(self.model, key=self.model.__getitem__)

    @rule(id=IDS, key=KEYS, sequence=SEQUENCES)
    def push(self, id, key, sequence):
        self.pushes += 1
        self.queue.push(id, key, sequence)
        self.model[id] = (key, sequence, self.pushes)
        self.views[id] = View(0.0, sequence, predicted=-key)
        self.peeked = None

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data):
        id = data.draw(st.sampled_from(sorted(self.model)))
        self.queue.remove(id)
        del self.model[id]
        self.peeked = None

    @precondition(lambda self: self.model)
    @rule()
    def peek(self):
        self.peeked = self.queue.peek()
        assert self.peeked == self.order()[0]

    @precondition(lambda self: self.model)
    @rule()
    def pop(self):
        first = self.queue.pop()
        assert first == self.order()[0]
        assert self.peeked is None or first is self.peeked
        del self.model[first]
        self.peeked = None

    @rule(data=st.data())
    def rebuild(self, data):
        chosen = [id for id in self.model if data.draw(st.booleans())]
        keys = {id: data.draw(KEYS) for id in chosen}
        self.queue.rebuild(keys)
        for id, key in keys.items():
            self.model[id] = (key, *self.model[id][1:])
        self.peeked = None

    @rule()
    def rank_all(self):
        self.queue.rank_all(SPJF(), None, self.views.__getitem__)
        self.model = {id: (self.views[id].predicted, *place[1:]) for id, place in self.model.items()}
        self.peeked = None

    @invariant()
    def agrees(self):
        self.queue.check_invariants()
        assert len(self.queue) == len(self.model)
        assert list(self.queue) == self.order()
        assert all((id in self.queue) == (id in self.model) for id in range(41))


TestAgainstASortedList = AgainstASortedList.TestCase


def queue_of(**keys):
    queue = RankQueue()
    for sequence, (id, key) in enumerate(keys.items()):
        queue.push(id, key, sequence)
    return queue


def test_ids_that_cannot_be_compared_still_find_their_order_if_everything_else_is_equal():
    queue = RankQueue()
    requests = [object() for _ in range(9)]
    for request in requests:
        queue.push(request, 1.0, 0)
    assert [queue.pop() for _ in requests] == requests


def test_an_id_that_is_pushed_again_takes_its_new_place_only():
    queue = queue_of(a=1.0, b=2.0)
    queue.push("a", 3.0, 0)
    assert (len(queue), list(queue)) == (2, ["b", "a"])


def test_none_may_be_an_id():
    queue = RankQueue()
    queue.push(None, 1.0, 0)
    queue.push(None, 2.0, 0)
    assert (queue.pop(), len(queue)) == (None, 0)


def test_infinite_keys_are_first_and_last():
    assert list(queue_of(last=math.inf, mean=0.0, first=-math.inf)) == ["first", "mean", "last"]


@pytest.mark.parametrize("key", [math.nan, "12", None, 1j])
def test_a_key_that_has_no_order_is_refused_and_changes_nothing(key):
    queue = queue_of(a=1.0, b=2.0)
    with pytest.raises(InvalidInput, match="key of 'a'"):
        queue.push("a", key, 0)
    assert list(queue) == ["a", "b"]
    queue.check_invariants()


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"a": 5.0, "b": math.nan}, "key of 'b' is nan"),
        ({"a": 5.0, "stranger": 1.0}, "'stranger' is not in the queue"),
        ({"a": 5.0, "b": "much"}, "a key is not a number"),
    ],
)
def test_keys_that_cannot_be_rebuilt_change_nothing(keys, says):
    queue = queue_of(a=1.0, b=2.0)
    with pytest.raises(InvalidInput, match=says):
        queue.rebuild(keys)
    assert list(queue) == ["a", "b"]


def test_all_are_ranked_anew_and_only_the_views_of_ids_that_were_pushed_since_are_read():
    queue = queue_of(a=1.0, b=2.0, c=3.0)
    views = {id: View(0.0, 0, predicted=size) for id, size in (("a", 30.0), ("b", 20.0), ("c", 10.0), ("d", 15.0))}
    read = []

    def view(id):
        read.append(id)
        return views[id]

    queue.rank_all(SPJF(), None, view)
    assert (list(queue), read) == (["c", "b", "a"], ["a", "b", "c"])
    views["a"].predicted = 5.0
    queue.push("a", 5.0, 0)
    queue.push("d", 15.0, 3)
    queue.remove("b")
    queue.rebuild({"a": 50.0})
    read.clear()
    queue.rank_all(SPJF(), None, view)
    assert (list(queue), read) == (["a", "c", "d"], ["a", "d"])


def test_ranks_that_are_nan_are_refused_and_change_nothing():
    class Broken:
        rank_many = staticmethod(lambda columns, engine: np.where(columns["sequence"] > 0, math.nan, 5.0))

    queue = queue_of(a=1.0, b=2.0)
    with pytest.raises(InvalidInput, match="key of 'b' is nan"):
        queue.rank_all(Broken(), None, lambda id: View(0.0, "ab".index(id)))
    assert list(queue) == ["a", "b"]
    queue.check_invariants()


def test_an_empty_queue_has_no_first():
    queue = RankQueue()
    for first in (queue.peek, queue.pop):
        with pytest.raises(IndexError, match="the queue is empty"):
            first()
    with pytest.raises(KeyError):
        queue.remove("nobody")


def test_ten_thousand_changes_of_one_key_hold_no_more_than_a_few_entries():
    queue = queue_of(a=1.0, b=2.0)
    for step in range(10_000):
        queue.push("a", float(step), 0)
    queue.check_invariants()
    assert len(queue) == 2
