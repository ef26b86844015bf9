import io
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.files import load_tables, save_tables
from beforehand.scheduling.serving import LengthProbe
from beforehand.scheduling.serving.predictors.length_probe import edges, transitions
from beforehand.scheduling.serving.predictors.model_identity import ModelIdentity

EDGES = edges(10, 512)
EVIDENCE = np.array([0.01, 0.02, 0.02, 0.05, 0.3, 0.4, 0.1, 0.05, 0.03, 0.02])
TINY = ModelIdentity(name="tiny", architecture="LlamaForCausalLM", hidden_size=6, layers=4, vocabulary=384)


def probe(bins=EDGES, hidden=6, width=8, seed=0, **options):
    random, k = np.random.default_rng(seed), len(bins) - 1
    weights = tuple(random.standard_normal(shape).astype("f4") for shape in ((hidden, width), width, (width, k), k))
    return LengthProbe(**{"layer": 2, "bins": bins, "weights": weights, "model": TINY} | options)


def unit(place, k=10):
    return np.eye(k)[place]


def moved(made, steps):
    """The matrix by which that many tokens move beliefs: evidence that says nothing leaves the prior as it is."""
    k = made.representatives.size
    return made.smooth(np.eye(k), np.ones((k, k)), steps)


def test_mass_moves_down_as_the_paper_says():
    found = unit(5) @ transitions(EDGES, 8)[8]
    assert found[2:6].round(6).tolist() == [0.000378, 0.009489, 0.136099, 0.854024]


def test_smoothing_has_the_published_values():
    smoothed = probe().smooth(unit(5), EVIDENCE, 8)
    assert smoothed[3:6].round(4).tolist() == [0.0012, 0.1066, 0.8921]
    assert probe().expected(smoothed).round(3) == 276.011
    assert probe().expected(EVIDENCE).round(3) == 270.336


def test_the_first_call_believes_the_evidence():
    assert probe().smooth(None, EVIDENCE, 8).tolist() == pytest.approx(EVIDENCE.tolist())
    rows = probe().smooth(np.stack([np.full(10, np.nan), unit(5)]), np.stack([EVIDENCE, EVIDENCE]), 8)
    assert rows[0].tolist() == pytest.approx(EVIDENCE.tolist())
    assert rows[1, 5].round(4) == 0.8921


def test_evidence_that_excludes_the_prior_counts_alone():
    assert probe().smooth(unit(0), unit(7), 3).tolist() == unit(7).tolist()


def test_mass_moves_up_only_with_a_floor():
    assert probe().smooth(unit(2), EVIDENCE, 1)[5] == 0
    raised = probe(floor=0.02).smooth(unit(2), EVIDENCE, 1)
    assert raised[5] > 0.03


def test_dividing_by_the_marginal_undoes_what_training_saw_often():
    shares = np.where(np.arange(10) == 5, 0.91, 0.01)
    plain, divided = (probe(marginal=shares, divide_by_marginal=divide) for divide in (False, True))
    prior = np.full(10, 0.1)
    assert divided.smooth(prior, EVIDENCE, 1)[5] < plain.smooth(prior, EVIDENCE, 1)[5]
    flat = probe(marginal=np.full(10, 0.1), divide_by_marginal=True)
    assert flat.smooth(prior, EVIDENCE, 1).tolist() == pytest.approx(plain.smooth(prior, EVIDENCE, 1).tolist())


@given(
    st.integers(0, 200) | st.integers(0, 10**6),
    st.lists(st.floats(0, 1, allow_subnormal=False), min_size=10, max_size=10).filter(any),
    st.sampled_from(["log", 10, 3, 40]),
    st.integers(0, 2**32 - 1),
)
def test_rows_sum_to_one_and_transitions_are_stochastic(steps, prior, bins, seed):
    made = probe(edges(bins, 512))
    k = made.representatives.size
    power = moved(made, steps)
    assert power.sum(axis=1) == pytest.approx(np.ones(k))
    assert power.min() >= 0
    assert np.allclose(np.triu(power, 1), 0)
    assert power == pytest.approx(np.linalg.matrix_power(transitions(made.bins, 1)[1], steps), abs=1e-12)
    before = np.resize(prior, k) + 1e-9
    evidence = made.probabilities(np.random.default_rng(seed).standard_normal((1, 6)))[0]
    smoothed = made.smooth(before / before.sum(), evidence, steps)
    assert smoothed.sum() == pytest.approx(1)
    assert smoothed.min() >= 0


def test_each_row_moves_by_its_own_steps():
    made, before = probe(), np.tile(unit(5), (4, 1))
    steps = np.array([0, 8, 70, 8])
    together = made.smooth(before, np.tile(EVIDENCE, (4, 1)), steps)
    alone = [made.smooth(unit(5), EVIDENCE, int(each)) for each in steps]
    assert together == pytest.approx(np.stack(alone))


def test_one_token_a_thousand_times_is_a_thousand_tokens():
    made = probe()
    walked = moved(made, 0)
    for _ in range(1000):
        walked = made.smooth(walked, np.ones((10, 10)), 1)
    assert moved(made, 1000) == pytest.approx(walked)


def test_very_many_tokens_leave_the_shortest_bin():
    assert probe().smooth(unit(9), np.ones(10), 2**62).round(9).tolist() == unit(0).tolist()


def test_bins_without_number_take_no_table_of_their_squares():
    made = probe(edges(2000, 10**6))
    assert made.smooth(unit(1999, 2000), np.ones(2000), 3).sum() == pytest.approx(1)
    assert transitions(made.bins, 1).nbytes < 2**26


def test_probabilities_equal_the_network_written_out():
    mean, std = np.linspace(-1, 1, 6), np.linspace(0.5, 2, 6)
    made = probe(mean=mean, std=std)
    states = np.random.default_rng(1).standard_normal((5, 6))
    first, bias1, second, bias2 = (each.astype("f8") for each in made.weights)
    scores = np.maximum((states - mean) / std @ first + bias1, 0) @ second + bias2
    wanted = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert made.probabilities(states) == pytest.approx(wanted, abs=1e-5)
    assert made.predict(states) == pytest.approx(wanted @ made.representatives, abs=1e-2)


def test_representatives_stand_for_their_bins():
    made = probe(edges(2, 100), representatives=[3.0, 60.0])
    assert made.expected([0.5, 0.5]) == 31.5
    assert made.expected([[1.0, 0.0]]).tolist() == [3.0]
    assert probe(edges(2, 100), representatives=[0.0, 60.0]).expected([1.0, 0.0]) == 1


@pytest.mark.parametrize(("hidden", "width", "rows"), [(6, 1, 1), (7, 63, 3), (8, 64, 4), (33, 130, 9)])
def test_rows_of_states_are_read_as_all_of_them_are(hidden, width, rows):
    made = probe(hidden=hidden, width=width)
    states = np.random.default_rng(3).standard_normal((20, hidden)).astype("f4")
    states.view("u4")[...] &= 0xFFFF0000  # bfloat16 holds them, too
    chosen = np.random.default_rng(4).integers(0, 20, rows)
    wanted = made.probabilities(states)[chosen]
    assert np.array_equal(made.read(states, chosen), wanted)
    assert np.array_equal(made.read((states.view("u4") >> 16).astype("u2"), chosen), wanted)
    first, bias1, second, bias2 = (each.astype("f8") for each in made.weights)
    scores = np.maximum(states[chosen] @ first + bias1, 0) @ second + bias2
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    assert wanted == pytest.approx(shares / shares.sum(axis=1, keepdims=True), abs=1e-4)


@pytest.mark.parametrize("row", [-1, 20, 2**40])
def test_a_row_beside_the_states_is_refused(row):
    with pytest.raises(InvalidInput, match="a row lies outside the states"):
        probe().read(np.zeros((20, 6), "f4"), np.array([0, row]))


def test_a_state_that_is_not_finite_is_read_as_nan():
    states = np.zeros((2, 6), "f4")
    states[1, 3] = np.nan
    assert np.isnan(probe().read(states, np.arange(2))).all(axis=1).tolist() == [False, True]


def test_a_copy_answers_alike():
    made = probe(floor=0.02)
    states = np.ones((3, 6))
    assert np.array_equal(pickle.loads(pickle.dumps(made)).predict(states), made.predict(states))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_a_state_that_is_not_finite_says_nothing(value):
    states = np.zeros((2, 6))
    states[1, 3] = value
    rows = probe().probabilities(states)
    assert np.isfinite(rows).all()
    assert rows.sum(axis=1) == pytest.approx(1)
    assert rows[0].tolist() == probe().probabilities(states[:1])[0].tolist()


def test_no_rows_make_no_rows():
    made = probe()
    assert made.probabilities(np.zeros((0, 6))).shape == (0, 10)
    assert made.smooth(np.zeros((0, 10)), np.zeros((0, 10)), 8).shape == (0, 10)
    assert made.predict(np.zeros((0, 6))).shape == (0,)


def test_log_edges_widen():
    assert edges("log", 512).tolist() == [0, 8, 11, 14, 18, 24, 32, 42, 56, 74, 97, 128, 169, 223, 294, 388, 512]


def test_a_saved_probe_answers_as_before(tmp_path):
    made = probe(marginal=EVIDENCE, floor=0.02, divide_by_marginal=True, prefill="mean", report='{"format": 1}')
    made.save(tmp_path / "probe.npz")
    read = LengthProbe.load(tmp_path / "probe.npz")
    states = np.random.default_rng(1).standard_normal((5, 6))
    assert np.array_equal(read.probabilities(states), made.probabilities(states))
    assert np.array_equal(read.smooth(unit(5), EVIDENCE, 8), made.smooth(unit(5), EVIDENCE, 8))
    assert (read.layer, read.prefill, read.model, read.report) == (2, "mean", TINY, '{"format": 1}')


def test_the_price_is_a_time_for_each_row_of_a_refresh():
    price = probe().price
    assert price.per == "refresh"
    assert 0 < price.seconds < 1


def test_a_probe_of_another_model_is_refused():
    probe().check_model(TINY)
    other = ModelIdentity(**TINY.fields() | {"name": "large"})
    with pytest.raises(InvalidInput, match=r"was trained on tiny .* but the model is large"):
        probe().check_model(other)
    with pytest.raises(InvalidInput, match=r"reads 6 numbers after layer 2, but tiny .* has 6 after each of 2 layers"):
        probe(model=None).check_model(ModelIdentity(**TINY.fields() | {"layers": 2}))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bins": [0, 5, 5]}, "must increase from 0"),
        ({"bins": [1, 5, 9]}, "must increase from 0"),
        ({"bins": [0, 5]}, "at least two bins"),
        ({"bins": [0, 5, np.nan]}, "not finite"),
        ({"layer": -1}, "layer is -1"),
        ({"std": np.zeros(6)}, "std must be above 0"),
        ({"mean": np.zeros(5)}, r"mean has shape \(5,\), but must be \(6\)"),
        ({"prefill": "first"}, "prefill is 'first', but must be one of last, mean, entropy"),
        ({"floor": 2}, "floor is 2"),
        ({"divide_by_marginal": True}, "marginal is None"),
        ({"weights": 3}, "weights must be four arrays"),
        ({"weights": ([["a"]], 1, 2, 3)}, "not an array of numbers"),
        ({"model": "tiny"}, "must be a ModelIdentity"),
        ({"marginal": np.zeros(10)}, "do not all vanish"),
    ],
)
def test_what_does_not_fit_is_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        probe(**options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((None, [1.0, 2.0], 1), r"probabilities has shape \(2,\)"),
        ((unit(5), EVIDENCE * np.nan, 1), "must be finite"),
        ((unit(5), -EVIDENCE, 1), "at least 0"),
        ((unit(5), EVIDENCE * 0, 1), "not all 0"),
        ((unit(5, 9), EVIDENCE, 1), "previous has shape"),
        ((unit(5), EVIDENCE, -1), "steps is -1"),
        ((unit(5), EVIDENCE, 1.5), "must be a whole number"),
        ((unit(5), EVIDENCE, [1, 2]), "for each of 1 rows"),
    ],
)
def test_smoothing_refuses_what_is_no_belief(arguments, words):
    with pytest.raises(InvalidInput, match=words):
        probe().smooth(*arguments)


def test_states_of_another_width_are_refused():
    with pytest.raises(InvalidInput, match=r"hidden has shape \(2, 5\), but must be \(n, 6\)"):
        probe().probabilities(np.zeros((2, 5)))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "probe.npz"
    probe(marginal=EVIDENCE).save(path)
    return path


def rewritten(path, change):
    """The file with its arrays and its mark changed."""
    arrays, mark = load_tables(path)
    change(arrays, mark)
    save_tables(arrays, mark, path)


CHANGES = {
    "a newer format": lambda arrays, mark: mark.update(format=2),
    "another kind": lambda arrays, mark: mark.update(kind="jobs"),
    "no layer": lambda arrays, mark: mark.pop("layer"),
    "a layer that is text": lambda arrays, mark: mark.update(layer="2"),
    "no weights": lambda arrays, mark: arrays.pop("weights2"),
    "wrong shapes": lambda arrays, mark: arrays.update(bias1=np.zeros(3, "f4")),
    "nan": lambda arrays, mark: arrays["weights1"].__setitem__((0, 0), np.nan),
    "probabilities that cannot be": lambda arrays, mark: arrays.update(std=np.zeros(6, "f4")),
    "integers": lambda arrays, mark: arrays.update(mean=np.zeros(6, "i8")),
    "a model without a name": lambda arrays, mark: mark["model"].pop("name"),
    "a model that is a list": lambda arrays, mark: mark.update(model=[1]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_file_is_refused_in_one_line(saved, change):
    rewritten(saved, change)
    with pytest.raises(CorruptData, match=r"is no probe of this version: .*; train it again") as caught:
        LengthProbe.load(saved)
    assert "\n" not in str(caught.value)


def test_every_truncated_file_is_refused(saved):
    whole = saved.read_bytes()
    for size in range(0, len(whole), 97):
        saved.write_bytes(whole[:size])
        with pytest.raises(CorruptData, match=r"probe\.npz"):
            LengthProbe.load(saved)


def test_flipped_bits_are_refused_or_harmless(saved):
    whole, random = saved.read_bytes(), np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[random.integers(len(damaged))] ^= 1 << random.integers(8)
        saved.write_bytes(bytes(damaged))
        try:
            found = LengthProbe.load(saved)
        except CorruptData:
            continue
        assert np.isfinite(found.probabilities(np.ones((1, 6)))).all()


def test_pickles_are_never_read(tmp_path):
    stream = io.BytesIO()
    np.savez(stream, weights1=np.array([{"a": 1}], object))
    (tmp_path / "probe.npz").write_bytes(stream.getvalue())
    with pytest.raises(CorruptData, match="cannot be read"):
        LengthProbe.load(tmp_path / "probe.npz")


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"must end in \.npz"):
        probe().save(tmp_path / "probe.csv")
    with pytest.raises(InvalidInput, match=r"must end in \.npz"):
        LengthProbe.load(tmp_path / "probe.csv")
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        LengthProbe.load(tmp_path / "probe.npz")
