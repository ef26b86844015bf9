import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.ranges import Design, PrefixModel, Proteus, load

RNG = np.random.default_rng(0)
KEYS = np.sort(RNG.integers(0, 2**64, 20_000, np.uint64))
NEAR = RNG.choice(KEYS, 20_000) + RNG.integers(1, 1000, 20_000, np.uint64)
SAMPLE = (NEAR, NEAR + np.uint64(15))
FAR = RNG.integers(0, 2**63, 20_000, np.uint64)
LONG = (FAR, FAR + np.uint64(2**48))


def empty(keys, lo, hi):
    at = np.searchsorted(keys, lo)
    return (at == len(keys)) | (keys[np.minimum(at, len(keys) - 1)] > hi)


def measured(made, lo, hi):
    return made.may_intersect(lo, hi)[empty(KEYS, lo, hi)].mean()


@pytest.mark.parametrize("space", ["extended", "paper"])
@pytest.mark.parametrize("sample", [SAMPLE, LONG], ids=["near", "long"])
def test_it_errs_as_often_as_it_says(space, sample):
    made = Proteus.build(KEYS, sample, bits_per_key=10, space=space)
    rng = np.random.default_rng(5)
    if sample is SAMPLE:
        lo = rng.choice(KEYS, 200_000) + rng.integers(1, 1000, 200_000, np.uint64)
        hi = lo + np.uint64(15)
    else:
        lo = rng.integers(0, 2**63, 200_000, np.uint64)
        hi = lo + np.uint64(2**48)
    low, high = made.expected_interval
    assert low <= made.expected_false_positive_rate <= high
    assert made.expected_false_positive_rate == pytest.approx(measured(made, lo, hi), rel=0.25)


def test_the_extended_space_errs_less_than_that_of_the_paper():
    extended, paper = (Proteus.build(KEYS, SAMPLE, space=space) for space in ("extended", "paper"))
    assert measured(extended, *SAMPLE) < 0.7 * measured(paper, *SAMPLE)


@pytest.mark.parametrize("bits", [2, 5, 10, 20])
@pytest.mark.parametrize("space", ["extended", "paper"])
def test_it_takes_no_more_memory_than_it_was_given(bits, space):
    budget = bits * len(KEYS)
    fixed = 8 * 512 if 8 * 512 > budget / 16 else 0  # free where it would be much of the budget
    for sample in (SAMPLE, LONG):
        assert 8 * Proteus.build(KEYS, sample, bits_per_key=bits, space=space).nbytes <= budget + fixed


def test_a_filter_of_few_keys_takes_its_fixed_part_beyond_the_budget():
    for count in (1, 5, 50):
        made = Proteus.build(KEYS[:count], bits_per_key=8)
        assert made.nbytes <= count + 512


def test_without_a_sample_every_range_of_a_length_is_bounded():
    made = Proteus.build(KEYS)
    assert made.design.approx == "locality"
    assert made.expected_false_positive_rate is None
    assert made.expected_interval is None
    assert measured(made, *SAMPLE) <= 1.2 * made.bound(16)


def test_a_worst_case_is_kept_or_refused():
    made = Proteus.build(KEYS, SAMPLE, bits_per_key=16, worst_case=(16, 0.002))
    assert made.bound(16) <= 0.002
    with pytest.raises(InvalidInput, match="bits per key"):
        Proteus.build(KEYS, SAMPLE, bits_per_key=8, worst_case=(16, 1e-6))
    with pytest.raises(InvalidInput, match="worst_case"):
        Proteus.build(KEYS, design=Design(approx="fuse", approx_bits=60), worst_case=(16, 0.1))
    with pytest.raises(InvalidInput, match="space"):
        Proteus.build(KEYS, SAMPLE, space="paper", worst_case=(16, 0.1))


def test_a_design_is_built_as_it_is_given():
    design = Design(exact="elias_fano", exact_bits=12, approx="fuse", approx_bits=61, max_probes=256)
    made = Proteus.build(KEYS, SAMPLE, design=design)
    assert made.design == design
    assert load(made.to_bytes()).design == design
    model = PrefixModel(KEYS, SAMPLE, max_probes=256)
    assert made.expected_false_positive_rate == model.expected(design, bits_per_key=12)


@pytest.mark.parametrize(
    "design",
    [
        Design(exact="elias_fano", exact_bits=64),
        Design(exact="trie", exact_bits=60),
        Design(approx="fuse", approx_bits=64),
        Design(exact="elias_fano", exact_bits=65),
    ],
    ids=str,
)
def test_a_design_that_does_not_fit_is_refused(design):
    with pytest.raises(InvalidInput, match=r"design|bits_per_key leaves"):
        Proteus.build(KEYS, design=design, bits_per_key=1)


@pytest.mark.parametrize("space", ["", "other", None])
def test_there_are_two_spaces(space):
    with pytest.raises(InvalidInput, match="space"):
        Proteus.build(KEYS, SAMPLE, space=space)


def test_queries_of_another_kind_are_refused():
    with pytest.raises(InvalidInput):
        Proteus.build(KEYS, ([1.5], [2.5]))
    with pytest.raises(InvalidInput):
        Proteus.build(KEYS, "queries")


def test_a_design_that_is_none_is_refused():
    with pytest.raises(InvalidInput, match="design is 'bloom', but must be a Design or None"):
        Proteus.build([1, 2], design="bloom")


@pytest.mark.parametrize("unit", ["datetime64", "timedelta64"])
def test_the_message_says_how_times_are_passed(unit):
    kept = Proteus.build(np.array([1, 2], f"{unit}[s]"))
    with pytest.raises(InvalidInput, match=f"lo is 1, but the keys are {unit}.*; pass numpy.{unit}"):
        kept.may_intersect(1, 2)


@pytest.mark.parametrize("keys", [[5], [5, 2**63], [b"a"], [b"", b"ab", b"b\x00c"]])
@pytest.mark.parametrize("bits_per_key", [1, 8, 16])
def test_a_few_keys_are_built_in_the_space_of_the_paper(keys, bits_per_key):
    keys = keys if isinstance(keys[0], bytes) else np.array(keys, np.uint64)
    built = Proteus.build(keys, bits_per_key=bits_per_key, space="paper")
    assert built.may_contain(keys).all()
    assert Proteus.from_bytes(built.to_bytes()) == built


def test_a_trie_that_takes_more_than_its_estimate_is_chosen_for_less():
    random = np.random.default_rng(1)
    for count, bits_per_key in ((13, 200), (13, 100), (300, 12), (300, 20)):
        for seed in range(10):
            keys = [bytes(random.choice([0, 97, 98, 255], random.integers(0, 12)).tolist()) for _ in range(count)]
            sample = [f"a{i}".encode() for i in range(100)]
            built = Proteus.build(keys, (sample, sample), bits_per_key=bits_per_key, space="paper", seed=seed)
            assert built.may_contain(keys).all()
            assert Proteus.from_bytes(built.to_bytes()) == built


@pytest.mark.parametrize("exact", [{"bucket_width": 1 << 40}, {"exact_bits": 20}])
def test_a_filter_that_was_read_has_the_design_of_the_one_that_was_built(exact):
    built = Proteus.build(
        np.arange(1000, dtype=np.uint64) << np.uint64(40), design=Design(exact="elias_fano", **exact), bits_per_key=20
    )
    read = load(built.to_bytes())
    assert read.design == built.design
    assert str(built.design) in read.explain()
