import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.core.report import Outcome
from beforehand.gradients import THC, Adaptive, BlockInt, Cast, LowRank, TernGrad, TopK, TopKChunked, simulate
from beforehand.gradients.candidates import CASTS, DEFAULT, Candidate, Way, errors_of, ways
from beforehand.gradients.sample import Sample
from beforehand.workloads.gradient_samples import gradients

SAMPLE = Sample.read(gradients("columns", size=2**14, workers=4, steps=3, seed=0))


def names(codecs, *, aggregator=False):
    return [way.name for way in ways(codecs, aggregator=aggregator)][len(CASTS) :]


def test_casts_are_always_among_the_ways_and_nothing_is_there_twice():
    found = list(ways([Cast("float16"), THC(), (THC(), "two_shot"), THC(bits=4)], aggregator=False))
    assert [way.codec for way in found[:3]] == list(CASTS)
    assert found[3:] == [Way(THC(), "two_shot")]


def test_names_tell_what_is_not_the_default():
    given = [THC(bits=3), THC(bits="lane", lanes=10), BlockInt(bits=4, block=32), TopKChunked(bits_per_coordinate=0.5)]
    assert names(given) == [
        "THC(bits=3) by two_shot",
        "THC(bits='lane', lanes=10) by allreduce",
        "BlockInt(bits=4, block=32) by two_shot",
        "TopKChunked(bits_per_coordinate=0.5) by allreduce",
    ]
    assert Way(Cast("bfloat16"), "allreduce").name == "bfloat16"
    every = [way.name for way in ways(DEFAULT, aggregator=True)]
    assert len(set(every)) == len(every) > 25


def test_transports_are_those_worth_a_try_unless_one_is_named():
    assert names([Adaptive()]) == ["Adaptive by two_shot", "Adaptive by gather"]
    assert names([THC(), TernGrad()], aggregator=True) == [
        "THC by two_shot", "THC by aggregator", "TernGrad by two_shot", "TernGrad by aggregator",
    ]  # fmt: skip
    assert names([(THC(), "allreduce"), (Adaptive(), "gather")]) == ["THC by allreduce", "Adaptive by gather"]


def test_what_is_no_codec_is_refused():
    for given in ("THC", (THC(), "two_shot", 1), ("THC", "two_shot")):
        with pytest.raises(InvalidInput, match="each must be a codec, or a codec and its transport"):
            list(ways([given], aggregator=False))
    with pytest.raises(InvalidInput, match="transport is 'gather', but THC takes"):
        list(ways([(THC(), "gather")], aggregator=False))


@pytest.mark.parametrize("codec", [THC(truncation=1 / 32), BlockInt(bits=4, block=32), Cast(), TopK(feedback="none")])
def test_errors_of_steps_are_those_of_a_simulation(codec):
    found = errors_of(
        Way(codec, "two_shot" if "combine" in codec.reductions else "allreduce" if codec == Cast() else "gather"),
        SAMPLE,
        4,
    )
    expected = simulate(codec, SAMPLE.rows, layout=SAMPLE.layout).per_round
    np.testing.assert_allclose(found.draws, expected, rtol=0.2 if isinstance(codec, THC) else 1e-6)
    assert found.value == pytest.approx(found.draws.mean())


def test_with_feedback_the_error_is_that_of_the_sum():
    found = errors_of(Way(TopK(density=0.1), "gather"), SAMPLE, 4)
    expected = simulate(TopK(density=0.1), SAMPLE.rows, layout=SAMPLE.layout)
    assert found.value == pytest.approx(expected.cumulative)
    assert found.draws[0] == pytest.approx(expected.per_round[0])
    assert found.closed_form is None


def test_low_rank_is_judged_without_the_steps_that_it_sums_as_they_are():
    rows = np.random.default_rng(0).normal(size=(12, 128, 128)).astype(np.float32)
    sample = SAMPLE._replace(rows=rows.reshape(3, 4, -1), layout=type(SAMPLE.layout)([("m", (128, 128))]))
    assert errors_of(Way(LowRank(start_step=100), "allreduce"), sample, 4).draws[0] > 0.1


@pytest.mark.parametrize("structure", ["normal", "layers", "columns"])
def test_theory_stands_beside_what_was_measured(structure):
    sample = Sample.read(gradients(structure, size=2**18, workers=4, steps=3, seed=1))
    for codec in (THC(), THC(bits=3), THC(bits="lane")):
        found = errors_of(Way(codec, "two_shot" if codec.bits != "lane" else "allreduce"), sample, 4)
        assert found.closed_form == pytest.approx(found.value, rel=0.05)


def test_of_more_workers_than_were_recorded_the_error_is_an_upper_bound():
    many = Sample.read(gradients("normal", size=2**14, workers=16, steps=2, seed=0))
    few = many._replace(rows=many.rows[:, :4])
    for way in (Way(THC(), "two_shot"), Way(BlockInt(bits=4), "two_shot"), Way(TopK(feedback="none"), "gather")):
        bound, true = errors_of(way, few, 16), errors_of(way, many, 16)
        assert true.value <= 1.02 * bound.value
        if bound.closed_form is not None:
            assert bound.closed_form == pytest.approx(true.closed_form, rel=0.1)
    with pytest.raises(CapacityExceeded):
        errors_of(Way(THC(), "two_shot"), few, 40)


def figures(**options):
    outcome = Outcome("THC by two_shot", 0.5, 0.4, 0.6)
    given = {
        "codec": THC(), "transport": "two_shot", "step": outcome, "vnmse": outcome, "closed_form": 0.5, "up": 1.0,
        "down": 2.0, "encode": 0.1, "accumulate": 0.2, "exchange": 0.3, "decode": 0.4,
    }  # fmt: skip
    return Candidate(**given | options)


def test_a_candidate_comes_back_from_its_fields():
    for each in (figures(), figures(closed_form=None, steps=10.0, loss=-2.5)):
        assert Candidate.from_dict(each.to_dict()) == each
    assert figures(steps=10.0).seconds_to_target == pytest.approx(5.0)
    assert figures().seconds_to_target is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transport": "gather"}, "transport is 'gather', but THC takes"),
        ({"transport": "auto"}, "transport is 'auto', but must be one that a codec is carried by"),
        ({"up": -1.0}, "up is -1.0"),
        ({"exchange": float("nan")}, "exchange is nan"),
        ({"encode": None}, "encode is None"),
        ({"closed_form": "1"}, "closed_form is '1'"),
        ({"steps": -1}, "steps is -1"),
        ({"loss": True}, "loss is True"),
        ({"piloted": 1}, "piloted is 1"),
    ],
)
def test_figures_are_numbers(options, message):
    with pytest.raises(InvalidInput, match=message):
        figures(**options)
