from dataclasses import replace
from importlib import import_module
from itertools import pairwise

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import Plan
from beforehand.core.trace import Trace
from beforehand.quantization import candidates, decode
from beforehand.quantization.codec import Codec
from beforehand.quantization.designs import Asked, designs
from beforehand.quantization.plan import audit, plan
from beforehand.quantization.vectors import Vectors

RANDOM = np.random.default_rng(0)
LOGNORMAL = np.exp(RANDOM.standard_normal((48, 512))).astype(np.float32)
SMALL = LOGNORMAL[:9, :256]
FLAT = RANDOM.uniform(-1, 1, (48, 512)).astype(np.float32)
HEAVY = (RANDOM.standard_t(4, (64, 256)) * RANDOM.lognormal(-4, 0.4, (64, 1))).astype(np.float32)


def points(planned):
    """What does not depend on the clock."""
    return [(each.design, each.bits, each.vnmse) for each in planned.candidates]


def error(x, decoded):
    return np.sum((decoded.astype(np.float64) - x) ** 2) / np.sum(x.astype(np.float64) ** 2)


@pytest.fixture(scope="module")
def planned():
    return plan(LOGNORMAL[:24], bits=4.25)


def test_a_plan_is_what_core_calls_one(planned):
    assert isinstance(planned, Plan)
    assert planned.area == "quantization"


def test_levels_of_the_data_are_worth_it_on_lognormal_data(planned):
    assert planned.verdict == "worth it"
    assert planned.chosen.net_bits.low > 0.1
    assert not planned.chosen.knows_nothing
    assert planned.candidates[0].knows_nothing
    assert planned.baseline.design == planned.candidates[0].design


def test_flat_data_are_not_worth_the_bother():
    flat = plan(FLAT[:24], bits=4.25)
    assert flat.verdict == "don't bother"
    assert "don't bother" in flat.explain()


@pytest.mark.parametrize("bits", [2.2, 4.25, 6])
@pytest.mark.parametrize("objective", ["unbiased", "mse"])
def test_bits_count_all_that_is_kept_and_the_promise_is_that_of_other_rows(bits, objective):
    wanted = plan(HEAVY[:32], bits=bits, objective=objective)
    codes = wanted.build().encode(HEAVY[32:], seed=0)
    assert codes.nbytes == wanted.nbytes
    assert 8 * codes.nbytes <= 1.01 * bits * HEAVY[32:].size
    assert codes.objective == objective
    assert error(HEAVY[32:], decode(codes)) == pytest.approx(wanted.expected.value, rel=0.3)
    assert wanted.audit(HEAVY[32:]).measured.value == pytest.approx(error(HEAVY[32:], decode(codes)))


def test_no_design_that_was_tried_is_better_for_the_bytes():
    wanted = plan(HEAVY, bits=4.25)
    for codec in (
        Codec(method="scaled", n_levels=16, objective="mse", block=64),
        Codec(method="scaled", n_levels=16, objective="mse", block=256),
        Codec(method="rotation", n_levels=16, objective="mse", axis=0),
        Codec(method="auto", n_levels=16, objective="mse"),
    ):
        codes = codec.encode(HEAVY, seed=0)
        if codes.bits_per_value <= 1.01 * 4.25:
            assert wanted.expected.value <= 1.02 * error(HEAVY, decode(codes))


def test_the_frontier_falls_as_bits_grow_and_any_of_it_can_be_built():
    found = plan(HEAVY).frontier
    assert len(found) > 8
    assert found[0].bits < 2.5
    assert found[-1].bits > 7
    for fewer, more in pairwise(found):
        assert fewer.bits <= more.bits
        assert more.vnmse.value < fewer.vnmse.value
    assert any(each.codec.method == "scaled" and not each.knows_nothing for each in found)
    for each in found[::3]:
        assert each.codec.encode(HEAVY, seed=0).nbytes == round(each.price.bytes * HEAVY.size)


def test_without_a_budget_an_error_of_a_hundredth_is_looked_for():
    assert points(plan(SMALL)) == points(plan(SMALL, max_vnmse=0.01))


@pytest.mark.parametrize("max_vnmse", [0.2, 0.05, 0.002])
def test_the_fewest_bits_are_taken_whose_interval_is_below_the_error_allowed(max_vnmse):
    wanted = plan(SMALL, max_vnmse=max_vnmse)
    assert wanted.expected.high < max_vnmse
    assert wanted.chosen.gain_bits.value >= wanted.candidates[0].bits - wanted.chosen.bits
    for each in wanted.candidates:
        assert each.bits >= wanted.chosen.bits or each.vnmse.high >= max_vnmse


@pytest.mark.parametrize("tails", ["normal", "heavy"])
def test_tables_for_columns_of_a_large_sample_do_what_is_promised_of_them(tails, monkeypatch):
    monkeypatch.setattr(import_module("beforehand.quantization.plan"), "LOOKED_AT", 2**15)  # an eighth
    monkeypatch.setattr(candidates, "TIMED_VALUES", 2**14)
    random = np.random.default_rng(1)
    scale = random.lognormal(0, 0.5, 64)
    x = (random.standard_normal((4096, 64)) if tails == "normal" else random.standard_t(4, (4096, 64))) * scale
    found = [each for each in plan(x, bits=4.25).candidates if each.codec.axis == 1]
    assert max(each.codec.n_levels for each in found) == (16 if tails == "normal" else 8)
    for each in found:
        codes = each.codec.encode(x, seed=0)
        assert codes.nbytes == pytest.approx(each.price.bytes * x.size)
        assert error(x, decode(codes)) == pytest.approx(each.vnmse.value, rel=0.04 if tails == "normal" else 0.06)


def test_bytes_of_the_whole_are_a_strict_budget():
    for budget in (2000, 5000):
        wanted = plan(HEAVY[:32], max_bytes=budget)
        assert wanted.build().encode(HEAVY[32:], seed=0).nbytes == wanted.nbytes <= budget
    with pytest.raises(InvalidInput, match=r"max_bytes is 100, but .* takes \d+; allow more"):
        plan(HEAVY[:32], max_bytes=100)


def test_the_baseline_is_the_strongest_that_knows_nothing_for_the_same_budget():
    wanted = plan(HEAVY, bits=4.25)
    assert wanted.candidates[0].bits <= 1.01 * 4.25
    nf4 = Codec(method="scaled", n_levels=16, objective="mse", block=64, levels=NF4_LEVELS)
    for codec in (nf4, Codec(method="rotation", n_levels=16, objective="mse", axis=0)):
        assert wanted.baseline.value <= 1.02 * error(HEAVY, decode(codec.encode(HEAVY, seed=0)))
    assert plan(SMALL, bits=4.25, access="element").baseline.design.startswith(("NF4", "int"))


def test_normal_data_are_left_to_rotation():
    normal = np.random.default_rng(2).standard_normal((24, 512)).astype(np.float32)
    chosen = plan(normal, bits=4.2, objective="unbiased")
    assert chosen.baseline.design.startswith("rotation")
    assert chosen.design == chosen.baseline.design
    assert chosen.verdict == "don't bother"
    assert "nothing is worth more than rotation" in chosen.explain()
    report = audit(chosen, np.random.default_rng(3).standard_normal((24, 512)).astype(np.float32))
    assert report.measured == report.baseline
    assert report.came_true


def test_the_explanation_names_its_figures(planned):
    text = planned.explain()
    for each in planned.candidates:
        assert str(each.vnmse) in text
        assert str(each.price) in text
    for figure in (planned.verdict, "24 vectors", "12288 values", planned.machine, "bytes_per_second"):
        assert figure in text
    assert f"{planned.chosen.gain_bits.value:.3g} bits a value gained" in text


def test_but_for_seconds_the_same_seed_gives_the_same_plan():
    first, second = (plan(SMALL, bits=3.5, seed=5) for _ in range(2))
    assert points(first) == points(second)
    assert first.design == second.design
    assert first.chosen.net_bits == second.chosen.net_bits
    assert first.expected != plan(SMALL, bits=3.5, seed=6).expected


def test_vectors_of_a_list_are_encoded_each_by_itself_and_pay_for_it():
    vectors = [np.exp(np.random.default_rng(i).standard_normal(200 + 100 * i)).astype("f4") for i in range(12)]
    offsets = np.cumsum([0] + [len(x) for x in vectors])
    trace = Trace(
        "vectors", {"name": list("abcdefghijkl")}, children={"values": (offsets, {"value": np.concatenate(vectors)})}
    )
    chosen = plan(trace, bits=6)
    assert (chosen.kept, chosen.vectors, chosen.values) == ("alone", 12, 9000)
    assert points(chosen) == points(plan(vectors, bits=6))
    each = [chosen.build().encode(x, seed=0, stream=i) for i, x in enumerate(vectors)]
    assert sum(codes.nbytes for codes in each) == chosen.nbytes
    total = sum(np.sum((decode(codes) - x.astype(float)) ** 2) for codes, x in zip(each, vectors, strict=True))
    assert chosen.expected.value == pytest.approx(total / sum(np.sum(x.astype(float) ** 2) for x in vectors), rel=0.01)
    assert chosen.audit(vectors).came_true


def test_an_array_of_more_axes_is_kept_in_runs_along_the_last():
    x = HEAVY.reshape(8, 8, 256)
    chosen = plan(x, bits=4.3)
    assert (chosen.kept, chosen.vectors) == ("runs", 64)
    assert all(each.codec.axis is None for each in chosen.candidates)
    assert chosen.build().encode(x, seed=0).nbytes == chosen.nbytes


def test_columns_are_planned_as_rows_of_the_transpose():
    rows, columns = plan(LOGNORMAL, bits=4, axis=0), plan(LOGNORMAL.T, bits=4, axis=1)
    assert (rows.kept, columns.kept) == ("rows", "columns")
    tables = [{each.design[:9]: each.vnmse.value for each in made.candidates} for made in (rows, columns)]
    shared = tables[0].keys() & tables[1].keys() & {"levels(2", "levels(4,", "levels(8,"}
    assert shared
    assert [tables[0][name] for name in shared] == pytest.approx([tables[1][name] for name in shared])
    assert columns.build().encode(LOGNORMAL.T, seed=0).nbytes == columns.nbytes
    assert audit(columns, LOGNORMAL.T).came_true


@pytest.mark.parametrize(
    ("options", "tried"),
    [
        ({}, True),
        ({"access": "element"}, False),
        ({"access": "whole"}, True),
        ({"access": "row", "axis": 0}, True),
        ({"access": "row", "axis": 1}, False),
        ({"access": "whole", "axis": 1}, True),
        ({"access": "whole", "block": 64}, True),
        ({"access": "whole", "block": 100}, False),
        ({"access": "whole", "block": 32}, False),
    ],
    ids=str,
)
def test_rotation_is_tried_where_no_element_must_be_readable_alone(options, tried):
    asked = Asked(**{"objective": "mse", "access": "row", "axis": None, "block": None} | options)
    found = {each.codec.method for each in designs(Vectors.read(SMALL, axis=asked.axis), asked)}
    assert ("rotation" in found) == tried


def test_with_a_link_the_largest_net_gain_is_chosen(monkeypatch):
    slow = {"uniform": 1.0, "given": 5.0, "auto": 500.0, "scaled": 5000.0, "rotation": 50.0}

    def seconds(measure, codecs):
        return [1e-9 * slow[codec.method] for codec in codecs]

    monkeypatch.setattr(candidates, "seconds_per_value", seconds)
    fast, slower = (plan(LOGNORMAL[:24], bits=4.25, objective="unbiased", bytes_per_second=b) for b in (1e9, 1e3))
    assert fast.build().method in ("given", "uniform")
    assert slower.expected.value < fast.expected.value
    assert f"{1e3:.3g} bytes a second" in slower.explain()
    for made in (fast, slower):
        best = max(made.candidates, key=lambda each: each.net_bits.value)
        assert made.design == best.design or made.chosen.bits <= 1.01 * 4.25


def test_one_table_for_all_is_judged_on_the_half_that_it_has_not_seen(monkeypatch):
    monkeypatch.setattr(
        candidates, "seconds_per_value", lambda measure, codecs: [float(codec.method != "given") for codec in codecs]
    )
    sample = np.concatenate([LOGNORMAL[:8, :256], 1 + FLAT[:8, :256]])
    made = plan(sample, bits=3.3, bytes_per_second=1e9)
    codec = made.build()
    assert codec.method == "given"
    assert made.expected.value > 1.1 * error(sample, decode(codec.encode(sample, seed=0)))


def test_a_large_sample_is_looked_at_in_part_and_promised_as_a_whole():
    random = np.random.default_rng(4)
    x = (random.standard_t(5, (6000, 64)) * random.lognormal(0, 0.3, (6000, 1))).astype(np.float32)
    made = plan(x[:5000], bits=4.5)
    assert made.values == 320_000
    codes = made.build().encode(x[:5000], seed=0)
    assert codes.nbytes == made.nbytes
    assert made.expected.low * 0.99 <= error(x[:5000], decode(codes)) <= made.expected.high * 1.01
    assert made.audit(x[5000:]).came_true


def test_the_audit_sets_expected_and_measured_side_by_side(planned):
    report = audit(planned, LOGNORMAL[24:])
    assert report.expected == planned.expected
    assert report.measured.value == pytest.approx(planned.expected.value, rel=0.3)
    assert report.came_true
    assert report.measured.value < report.baseline.value
    assert report.clairvoyant.value <= report.measured.value
    assert report.verdict == "worth it"
    assert report.price.bytes == planned.price.bytes
    assert "bits a value gained" in report.why


def test_the_audit_finds_that_the_world_has_changed(planned):
    assert not audit(planned, FLAT[:24]).came_true


def test_planning_never_sees_the_holdout():
    sample, holdout = Trace("vectors", {"values": LOGNORMAL}).split(0.5)
    one = plan(sample, bits=4.25)
    other = plan(Trace("vectors", {"values": np.concatenate([LOGNORMAL[:24], FLAT[24:]])}).split(0.5)[0], bits=4.25)
    assert points(one) == points(other)
    before = one.to_json()
    audit(one, holdout)
    assert one.to_json() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bits": 4, "max_vnmse": 0.1}, "bits is 4 and max_vnmse is 0.1, but at most one"),
        ({"bits": 4, "max_bytes": 10}, "bits is 4 and max_bytes is 10, but at most one"),
        ({"bits": 0}, "bits is 0, but must be positive"),
        ({"bits": True}, "bits is True, but must be positive"),
        ({"bits": "4"}, "bits is '4', but must be positive"),
        ({"bits": 0.5}, r"bits is 0.5, but .* takes 1.* with all that is kept; allow more"),
        ({"max_vnmse": 0.0}, "max_vnmse is 0.0, but must be positive"),
        ({"max_vnmse": float("nan")}, "max_vnmse is nan"),
        ({"max_vnmse": 1e-12}, r"max_vnmse is 1e-12, but .* reaches no less than .*; allow more"),
        ({"max_bytes": -1}, "max_bytes is -1"),
        ({"bits": 4, "bytes_per_second": 0}, "bytes_per_second is 0, but must be positive"),
        ({"bits": 4, "access": "random"}, "access is 'random', but must be one of element, row, whole"),
        ({"bits": 4, "objective": "mae"}, "objective is 'mae'"),
        ({"bits": 4, "axis": 0, "block": 8}, "axis is 0 and block is 8"),
        ({"bits": 4, "block": 0}, "block is 0"),
        ({"bits": 4, "seed": -1}, "seed is -1"),
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


def test_constant_vectors_gain_nothing():
    made = plan(np.ones((3, 500)), bits=4)
    assert made.verdict == "don't bother"
    assert made.expected.value == pytest.approx(0, abs=1e-6)


def test_zeros_can_be_planned_for():
    made = plan(np.zeros((4, 500)), bits=4)
    assert (made.expected.value, made.verdict) == (0, "don't bother")


def test_the_audit_takes_time_anew(monkeypatch, planned):
    monkeypatch.setattr(candidates, "seconds_per_value", lambda measure, codecs: [7.0] * len(codecs))
    report = planned.audit(LOGNORMAL[24:])
    assert report.price.seconds == 7.0
    assert report == audit(planned, LOGNORMAL[24:])


def test_another_point_of_the_frontier_can_be_taken(planned):
    other = replace(planned, design=planned.frontier[-1].design)
    assert other.build() == planned.frontier[-1].codec
    assert other.expected.value < planned.expected.value


NF4_LEVELS = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
]  # fmt: skip
