import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, InvalidInput, TimedOut
from beforehand.gradients import QSGD, THC, Switch, TernGrad, drive_local, vnmse
from beforehand.gradients.integer_shards import needed
from tests.gradients.rounds import layout_of, lognormal, opened

HOSTILE = {"loss": 0.2, "duplicate": 0.2, "reorder": 0.2, "delay": (0.5, 15.0), "slow_workers": {1: 3.0}}
CODECS = [THC(truncation=1 / 32), THC(bits=3, lanes=16), THC(bits=2, feedback="full"), TernGrad()]


@pytest.mark.parametrize("codec", CODECS, ids=str)
@pytest.mark.parametrize("workers", [2, 5])
def test_whatever_the_network_does_all_workers_get_the_bits_of_local_rounds(codec, workers):
    layout = layout_of(9000)
    ours, theirs = (opened(codec, layout, workers, reduction="combine") for _ in range(2))
    switch = Switch(workers=workers, slots=3, lanes=getattr(codec, "lanes", 8), seed=7, **HOSTILE)
    for step in range(3):
        rows = lognormal(workers, 9000, seed=step)
        found, expected = switch.drive(ours, list(rows)), drive_local(theirs, list(rows))
        assert all(mean.tobytes() == expected.means[0].tobytes() for mean in found.means)
        assert set(found.counts.tolist()) == {workers}
        assert (found.gone, found.late) == (0, 0)
        assert found.retransmissions > 0


def test_a_calm_network_takes_two_delays_for_each_window():
    rows = lognormal(4, 10_240)
    found = Switch(workers=4, slots=5).drive(opened(THC(), layout_of(10_240), 4), list(rows))
    assert (found.seconds, found.retransmissions) == (4.0, 0)  # 10 chunks by 5 slots, there and back
    assert found.packets == 2 * 4 * 10


@pytest.mark.parametrize("codec", [THC(), THC(bits=3, lanes=16), TernGrad()], ids=str)
def test_bytes_are_those_foretold_for_an_aggregator(codec):
    layout, lanes = layout_of(85_002), getattr(codec, "lanes", 8)
    found = Switch(workers=3, lanes=lanes).drive(opened(codec, layout, 3), list(lognormal(3, 85_002)))
    assert found.sent == pytest.approx(codec.wire_bytes(layout, workers=3, transport="aggregator"))


def test_the_same_seed_gives_the_same_round():
    def run(seed):
        switch = Switch(workers=3, seed=seed, **HOSTILE)
        found = switch.drive(opened(THC(), layout_of(5000), 3), list(lognormal(3, 5000)))
        return found.packets, found.retransmissions, found.seconds

    assert run(1) == run(1) != run(2)


def partial(on_missing, slow=60.0, loss=0.5):
    """Six of ten are enough, and one is far behind: what was sent to it and is lost, is gone before it asks."""
    rows = lognormal(10, 20_480)
    switch = Switch(workers=10, slots=4, quorum=0.6, slow_workers={9: slow}, on_missing=on_missing, loss=loss)
    codec = THC(granularity=25, truncation=1 / 32)
    return rows, switch.drive(opened(codec, layout_of(20_480), 10), list(rows))


def test_with_a_quorum_stragglers_are_left_out_and_all_others_agree():
    rows, found = partial("zero")
    assert set(found.counts.tolist()) == {6}
    assert found.gone > 0
    whole = max(found.means, key=np.count_nonzero)
    assert 0.02 < vnmse(whole, rows.mean(axis=0)) < 1.0  # six other workers in each chunk
    assert found.means[9].tobytes() != whole.tobytes()


def test_without_loss_stragglers_are_left_out_but_get_every_sum():
    rows, found = partial("raise", loss=0.0)
    assert (found.gone, set(found.counts.tolist())) == (0, {6})
    assert all(mean.tobytes() == found.means[0].tobytes() for mean in found.means)
    assert vnmse(found.means[0], rows[:6].mean(axis=0)) < 0.05  # those of equal speed come in the order of ranks


def test_those_who_come_late_get_the_same_sum_while_it_is_there():
    _, found = partial("zero", slow=1.0, loss=0.0)
    assert (found.gone, found.late) == (0, 4 * 20)
    assert all(mean.tobytes() == found.means[0].tobytes() for mean in found.means)


def test_what_is_missing_is_zero_or_ones_own_or_an_error():
    rows, zero = partial("zero")
    _, own = partial("own")
    assert np.linalg.norm(own.means[9]) > np.linalg.norm(zero.means[9])
    assert vnmse(own.means[9], rows[9]) < vnmse(zero.means[9], rows[9])
    with pytest.raises(
        TimedOut, match=r"worker . was too late for the coordinates [0-9]* to [0-9]*, whose sum is gone"
    ):
        partial("raise")


def test_late_packets_of_one_round_change_nothing_in_the_next():
    switch = Switch(workers=3, slots=2, duplicate=0.9, reorder=0.5, delay=(1.0, 40.0), seed=3)
    codec, layout = THC(seed=5), layout_of(4096)
    ours, theirs = opened(codec, layout, 3), opened(codec, layout, 3)
    for step in range(10):
        rows = lognormal(3, 4096, seed=step)
        found = switch.drive(ours, list(rows))
        assert found.means[2].tobytes() == drive_local(theirs, list(rows)).means[2].tobytes()


def test_sums_that_do_not_fit_and_codecs_without_integers_are_refused():
    layout, rows = layout_of(2048), list(lognormal(5, 2048))
    with pytest.raises(CapacityExceeded, match="5 workers x granularity 60 = 300 > 255"):
        Switch(workers=5).drive(opened(THC(granularity=60, lanes=16), layout, 5), rows)
    with pytest.raises(InvalidInput, match=r"BlockShards are no sums of integers.*TernGrad"):
        Switch(workers=5).drive(opened(QSGD(), layout, 5), rows)
    with pytest.raises(InvalidInput, match="there are 5 encoders, but 4 workers"):
        Switch(workers=4).drive(opened(THC(), layout, 5), rows)


def test_what_is_not_finite_is_summed_exactly_and_passes_no_switch():
    rows = lognormal(3, 2048)
    rows[1, 7] = np.nan
    found = Switch(workers=3).drive(opened(THC(), layout_of(2048), 3), list(rows))
    assert found.packets == len(found.counts) == 0
    assert np.isnan(found.means[0][7])
    assert np.isfinite(np.delete(found.means[0], 7)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers is 0, but must be from 1 to 65535"),
        ({"slots": 0}, "slots is 0"),
        ({"chunk": 1000}, "chunk is 1000, but must be a multiple of 512"),
        ({"lanes": 12}, "lanes is 12, but must be one of 8, 16"),
        ({"quorum": 0.0}, "quorum is 0.0"),
        ({"loss": 1.0}, "loss is 1.0, but must be from 0 to 0.9"),
        ({"duplicate": -0.1}, "duplicate is -0.1"),
        ({"reorder": "often"}, "reorder is 'often', but must be a number"),
        ({"delay": (2.0, 1.0)}, r"delay is \(2.0, 1.0\)"),
        ({"slow_workers": {4: 2.0}}, "slow_workers has 4: 2.0"),
        ({"slow_workers": {1: 0.5}}, "slow_workers has 1: 0.5"),
        ({"timeout": 0.0}, "timeout is 0.0"),
        ({"timeout": 1e-9}, "timeout is 1e-09, but packets take up to 1.0"),
        ({"slow_workers": {1: 1e12}}, "would be sent more than 10000 times; take a longer one"),
        ({"on_missing": "wait"}, "on_missing is 'wait'"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        Switch(**{"workers": 4} | options)


def test_a_share_of_the_workers_is_rounded_up_but_not_by_rounding_errors():
    assert [needed(quorum, 10) for quorum in (0.7, 0.71, 1.0, 0.01)] == [7, 8, 10, 1]
