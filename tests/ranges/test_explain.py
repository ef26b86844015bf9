import numpy as np

from beforehand.ranges import Design, Proteus, load

RNG = np.random.default_rng(0)
KEYS = np.sort(RNG.integers(0, 2**64, 20_000, np.uint64))
LOW = RNG.choice(KEYS, 5000) + RNG.integers(1, 1000, 5000, np.uint64)
SAMPLE = (LOW, LOW + np.uint64(15))


def test_it_tells_design_bits_rate_sample_and_what_was_beaten_in_this_order():
    made = Proteus.build(KEYS, SAMPLE, bits_per_key=16)
    text = made.explain()
    places = [
        text.index(part)
        for part in (
            "20,000 keys of uint64",
            str(made.design),
            "bits\n",
            "bits per key",
            f"Expected rate of false positives: {made.expected_false_positive_rate:.3g}",
            "empty queries of a sample of 5,000",
            "It was expected to err less than:",
        )
    ]
    assert places == sorted(places)
    assert "Note" not in text
    rivals = text.split("It was expected to err less than:\n")[1].splitlines()
    rates = [float(line.rpartition(" ")[2]) for line in rivals]
    assert 1 <= len(rivals) <= 3
    assert rates == sorted(rates)
    assert rates[0] >= 0.9 * made.expected_false_positive_rate


def test_one_key_is_no_plural():
    assert Proteus.build(KEYS[:1], SAMPLE).explain().startswith("1 key of uint64")


def test_no_rival_differs_from_a_better_design_only_in_an_exact_part_that_hardly_matters():
    made = Proteus.build(KEYS, SAMPLE, bits_per_key=16)
    lines = made.explain().split("It was expected to err less than:\n")[1].splitlines()
    rivals = [line.strip().rpartition(": ")[0].split(", ")[-1] for line in lines]
    assert str(made.design).split(", ")[-1] not in rivals
    assert len(set(rivals)) == len(rivals)
    assert all(float(line.rpartition(" ")[2]) < 0.99 for line in lines)


def test_the_bits_of_the_parts_add_up_to_all():
    made = Proteus.build(KEYS, SAMPLE, design=Design(exact="elias_fano", exact_bits=12, approx="fuse", approx_bits=61))
    lines = made.explain().splitlines()[1:]
    parts = [line for line in lines if line.startswith("  ") and "in all" not in line]
    assert sum(int(line.split(": ")[1].split()[0].replace(",", "")) for line in parts) == 8 * made.nbytes


def test_it_warns_of_what_could_surprise():
    assert "there was no sample" in Proteus.build(KEYS).explain()
    assert "only 3 queries" in Proteus.build(KEYS, (LOW[:3], LOW[:3])).explain()
    assert (
        "longer than the median gap"
        in Proteus.build(KEYS, (LOW >> np.uint64(1), (LOW >> np.uint64(1)) + np.uint64(2**60))).explain()
    )
    few = Proteus.build(KEYS[:100], SAMPLE, bits_per_key=500)
    assert "would not help" in few.explain()


def test_a_filter_from_bytes_says_what_its_bytes_know():
    made = Proteus.build(KEYS, SAMPLE)
    text = load(made.to_bytes()).explain()
    assert made.explain().splitlines()[:3] == text.splitlines()[:3]
    assert "read from bytes" in text
    assert "No rate" in Proteus.build(KEYS).explain()
