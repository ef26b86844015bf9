import pytest

from beforehand.gradients.packets import Network

OPTIONS = {"loss": 0.0, "duplicate": 0.0, "reorder": 0.0, "delay": (1.0, 2.0), "hold": 100.0, "slow": {}, "seed": 0}


def arrivals(count=1000, worker=0, **options):
    """When each of `count` packets, sent at time 0, arrives."""
    network, found = Network(**OPTIONS | options), []
    for packet in range(count):
        network.send(worker, lambda packet=packet: found.append((packet, network.now)))
    network.after(1e9, lambda: found.append(None))
    while None not in found:
        network.step()
    return found[:-1]


def test_packets_arrive_within_the_delay_and_on_slow_ways_later():
    times = [time for _, time in arrivals()]
    assert times == sorted(times)
    assert 1 <= times[0] < 1.1
    assert 1.9 < times[-1] <= 2
    slow = [time for _, time in arrivals(worker=3, slow={3: 5.0})]
    assert slow == pytest.approx([5 * time for time in times])


@pytest.mark.parametrize(("option", "count"), [("loss", 700), ("duplicate", 1300)])
def test_shares_are_lost_and_doubled(option, count):
    assert len(arrivals(**{option: 0.3})) == pytest.approx(count, abs=60)


def test_what_is_held_back_comes_after_what_was_sent_later():
    found = arrivals(reorder=0.2)
    held = [time for _, time in found if time > 2]
    assert len(held) == pytest.approx(200, abs=50)
    assert max(held) > 90


def test_the_same_seed_gives_the_same_packets():
    options = {"loss": 0.1, "duplicate": 0.1, "reorder": 0.1}
    assert arrivals(**options) == arrivals(**options) != arrivals(**options, seed=1)
