"""Plans as files: they come back from JSON, build over other keys, and are read without Python."""

import json

import numpy as np
import pytest

from beforehand.core import load_plan
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.ranges import RangePlan, plan
from beforehand.workloads.ranges import normal_keys, queries, uniform_keys

KEYS = uniform_keys(20_000, seed=0)
NEAR = queries(KEYS, 8_000, kind="correlated", longest=256, hits=0.2, seed=1)
HOLDOUT = queries(KEYS, 8_000, kind="correlated", longest=256, hits=0.2, seed=2)


@pytest.fixture(scope="module")
def win() -> RangePlan:
    return plan(KEYS, NEAR, bits_per_key=8, read_cost=30e-3)


def test_json_brings_it_back(win: RangePlan, tmp_path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(win.to_json())
    back = load_plan(path)
    assert isinstance(back, RangePlan)
    assert back.to_json() == win.to_json()
    assert back.explain() == win.explain()
    assert back.build(KEYS) == win.build(KEYS)
    assert len(win.to_json()) < 500_000


@pytest.mark.parametrize("field", ["candidates", "sample", "verdict", "bits_per_key", "design", "worst_case"])
def test_damaged_json_is_refused(win: RangePlan, field: str) -> None:
    fields = json.loads(win.to_json())
    for value in (None, [], "x", -1):
        if field == "worst_case" and value is None:
            continue
        with pytest.raises(CorruptData):
            RangePlan.from_json(json.dumps(fields | {field: value}))


def test_other_keys_get_a_design_that_fits_them(win: RangePlan) -> None:
    others = normal_keys(3_000, seed=6)
    filter = win.build(others)
    assert filter.may_contain(others).all()
    assert filter.bits_per_key <= 8 + 8 * 512 / len(others)


def test_keys_of_another_type_are_refused(win: RangePlan) -> None:
    with pytest.raises(InvalidInput, match=r"keys are int64, but the plan is for uint64"):
        win.build([-1, 2, 3])
    with pytest.raises(InvalidInput, match="keys are missing"):
        win.audit(HOLDOUT)


@pytest.mark.parametrize("kind", ["int64", "float64", "datetime64[s]", "timedelta64[ms]", "bytes", "str"])
def test_every_type_of_keys_keeps_its_sample(kind: str) -> None:
    draw = np.random.default_rng(9)
    numbers = np.unique(draw.integers(-(10**9), 10**9, 3_000))
    lo = draw.choice(numbers, 500) + 1
    if kind in ("bytes", "str"):
        text = [f"{each + 2 * 10**9:012d}" for each in numbers.tolist()]
        first = [f"{each + 2 * 10**9:012d}" for each in lo.tolist()]
        encode = (lambda rows: [row.encode() for row in rows]) if kind == "bytes" else list
        keys, sample = encode(text), (encode(first), encode(first))
    elif kind == "float64":
        keys, sample = numbers / 7, (lo / 7, lo / 7)
    else:
        keys = numbers.astype(kind)
        sample = (lo.astype(kind), lo.astype(kind))
    chosen = plan(keys, sample)
    assert str(chosen.key_type) == kind
    back = RangePlan.from_json(chosen.to_json())
    for kept, given in zip(back.sample.queries, sample, strict=True):
        assert list(kept) == list(given)
    if chosen.design != "none":
        assert back.build(keys).may_contain(keys).all()
        assert chosen.policy()[:8] == b"\x89BHRF\r\n\x1a"


def test_a_policy_holds_the_sample(win: RangePlan) -> None:
    policy = win.policy()
    lo = np.asarray(win.sample.lo)
    assert policy[10] == 0  # the kind that is no filter
    assert lo.tobytes() in policy


def test_the_price_of_a_query_holds_its_share_of_the_memory(win: RangePlan) -> None:
    chosen = next(each for each in win.candidates if each.design == win.design)
    assert win.price.bytes == chosen.bytes / win.queries_per_build > 0
