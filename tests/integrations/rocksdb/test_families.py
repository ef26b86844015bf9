"""Options of column families: their own, those for all, then those of a plan."""

import logging

import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.integrations.rocksdb import FilterOptions
from beforehand.integrations.rocksdb.families import settle_families
from beforehand.integrations.rocksdb.options import FILTERS as NAMES
from beforehand.ranges import FILTERS
from beforehand.ranges.plan import plan as plan_filter

pytestmark = pytest.mark.rocksdb
KEYS = np.arange(1, 20_001, dtype=np.uint64) << np.uint64(40)
NUMBERS = {"key_type": "uint64"}


def planned(longest=15, bits_per_key=10, keys=KEYS):
    lo = keys[:4000] + np.uint64(1000)
    return plan_filter(keys, (lo, lo + np.uint64(longest)), bits_per_key=bits_per_key, seed=3)


@pytest.fixture(scope="module")
def plan():
    return planned()


@pytest.fixture
def environment(monkeypatch, tmp_path):
    def name(text):
        path = tmp_path / "plan.json"
        path.write_text(text)
        monkeypatch.setenv("BEFOREHAND_PLAN", str(path))
        return path

    return name


def test_the_names_of_filters_are_those_of_the_area():
    assert set(NAMES) == set(FILTERS)


def test_a_plan_serves_families_without_options_of_their_own(plan):
    own = FilterOptions(filter="surf", key_type="uint64")
    mine, theirs = settle_families(["default", "own"], {"own": own}, NUMBERS, plan)
    assert (mine.name, mine.options.filter, mine.options.bits_per_key) == ("default", plan.design, 10)
    assert mine.policy == plan.policy()
    assert (theirs.options, theirs.policy) == (own, None)


def test_what_is_passed_goes_before_what_a_plan_says(plan):
    (family,) = settle_families(["default"], {}, NUMBERS | {"filter": "prefix-bloom", "bits_per_key": 14}, plan)
    assert (family.options.filter, family.options.bits_per_key) == ("prefix-bloom", 14)
    (family,) = settle_families(["default"], {}, NUMBERS | {"filter": None}, plan)
    assert family.options.filter is None


def test_the_variable_names_a_plan_where_none_is_passed(plan, environment):
    environment(planned(bits_per_key=16).to_json())
    (family,) = settle_families(["default"], {}, NUMBERS, None)
    assert family.options.bits_per_key == 16
    (family,) = settle_families(["default"], {}, NUMBERS, plan)
    assert family.options.bits_per_key == 10


def test_a_plan_for_other_keys_is_refused_by_the_name_of_its_place(plan, environment):
    with pytest.raises(InvalidInput, match="plan is for uint64 keys, but all column families have bytes keys"):
        settle_families(["default"], {}, {}, plan)
    path = environment(plan.to_json())
    with pytest.raises(InvalidInput, match=f"BEFOREHAND_PLAN={path} is for uint64 keys"):
        settle_families(["default"], {}, {}, None)
    with pytest.raises(InvalidInput, match="options of their own"):
        settle_families(["default"], {"default": FilterOptions(**NUMBERS)}, NUMBERS, plan)


def test_a_plan_of_another_area_is_left_alone_in_the_environment_and_refused_as_an_argument(environment, caplog):
    from beforehand.quantization import plan as plan_codes

    other = plan_codes(np.random.default_rng(0).normal(size=(100, 64)), bits=4)
    environment(other.to_json())
    with caplog.at_level(logging.INFO, "beforehand"):
        (family,) = settle_families(["default"], {}, NUMBERS, None)
    assert (family.policy, len(caplog.records)) == (None, 1)
    with pytest.raises(InvalidInput, match="plan is of 'quantization', but must be of 'ranges'; make it with"):
        settle_families(["default"], {}, NUMBERS, other)


def test_a_file_that_is_no_plan_is_refused(environment, monkeypatch):
    environment("{}")
    with pytest.raises(CorruptData):
        settle_families(["default"], {}, NUMBERS, None)
    monkeypatch.setenv("BEFOREHAND_PLAN", "/nowhere/plan.json")
    with pytest.raises(InvalidInput, match="/nowhere"):
        settle_families(["default"], {}, NUMBERS, None)


def test_a_plan_that_says_dont_bother_opens_without_filters(opened):
    none = planned(longest=2**41)  # every range is longer than a gap
    assert (none.design, none.verdict) == ("none", "don't bother")
    db = opened(key_type="uint64", plan=none)
    db.put(b"12345678", b"")
    db.flush()
    assert db.statistics().live_filters == 0


def test_the_sample_of_a_plan_designs_the_first_filters(opened, plan):
    db = opened(key_type="uint64", plan=plan)
    db.write([("put", int(key).to_bytes(8, "big"), b"") for key in KEYS])
    db.flush()
    found = db.statistics()
    assert found.expected_false_positive_rate < 0.05
    lo = [int(key + np.uint64(1003)).to_bytes(8, "big") for key in KEYS[:-1:3]]
    hi = [int(key + np.uint64(1011)).to_bytes(8, "big") for key in KEYS[:-1:3]]
    assert db.scan_many(lo, hi).sum() == 0
    assert db.statistics().observed_false_positive_rate < 3 * found.expected_false_positive_rate + 0.005
