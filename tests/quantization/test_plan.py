import json
from dataclasses import replace

import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.plan import Plan, load_plan
from beforehand.core.trace import Trace
from beforehand.quantization.codec import Codec
from beforehand.quantization.levels import levels
from beforehand.quantization.plan import audit, plan
from beforehand.quantization.quantization_plan import QuantizationPlan
from beforehand.quantization.vectors import Vectors, expected

RANDOM = np.random.default_rng(0)
LOGNORMAL = np.exp(RANDOM.standard_normal((24, 2048)))
SMALL = LOGNORMAL[:9, :300]
FLAT = RANDOM.uniform(-1, 1, (24, 2048))


def errors_of(planned):
    """What does not depend on the clock, as the choice between equals does."""
    return [each.vnmse for each in planned.candidates]


@pytest.fixture(scope="module")
def planned():
    return plan(LOGNORMAL[:12], bits=4)


def test_a_plan_is_what_core_calls_one(planned):
    assert isinstance(planned, Plan)
    assert planned.area == "quantization"


def test_adaptive_levels_are_worth_it_on_lognormal_data(planned):
    assert planned.verdict == "worth it"
    assert planned.design in ("exact", "histogram")
    assert planned.expected.value < planned.baseline.value / 5
    assert planned.chosen.gain_bits.low > 1


def test_the_designs_are_tried_and_those_that_lost_are_the_alternatives(planned):
    assert [each.design for each in planned.candidates] == ["uniform", "histogram", "exact", "static"]
    assert {each.design for each in planned.alternatives} == {"uniform", "histogram", "exact", "static"} - {
        planned.design
    }
    by_name = {each.design: each.vnmse.value for each in planned.candidates}
    assert by_name["exact"] <= by_name["histogram"] <= by_name["static"] < by_name["uniform"]


def test_flat_data_are_not_worth_the_bother():
    planned = plan(FLAT, bits=4)
    assert planned.verdict == "don't bother"
    assert planned.chosen.gain_bits.value < 0.1
    assert "don't bother" in planned.explain()


@pytest.mark.parametrize(
    ("rate", "design", "verdict"), [(1.25e8, "histogram", "worth it"), (1.25e9, "uniform", "don't bother")]
)
def test_time_spent_on_levels_pays_at_1_gbit_but_not_at_10(monkeypatch, rate, design, verdict):
    nanoseconds = {"uniform": 4.7, "given": 9.0, "histogram": 6.5, "exact": 25.0}

    def seconds(vectors, codecs, seed):
        return [1e-9 * nanoseconds[codec.method] for codec in codecs]

    monkeypatch.setattr("beforehand.quantization.candidates.seconds_per_value", seconds)
    sample = np.exp(np.random.default_rng(1).standard_normal((8, 2**16)))
    planned = plan(sample, bits=4, bytes_per_second=rate)
    assert (planned.design, planned.verdict) == (design, verdict)
    assert f"{rate:.3g} bytes a second" in planned.explain() or "nothing is worth more" in planned.explain()


def test_the_explanation_names_its_figures(planned):
    text = planned.explain()
    for each in planned.candidates:
        assert str(each.vnmse) in text
        assert str(each.price) in text
    for figure in (planned.verdict, "12 vectors", "24576 values", "4 bits", planned.machine, "bytes_per_second"):
        assert figure in text
    assert f"{planned.chosen.gain_bits.value:.3g} bits a value gained" in text


@pytest.mark.parametrize(
    "options",
    [
        {"bits": 2},
        {"bits": 3, "objective": "mse", "block": 100, "bytes_per_second": 1e6},
        {"max_vnmse": 0.01, "axis": 0},
    ],
    ids=str,
)
def test_a_plan_survives_json_and_builds_the_same_codec(options, tmp_path):
    planned = plan(LOGNORMAL[:3], **options)
    again = QuantizationPlan.from_json(planned.to_json())
    assert again == planned
    assert again.explain() == planned.explain()
    x = LOGNORMAL[5:7] if "axis" in options else LOGNORMAL[5]
    assert again.build().encode(x, seed=1).to_bytes() == planned.build().encode(x, seed=1).to_bytes()
    (tmp_path / "plan.json").write_text(planned.to_json(), encoding="utf-8")
    assert load_plan(tmp_path / "plan.json") == planned


def test_a_plan_says_what_made_it():
    planned = plan(FLAT[:2], bits=1, seed=11)
    fields = json.loads(planned.to_json())
    assert fields["seed"] == 11
    assert fields["versions"].keys() == {"beforehand", "numpy", "python"}
    assert fields["machine"]


def test_the_same_seed_gives_the_same_expectation():
    first, second = (plan(SMALL, bits=3, seed=5) for _ in range(2))
    assert errors_of(first) == errors_of(second)
    assert [each.gain_bits for each in first.candidates] == [each.gain_bits for each in second.candidates]
    assert first.baseline != plan(SMALL, bits=3, seed=6).baseline


@pytest.mark.parametrize("max_vnmse", [0.5, 0.05, 0.002])
def test_each_design_takes_the_fewest_bits_that_stay_below_the_error_allowed(max_vnmse):
    planned = plan(SMALL, max_vnmse=max_vnmse)
    for each in planned.candidates:
        assert each.vnmse.high < max_vnmse
        if each.bits > 1:
            fewer = plan(SMALL, bits=each.bits - 1)
            assert next(other for other in fewer.candidates if other.design == each.design).vnmse.high >= max_vnmse
    assert planned.chosen.bits == min(each.bits for each in planned.candidates)


def test_a_baseline_that_cannot_reach_the_error_is_shown_but_not_chosen():
    sample = np.exp(3 * np.random.default_rng(1).standard_normal((10, 4096)))
    planned = plan(sample, max_vnmse=2e-5)
    assert planned.baseline.high >= 2e-5
    assert planned.candidates[0].bits == 8
    assert planned.design != "uniform"


def test_an_error_that_no_design_reaches_is_refused_with_the_smallest_reached():
    with pytest.raises(
        InvalidInput, match=r"max_vnmse is 1e-12, but exact with 8 bits reaches no less than .*; allow more"
    ):
        plan(LOGNORMAL[:2], max_vnmse=1e-12)


def test_one_vector_is_enough_but_leaves_no_half_for_static_levels():
    planned = plan(LOGNORMAL[:1], bits=4)
    assert [each.design for each in planned.candidates] == ["uniform", "histogram", "exact"]
    assert planned.expected.low == planned.expected.value == planned.expected.high


def test_vectors_of_unequal_length_are_planned_for():
    vectors = [np.exp(np.random.default_rng(i).standard_normal(100 * i)) for i in range(1, 13)]
    offsets = np.cumsum([0] + [len(x) for x in vectors])
    trace = Trace(
        "vectors", {"name": list("abcdefghijkl")}, children={"values": (offsets, {"value": np.concatenate(vectors)})}
    )
    planned = plan(trace, bits=4)
    assert planned.values == 7800
    assert errors_of(planned) == errors_of(plan(vectors, bits=4))


def test_columns_are_planned_as_rows_of_the_transpose():
    rows, columns = plan(LOGNORMAL, bits=3, axis=0), plan(LOGNORMAL.T, bits=3, axis=1)
    values = [[each.vnmse.value for each in planned.candidates] for planned in (rows, columns)]
    assert values[0] == pytest.approx(values[1])
    assert (rows.build().axis, columns.build().axis) == (0, 1)
    assert audit(replace(columns, design="exact"), LOGNORMAL.T).measured.value == pytest.approx(
        audit(replace(rows, design="exact"), LOGNORMAL).measured.value, rel=0.05
    )


def test_blocks_pay_for_their_tables():
    whole, blocks = plan(LOGNORMAL[:4], bits=4), plan(LOGNORMAL[:4], bits=4, block=128)
    bytes_of = [
        next(each for each in planned.candidates if each.design == "exact").price.bytes for planned in (whole, blocks)
    ]
    assert bytes_of == [0.5 + 16 * 8 / 2048, 0.5 + 16 * 8 / 128]
    assert blocks.expected.value < whole.expected.value


def designs_of(sample, **options):
    return [each.design for each in plan(sample, bits=2, **options).candidates]


@pytest.mark.parametrize(
    ("options", "tried"),
    [
        ({}, False),
        ({"access": "row"}, True),
        ({"access": "whole"}, True),
        ({"access": "row", "axis": 0}, True),
        ({"access": "row", "axis": 1}, False),
        ({"access": "row", "axis": -1}, False),
        ({"access": "whole", "axis": 1}, True),
        ({"access": "whole", "block": 64}, True),
        ({"access": "whole", "block": 100}, False),
        ({"access": "whole", "block": 32}, False),
    ],
    ids=str,
)
def test_rotation_is_tried_where_no_element_must_be_readable_alone(options, tried):
    assert ("rotation" in designs_of(SMALL, **options)) == tried


def test_the_baseline_is_the_better_of_those_that_know_nothing():
    assert plan(LOGNORMAL[:4], bits=4).baseline.design == "uniform"
    assert plan(LOGNORMAL[:4], bits=4, access="row").baseline.design == "rotation"
    assert plan(FLAT[:4], bits=4, access="row").baseline.design == "uniform"


def test_normal_data_that_are_read_as_a_whole_are_left_to_rotation():
    normal = np.random.default_rng(2).standard_normal((12, 4096))
    planned = plan(normal, bits=4, access="whole")
    assert planned.design == planned.baseline.design == "rotation"
    assert planned.verdict == "don't bother"
    assert planned.expected.value == pytest.approx(0.00959, rel=0.05)
    assert "nothing is worth more than random rotation" in planned.explain()
    report = audit(planned, np.random.default_rng(3).standard_normal((12, 4096)))
    assert report.measured == report.baseline
    assert report.measured.value == pytest.approx(0.00959, rel=0.05)
    elements = plan(normal, bits=4)
    assert elements.verdict == "worth it"  # for who needs each value by itself


def test_against_rotation_levels_are_counted_as_rotation_may_have_them():
    skewed = np.exp(0.5 * np.random.default_rng(2).standard_normal((12, 4096)))
    planned = plan(skewed, bits=6, access="row")
    assert planned.baseline.design == "rotation"
    assert planned.design in ("exact", "histogram")
    assert 0.3 < planned.chosen.gain_bits.value < 2
    assert "rotation would need" in planned.explain()
    assert planned.chosen.gain_bits.high <= 2
    assert QuantizationPlan.from_json(planned.to_json()) == planned
    assert audit(planned, skewed).baseline.design == "rotation"


def test_rotation_pays_for_scales_its_table_and_what_fills_chunks_up():
    def bytes_of(sample, **options):
        planned = plan(sample, bits=4, access="whole", **options)
        return next(each.price.bytes for each in planned.candidates if each.design == "rotation")

    assert bytes_of(LOGNORMAL[:4]) == 0.5 + (16 + 1) * 8 / 2048
    assert bytes_of(LOGNORMAL[:4], axis=0) == 0.5 + (16 + 4) * 8 / (4 * 2048)
    assert bytes_of(LOGNORMAL[:4], block=256) == 0.5 + (16 + 8) * 8 / 2048
    assert bytes_of(LOGNORMAL[:4, :300]) == 0.5 + ((16 + 2) * 8 + 20 / 2) / 300  # 256 + 44, filled up to 64
    x = LOGNORMAL[0, :300]
    codes = plan(LOGNORMAL[:4, :300], bits=4, access="whole").candidates[0].codec.encode(x, seed=1)
    assert codes.method == "rotation"
    assert codes.nbytes == 64 + 8 + 8 + (16 + 2) * 8 + 320 // 2 + 4


def test_static_levels_come_from_the_whole_sample(planned):
    static = replace(planned, design="static").build()
    assert static.method == "given"
    assert (static.levels[0], static.levels[-1]) == (LOGNORMAL[:12].min(), LOGNORMAL[:12].max())


def test_the_audit_sets_expected_and_measured_side_by_side(planned):
    report = audit(planned, LOGNORMAL[12:])
    assert report.expected == planned.expected
    assert report.measured.value == pytest.approx(planned.expected.value, rel=0.3)
    assert report.came_true
    assert report.baseline.value > 5 * report.measured.value
    assert report.clairvoyant.value == pytest.approx(report.measured.value, rel=0.05)
    assert report.verdict == "worth it"
    assert report.price.bytes == planned.price.bytes
    assert "bits a value gained" in report.why


def test_the_audit_measures_every_design(planned):
    values = {name: audit(replace(planned, design=name), LOGNORMAL[12:]) for name in ("uniform", "static", "exact")}
    assert values["uniform"].verdict == "don't bother"
    assert values["uniform"].measured == values["uniform"].baseline
    assert values["exact"].measured == values["exact"].clairvoyant
    assert values["exact"].measured.value < values["static"].measured.value < values["uniform"].measured.value


def test_the_audit_finds_that_the_world_has_changed(planned):
    report = audit(planned, FLAT)
    assert not report.came_true
    assert report.verdict == "don't bother"


def test_planning_never_sees_the_holdout():
    sample, holdout = Trace("vectors", {"values": LOGNORMAL}).split(0.5)
    planned = plan(sample, bits=4)
    other = plan(Trace("vectors", {"values": np.concatenate([LOGNORMAL[:12], FLAT[12:]])}).split(0.5)[0], bits=4)
    assert errors_of(planned) == errors_of(other)
    before = planned.to_json()
    audit(planned, holdout)
    assert planned.to_json() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "bits is None and max_vnmse is None, but exactly one"),
        ({"bits": 4, "max_vnmse": 0.1}, "bits is 4 and max_vnmse is 0.1, but exactly one"),
        ({"bits": 0}, "bits is 0, but must be from 1 to 8"),
        ({"bits": 9}, "bits is 9, but must be from 1 to 8"),
        ({"bits": 2.5}, "bits is 2.5"),
        ({"max_vnmse": 0.0}, "max_vnmse is 0.0, but must be positive"),
        ({"max_vnmse": float("nan")}, "max_vnmse is nan"),
        ({"bits": 4, "bytes_per_second": 0}, "bytes_per_second is 0, but must be positive"),
        ({"bits": 4, "access": "random"}, "access is 'random', but must be one of element, row, whole"),
        ({"bits": 4, "objective": "mae"}, "objective is 'mae'"),
        ({"bits": 4, "axis": 0, "block": 8}, "axis is 0 and block is 8"),
        ({"bits": 4, "block": 0}, "block is 0"),
    ],
    ids=str,
)
def test_options_that_break_a_rule_are_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        plan(LOGNORMAL[:2], **options)


@pytest.mark.parametrize("sample", [[], [[1.0, np.nan]], np.arange(4.0), Trace("jobs", {"size": [1.0]})], ids=str)
def test_what_is_no_sample_is_refused_by_plan_and_audit(sample, planned):
    with pytest.raises(InvalidInput, match="sample"):
        plan(sample, bits=4)
    with pytest.raises(InvalidInput, match="holdout"):
        audit(planned, sample)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields | {"area": "streams"},
        lambda fields: fields | {"design": "magic"},
        lambda fields: fields | {"verdict": "maybe"},
        lambda fields: fields | {"candidates": []},
        lambda fields: fields | {"extra": 1},
        lambda fields: {key: value for key, value in fields.items() if key != "seed"},
        lambda fields: fields | {"candidates": [fields["candidates"][0] | {"price": {"seconds": -1}}]},
        lambda fields: [],
    ],
    ids=["area", "design", "verdict", "empty", "unknown", "missing", "price", "list"],
)
def test_json_that_is_no_plan_is_corrupt(planned, change):
    with pytest.raises(CorruptData, match="not a valid QuantizationPlan"):
        QuantizationPlan.from_json(json.dumps(change(json.loads(planned.to_json()))))
    with pytest.raises(CorruptData, match="not a valid QuantizationPlan"):
        QuantizationPlan.from_json("{")


def test_constant_vectors_gain_nothing():
    planned = plan(np.ones((3, 50)), bits=4)
    assert planned.verdict == "don't bother"
    assert planned.expected.value == 0


def test_the_codec_of_a_plan_round_trips_new_vectors(planned):
    codec = planned.build()
    assert isinstance(codec, Codec)
    x = LOGNORMAL[20]
    decoded = codec.decode(codec.encode(x, seed=3))
    assert np.sum((decoded - x) ** 2) / np.sum(x**2) == pytest.approx(planned.expected.value, rel=0.5)


def test_one_table_for_all_is_judged_on_the_half_that_it_has_not_seen():
    sample = np.concatenate([LOGNORMAL[:4, :200], 1 + FLAT[:4, :200]])
    static = next(each for each in plan(sample, bits=3).candidates if each.design == "static")
    halves = [Vectors.read(half) for half in (sample[:4], sample[4:])]
    tables = [levels(half.pool(), 8).values.tolist() for half in halves]
    codecs = [Codec(method="given", n_levels=8, levels=table) for table in tables]
    crossed = np.concatenate([expected(halves[0], codecs[1]), expected(halves[1], codecs[0])])
    assert static.vnmse.value == pytest.approx(crossed.mean())
    own = np.concatenate([expected(halves[0], codecs[0]), expected(halves[1], codecs[1])])
    assert static.vnmse.value > 1.5 * own.mean()


def test_the_audit_takes_time_anew(monkeypatch, planned):
    monkeypatch.setattr(
        "beforehand.quantization.candidates.seconds_per_value", lambda vectors, codecs, seed: [7.0] * len(codecs)
    )
    report = planned.audit(LOGNORMAL[12:])
    assert report.price.seconds == 7.0
    assert report == audit(planned, LOGNORMAL[12:])
