import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import SPRPT, Stage, Stages, View
from beforehand.scheduling.policies import UNKNOWN
from beforehand.scheduling.policies.policy import stages_of
from beforehand.scheduling.policies.view import ToolView, columns_of
from tests.scheduling.queues import Unstaged


def test_a_view_knows_nothing_but_the_arrival_at_first():
    view = View(arrival=2.0, sequence=7)
    assert (view.age, view.started) == (0.0, False)
    assert math.isnan(view.cheap)
    assert math.isnan(view.predicted)
    assert math.isnan(view.remaining)


def test_the_key_is_the_prediction_that_a_policy_goes_by():
    view = View(arrival=0.0, sequence=0, cheap=1.0, predicted=2.0)
    assert (view.key("cheap"), view.key("expensive")) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("fields", "by", "work", "left"),
    [
        ({"predicted": 5.0, "age": 2.0}, "expensive", 0.0, 3.0),
        ({"predicted": 5.0, "age": 2.0}, "expensive", 0.5, 3.5),
        ({"predicted": 5.0, "age": 9.0}, "expensive", 0.0, -4.0),
        ({"cheap": 5.0, "predicted": 1.0, "age": 2.0}, "cheap", 0.0, 3.0),
        ({"predicted": 5.0, "age": 2.0, "remaining": 1.0}, "expensive", 0.0, 1.0),
        ({"cheap": 5.0, "age": 2.0, "remaining": 1.0}, "cheap", 0.0, 3.0),
        ({"age": 2.0}, "expensive", 0.0, UNKNOWN),
    ],
)
def test_what_is_left_follows_the_newest_estimate(fields, by, work, left):
    assert View(arrival=0.0, sequence=0, **fields).left(by, work) == left


class Described(Unstaged):
    def __init__(self, table):
        super().__init__(SPRPT())
        self.table = table

    def stages(self):
        return self.table


def test_stages_of_a_policy_are_its_table_or_none():
    assert stages_of(SPRPT()) == SPRPT().stages()
    assert stages_of(Unstaged(SPRPT())) is None


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (SPRPT, "but must be an object such as SPJF"),
        ("sprpt", "policy is 'sprpt', but must be an object"),
        (Described(3), r"stages\(\) is 3, but must be a Stages; pass one, or None"),
        (Described(Stages(long=())), "no stage for long jobs"),
        (Described(Stages(long=(Stage(0, "fcfs"),), threshold=None)), "threshold is None, but must be a number"),
        (Described(Stages(long=(Stage(0, "fcfs"),), by="age")), "by is 'age', but must be one of cheap, expensive"),
        (Described(Stages(long=Stage(0, "fcfs"))), "but must be a sequence of stages"),
        (Described(Stages(long=((0, "fcfs"),))), r"a stage of stages\(\) is \(0, 'fcfs'\), but must be a Stage"),
        (Described(Stages(long=(Stage(2**31, "fcfs"),))), "band is 2147483648, but must be a whole number from -1000"),
        (Described(Stages(long=(Stage(0, "lifo"),))), "order is 'lifo', but must be one of fcfs"),
        (Described(Stages(long=(Stage(0, "fcfs", math.nan),))), "fixed is nan"),
        (Described(Stages(long=(Stage(0, "fcfs", 0.0, "1"),))), "per_key is '1'"),
    ],
)
def test_stages_that_are_no_table_are_refused(policy, message):
    with pytest.raises(InvalidInput, match=message):
        stages_of(policy)


def test_columns_hold_the_numbers_of_every_view_and_are_read_when_asked_for():
    call = ToolView("search", seconds=2.0, return_tokens=60.0)
    columns = columns_of([View(1.0, 0, predicted=5.0, started=True), View(2.0, 1, context=7, tool=call)])
    assert columns["arrival"].tolist() == [1.0, 2.0]
    assert columns["started"].tolist() == [1.0, 0.0]
    assert columns["context"].tolist() == [0.0, 7.0]
    assert columns["tool_probability"].tolist() == [0.0, 1.0]
    assert math.isnan(columns["tool_seconds"][0])
    assert columns["tool_seconds"][1] == 2.0
    assert len(columns) == len(list(columns)) == 20
    assert set(dict(columns)) == set(columns)
    with pytest.raises(KeyError):
        columns["tool_name"]
    assert columns_of([])["age"].shape == (0,)


def test_columns_are_renewed_without_reading_again_what_was_read():
    views = [View(float(row), row, tool=ToolView(seconds=row)) for row in range(3)]
    columns = columns_of(views)
    assert columns["arrival"].tolist() == [0.0, 1.0, 2.0]
    views[2].arrival = 9.0
    renewed = columns.renewed(np.array([True, False, True]), [View(7.0, 3)])
    assert renewed["arrival"].tolist() == [0.0, 2.0, 7.0]
    assert renewed["sequence"].tolist() == [0.0, 2.0, 3.0]
    assert renewed["tool_probability"].tolist() == [1.0, 1.0, 0.0]
