import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    Boosted,
    DelayPredict,
    OneBit,
    ShortestWork,
    Skip,
    SkipPredict,
    policy_from_json,
    policy_to_json,
)

WRITTEN = [TRAIL(0.8), DelayPredict(math.inf), OneBit(2.0, preemptive=False), SkipPredict(1.5, long_order="size")]
WITHIN = [
    Boosted(SPJF()),
    Boosted(TRAIL(0.8), boost=30.0, knee=265.0),
    Boosted(Skip(TRAIL(0.5, by="expensive"), threshold=20.0), boost=math.inf),
    Boosted(SkipPredict(2.0, preemptive=False, long_order="size"), knee=math.inf),
    Boosted(ShortestWork(decode=0.0), boost=0.1, knee=0.1),
    Skip(ShortestWork(decode=2.0), threshold=math.inf),
]
WRITTEN += WITHIN


def test_infinity_is_written_as_a_word_and_read_again():
    text = policy_to_json(DelayPredict(math.inf))
    assert '"inf"' in text
    assert policy_from_json(text) == DelayPredict(math.inf)


def test_a_policy_within_a_policy_is_an_object_within():
    assert policy_to_json(Boosted(TRAIL(0.8), boost=30.0, knee=265.0)) == (
        '{"policy": "boosted", "inner": {"policy": "trail", "fraction": 0.8, "by": "expensive"}, '
        '"boost": 30.0, "knee": 265.0}'
    )
    assert policy_from_json('{"policy": "boosted", "inner": "spjf"}') == Boosted(SPJF())


def test_a_policy_of_somebody_else_within_has_no_json():
    class Mine:
        rank = review_age = asks = stages = lambda self, view=None: 1.0

    with pytest.raises(InvalidInput, match="must be one of fcfs"):
        policy_to_json(Boosted(Mine()))


def test_options_from_numpy_are_written_too():
    policy = SkipPredict(np.float32(0.5), preemptive=np.bool_(True), cheap_work=np.int64(2))
    assert policy_from_json(policy_to_json(policy)) == SkipPredict(0.5, cheap_work=2.0)


def test_options_that_are_left_out_take_their_defaults():
    assert policy_from_json('{"policy": "skippredict", "threshold": 2}') == SkipPredict(2)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("srpt", InvalidInput, "policy is 'srpt', but must be one of fcfs"),
        ("[1]", CorruptData, "does not describe a policy"),
        ('{"threshold": 1}', CorruptData, "does not describe a policy"),
        ('{"policy": 3}', CorruptData, "must be a name"),
        ('{"policy": "srpt"}', InvalidInput, "policy is 'srpt', but must be one of fcfs"),
        ('{"policy": "trail"}', InvalidInput, "trail lacks an option: give it fraction; its options are fraction, by"),
        ("trail", InvalidInput, "trail lacks an option: give it fraction; its options are fraction, by"),
        (
            '{"policy": "trail", "fraction": 0.5, "depth": 1}',
            InvalidInput,
            "trail has no option depth; its options are fraction, by",
        ),
        ('{"policy": "trail", "fraction": "half"}', InvalidInput, "fraction is 'half', but must be a number"),
        ('{"policy": "1bit", "threshold": 1, "preemptive": 0}', InvalidInput, "preemptive is 0"),
        ("lifo", InvalidInput, "policy is 'lifo', but must be one of fcfs"),
        ('{"policy": "trail", "fraction": 0.5', CorruptData, "neither one of fcfs"),
        ("[" * 100_000, CorruptData, "neither one of"),
        (
            '{"policy": "boosted"}',
            InvalidInput,
            "boosted lacks an option: give it inner; its options",
        ),
        ('{"policy": "boosted", "inner": 3}', CorruptData, "3 does not describe a policy"),
        ('{"policy": "boosted", "inner": "fcfs"}', InvalidInput, "inner is FCFS, but must rank by one positive amount"),
        ('{"policy": "boosted", "inner": {"policy": "spjf"}, "boost": "some"}', InvalidInput, "boost is 'some'"),
        ('{"policy": "skip", "threshold": 1, "inner": ' * 90 + "3" + "}" * 90, CorruptData, "lie 4 deep in each other"),
        ("Boosted(SPJF", CorruptData, "neither one of fcfs"),
        ("Skip(" * 9000 + ")" * 9000, CorruptData, "lie 4 deep"),
    ],
)
def test_other_text_is_refused_with_the_reason(text, error, message):
    with pytest.raises(error, match=message):
        policy_from_json(text)


def test_the_name_that_earlier_releases_wrote_is_read():
    assert policy_from_json('{"policy": "1bit", "threshold": 2.0, "preemptive": true}') == OneBit(2.0)
    assert '"policy": "onebit"' in policy_to_json(OneBit(2.0))


@given(data=st.data())
def test_damaged_json_is_read_or_refused_and_nothing_else(data):
    text = policy_to_json(data.draw(st.sampled_from(WRITTEN)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        new = data.draw(st.text(max_size=3) | st.sampled_from(["1e999", "NaN", "[", "{}", '"', "9" * 400, "null", "-"]))
        text = text[:place] + new + text[place + data.draw(st.integers(0, 8)) :]
    try:
        policy = policy_from_json(text)
    except (CorruptData, InvalidInput):
        return
    assert policy_from_json(policy_to_json(policy)) == policy


@pytest.mark.parametrize(
    "policy",
    [
        FCFS(), SPJF(), SPJF(by="cheap"), PSPJF(by="cheap"), SPRPT(by="cheap", work=0.25), LAS(quantum=0.25), OneBit(3),
        OneBit(math.inf), OneBit(3, preemptive=False), SkipPredict(2.5, long_order="size"), DelayPredict(2),
        SkipPredict(2, cheap_work=0.5, expensive_work=0.25, long_order="size"), TRAIL(0.5), TRAIL(0.5, by="cheap"),
        *WITHIN,
    ],
    ids=str,
)  # fmt: skip
def test_a_policy_is_read_as_tables_print_it(policy):
    assert policy_from_json(str(policy)) == policy
    assert policy_from_json(f" {str(policy).replace(',', ' , ')} ") == policy


def test_the_name_of_the_family_of_one_bit_is_read_too():
    assert policy_from_json("1-bit(2, non-preemptive)") == OneBit(2, preemptive=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SPJF(short)", "spjf has no option 'short'; its options are by"),
        ("SPJF(3)", "spjf has no option '3'"),
        ("SkipPredict(1, 2)", "skippredict has no option '2'"),
        ("SkipPredict(a=1)", "skippredict has no option a"),
        ("SkipPredict(nan)", "threshold is nan, but must be at least 0"),
        ("FCFS(cheap)", "fcfs has no option 'cheap'; its options are none"),
        ("LIFO(3)", "policy is 'lifo', but must be one of fcfs"),
        ("Boosted(SPJF, 30)", "boosted has no option '30'"),
        ("Boosted(SPJF, boost=x)", "boost is 'x'"),
        ("PS", "PS shares the server among all jobs, which no order gives; pick fcfs"),
    ],
)
def test_a_printed_policy_with_a_wrong_option_is_refused(text, message):
    with pytest.raises(InvalidInput, match=message):
        policy_from_json(text)
