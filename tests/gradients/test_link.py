import math

import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.gradients import THC, Cast, Layout, Link, TopK, WireBytes

SIZES = [2**12, 2**16, 2**20, 2**24]


def allreduce(size, latency, rate, workers):
    return 2 * (workers - 1) * latency + 2 * (workers - 1) / workers * size / rate


@pytest.mark.parametrize("workers", [2, 3, 4, 16])
@pytest.mark.parametrize(("latency", "rate"), [(1e-4, 6.25e6), (2e-5, 1.25e8), (5e-3, 1e6)])
def test_a_fit_finds_the_link_in_spite_of_noise(workers, latency, rate):
    for seed in range(20):
        noise = np.random.default_rng(seed).uniform(0.99, 1.01, len(SIZES))
        seconds = [allreduce(size, latency, rate, workers) * each for size, each in zip(SIZES, noise, strict=True)]
        link = Link.fit(SIZES, seconds, workers)
        assert link.bytes_per_second == pytest.approx(rate, rel=0.05)
        assert link.latency == pytest.approx(latency, abs=0.03 * min(seconds) / (2 * (workers - 1)))


@pytest.mark.parametrize("workers", [2, 4])
def test_a_fit_of_exact_times_is_exact(workers):
    link = Link.fit(SIZES, [allreduce(size, 1e-4, 6.25e6, workers) for size in SIZES], workers)
    assert (link.latency, link.bytes_per_second) == (pytest.approx(1e-4), pytest.approx(6.25e6))


@pytest.mark.parametrize("sizes", [SIZES, [2**12, 2**16, 2**18, 2**21]])
def test_a_burst_that_passes_at_once_does_not_hide_the_rate(sizes):
    """A token bucket of 128 KiB over 25 Mbit/s, on a network of 10 Gbit/s."""
    seconds = [2e-4 + size / 1.25e9 + max(0, size - 2**17) / 3.125e6 for size in sizes]
    link = Link.fit(sizes, seconds, workers=2)
    assert link.bytes_per_second == pytest.approx(3.125e6, rel=0.1)
    assert link.latency < 2e-4


def test_a_latency_below_what_can_be_seen_is_zero():
    link = Link.fit([1000, 2000], [0.9, 2.2], workers=2)
    assert (link.latency, link.bytes_per_second) == (0.0, pytest.approx(1000 / 1.3))


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(InvalidInput, match="workers is 1"):
        Link.fit(SIZES, [1.0] * 4, 1)
    with pytest.raises(InvalidInput, match="4 sizes and 3 times"):
        Link.fit(SIZES, [1.0] * 3, 2)
    with pytest.raises(InvalidInput, match="at least two"):
        Link.fit([5, 5], [1.0, 1.0], 2)
    with pytest.raises(InvalidInput, match="above 0"):
        Link.fit([5, 6], [1.0, math.nan], 2)
    with pytest.raises(InvalidInput, match="must grow with sizes"):
        Link.fit([5, 600, 70], [1.0, 0.5, 2.0], 2)


def test_times_are_the_formulas():
    link, n = Link(0.01, 1000.0), 4
    layout = Layout([("weight", (1024, 4))])
    plain = link.seconds("allreduce", Cast("float32").wire_bytes(layout, workers=n), n)
    assert plain == pytest.approx(allreduce(4 * 4096, 0.01, 1000.0, n))
    gathered = link.seconds("gather", TopK(density=0.1).wire_bytes(layout, workers=n), n)
    assert gathered == pytest.approx(3 * (0.01 + 6 * 410 / 1000))
    assert link.seconds("two_shot", WireBytes(300, 600), n) == pytest.approx(6 * 0.01 + 0.9)


def test_an_aggregator_is_as_slow_as_the_slower_of_both_links():
    link, sent = Link(0.01, 1000.0), WireBytes(500, 1000)
    assert link.seconds("aggregator", sent, 4, aggregator=Link(0, 1e9)) == pytest.approx(0.02 + 1)
    assert link.seconds("aggregator", sent, 4, aggregator=Link(0, 2000.0)) == pytest.approx(0.02 + 2)
    with pytest.raises(InvalidInput, match="aggregator is None"):
        link.seconds("aggregator", sent, 4)


def test_other_patterns_are_refused():
    with pytest.raises(InvalidInput, match="pattern is 'auto', but must be one of allreduce, two_shot"):
        Link(0, 1.0).seconds("auto", WireBytes(1, 1), 2)


@pytest.mark.parametrize(
    ("latency", "rate", "message"),
    [
        (-1, 1.0, "latency is -1"),
        (math.nan, 1.0, "latency is nan"),
        (0, 0, "bytes_per_second is 0, .*above 0"),
        (0, math.inf, "bytes_per_second is inf"),
        (True, 1.0, "latency is True"),
        ("1", 1.0, "latency is '1'"),
    ],
)
def test_a_link_has_two_numbers(latency, rate, message):
    with pytest.raises(InvalidInput, match=message):
        Link(latency, rate)


def test_json():
    link = Link(1e-4, 6.25e6)
    assert Link.from_json(link.to_json()) == link
    for text in ("", "[]", '{"latency": 1}', '{"latency": -1, "bytes_per_second": 1}', "[" * 100_000):
        with pytest.raises(CorruptData, match="is no link"):
            Link.from_json(text)


def test_bytes_of_thc_give_the_gain_of_a_slow_link():
    link, layout = Link(0, 6e6), Layout([("weight", (1_396_544,))])
    slow = link.seconds("allreduce", Cast("float16").wire_bytes(layout, workers=2), 2)
    assert slow / link.seconds("two_shot", THC().wire_bytes(layout, workers=2), 2) > 2.6
