"""On a real local Ray; `make test-ray` runs these."""

import functools
import subprocess
import sys
import time

import numpy as np
import pyarrow
import pytest

from beforehand.core import Price
from beforehand.core.errors import InvalidInput
from beforehand.integrations.ray import ShardedSummary
from beforehand.streams import FromCallable, LearnedSpaceSaving, Partitioned, SpaceSaving, plan
from beforehand.streams.sharding import split

pytestmark = pytest.mark.ray

STREAM = np.random.default_rng(3).zipf(1.2, 60_000) % 9_000 - 50
KEYS, TRUE = np.unique(STREAM, return_counts=True)
FACTORY = functools.partial(SpaceSaving, capacity=150)


def check_bounds(made, form=np.asarray):
    lower, upper = made.bounds(form(KEYS))
    assert (lower <= TRUE).all()
    assert (upper >= TRUE).all()


@pytest.mark.parametrize("form", [np.asarray, lambda keys: [str(key) for key in keys]], ids=["int", "str"])
def test_hashed_shards_hold_what_summaries_in_this_process_would(ray, form):
    made = ShardedSummary(3, FACTORY)
    alone = [FACTORY() for _ in range(3)]
    for batch in np.array_split(STREAM, 7):
        made.update(form(batch))
        for part, (keys, _) in zip(alone, split(form(batch), None, 3, 0), strict=True):
            part.update(keys)
    result = made.result()
    assert isinstance(result, Partitioned)
    assert [part.to_bytes() for part in result.parts] == [part.to_bytes() for part in alone]
    check_bounds(made, form)
    check_bounds(result, form)
    assert made.top(5).to_list() == result.top(5).to_list()
    for mine, theirs in zip(made.bounds(form(KEYS)), result.bounds(form(KEYS)), strict=True):
        assert (mine == theirs).all()
    assert (made.estimate(form(KEYS), estimator="lower") == result.bounds(form(KEYS))[0]).all()
    assert made.bounds(form(KEYS)[0]) == result.bounds(form(KEYS)[0])


def test_round_robin_merges_the_shards_as_a_tree_and_counts_on(ray):
    made = ShardedSummary(5, FACTORY, partition="round_robin")
    first, second = np.array_split(STREAM, 2)
    for batch in np.array_split(first, 8):
        made.update(batch)
    assert made.result().total == len(first)
    for batch in np.array_split(second, 8):
        made.update(batch)
    result = made.result()
    assert isinstance(result, SpaceSaving)
    assert result.total == len(STREAM)
    assert result.error_bound <= len(STREAM) / 150
    check_bounds(made)
    assert (made.estimate(KEYS) == result.estimate(KEYS)).all()
    assert made.top(3).to_list() == result.top(3).to_list()


@pytest.mark.parametrize("partition", ["hash", "round_robin"])
def test_a_predictor_goes_along(ray, partition):
    predictor = FromCallable(lambda keys: np.where(keys < 10, 9.0, 0.0), price=Price())
    made = ShardedSummary(2, lambda: LearnedSpaceSaving(predictor, memory="4KiB"), partition=partition)
    for batch in np.array_split(STREAM, 4):
        made.update(batch)
    check_bounds(made)
    check_bounds(made.result())


def test_a_plan_says_what_the_shards_are(ray):
    chosen = plan(STREAM, memory=4096)
    made = ShardedSummary(2, chosen)
    made.update(STREAM)
    check_bounds(made)
    assert [type(part) for part in made.result().parts] == [type(chosen.build())] * 2


def test_weights_nulls_and_arrow_strings_reach_the_shards(ray):
    made = ShardedSummary(2, FACTORY)
    made.update(["a", "b", "a", None], np.array([3, 1, 2, 9]))
    made.update(pyarrow.array(["a", "c", None]), 10)
    made.update("b")
    result = made.result()
    assert (result.total, result.skipped) == (27, 2)
    assert made.estimate(["a", "b", "c", "d"]).tolist() == [15, 2, 10, 0]
    assert made.estimate("a") == 15.0


def test_an_update_waits_while_too_many_batches_are_on_their_way(ray):
    class Slow:
        seed = 0

        def copy(self):
            return self

        def merge(self, other):
            return self

        def update(self, keys, weights):
            time.sleep(0.8 if keys else 0)

    made = ShardedSummary(1, Slow, partition="round_robin", in_flight=2)
    made.update([])
    made.update([])  # the actor has started when these are through
    made.update([1])
    made.update([1])
    began = time.monotonic()
    made.update([1])
    made.update([1])
    assert time.monotonic() - began > 0.6


def test_what_an_actor_refuses_is_raised_with_its_shard(ray):
    made = ShardedSummary(2, FACTORY, partition="round_robin")
    for keys in ([1, 2], [3, 4], ["a"], [5]):
        made.update(keys)
    with pytest.raises(InvalidInput, match="keys are str, but this one holds") as caught:
        made.result()
    assert caught.value.__notes__ == ["raised in shard 0 of 2"]
    assert made.estimate([1, 2, 3, 4, 5]).tolist() == [1, 1, 1, 1, 1]


def test_what_is_no_key_is_refused_before_it_travels(ray):
    made = ShardedSummary(2, FACTORY)
    with pytest.raises(InvalidInput, match="float64"):
        made.update(np.zeros(3))
    with pytest.raises(InvalidInput, match="weights are 2 for 3 keys"):
        made.update([1, 2, 3], [1, 2])
    with pytest.raises(InvalidInput, match="at least 1"):
        made.update([1, 2, 3], 0)
    assert made.result().total == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "n is 0"),
        ({"n": 2.0}, "n is 2.0"),
        ({"partition": "key"}, "partition is 'key'"),
        ({"in_flight": 0}, "in_flight is 0"),
        ({"factory": lambda: SpaceSaving(capacity=0)}, "capacity is 0"),
        ({"factory": dict}, "a part is a dict"),
    ],
)
def test_options_that_break_their_rule_are_refused(ray, options, words):
    with pytest.raises(InvalidInput, match=words):
        ShardedSummary(**{"n": 2, "factory": FACTORY, **options})


def test_without_ray_one_sentence_says_what_to_install():
    code = (
        "import sys; sys.modules['ray'] = None; from beforehand.integrations.ray import ShardedSummary as S; S(1, dict)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = ran.stderr.strip().splitlines()[-1]
    assert last.endswith("MissingDependency: ShardedSummary needs ray; pip install 'beforehand[ray]'")
