"""Slots of the host tier against a dictionary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.integrations.vllm.host_blocks import IDLE, HostBlocks

pytestmark = pytest.mark.vllm

OWNERS = st.sampled_from("abcde")
CHAINS = st.lists(st.sampled_from([b"0", b"1"]), min_size=1, max_size=6).map(
    lambda bits: [b"".join(bits[: end + 1]) for end in range(len(bits))]
)
STEPS = st.lists(st.tuples(st.sampled_from(["put", "drop", "back"]), OWNERS, CHAINS), max_size=40)


@given(STEPS)
def test_every_owner_finds_its_blocks_until_it_is_dropped(steps):
    host, owned = HostBlocks(12), {}
    for action, owner, chain in steps:
        if action == "put":
            owned.pop(owner, None)
            room = 12 - len({name for held in owned.values() for name in held})
            new = set(chain) - {name for held in owned.values() for name in held}
            placed = host.put(owner, chain, now=0.0)
            assert (placed is not None) == (len(new) <= room)
            if placed is not None:
                assert {chain[place] for place, _ in placed} == new
                owned[owner] = chain
        elif action == "drop":
            host.drop(owner)
            owned.pop(owner, None)
        elif host.match(chain) == len(chain):
            ends = [name for name, held in owned.items() if held[-1] in chain]
            host.taken_back(chain)
            gone = [name for name in ends if host.match(owned[name]) < len(owned[name]) or name not in host._owned]
            assert len(gone) <= 1
            for name in gone:
                owned.pop(name)
        host.check_invariants()
        assert host._owned.keys() == owned.keys()
        for held in owned.values():
            assert host.match(held) == len(held)
            assert len(set(host.slots_of(held))) == len(held)


def test_what_has_been_idle_for_an_hour_makes_room():
    host = HostBlocks(2)
    assert host.put("a", [b"1", b"2"], now=0.0) == [(0, 1), (1, 0)] or host.free == 0
    assert host.put("b", [b"3"], now=IDLE - 1) is None
    assert host.put("b", [b"3"], now=IDLE) is not None
    assert host.match([b"1"]) == 0


def test_more_than_there_is_room_for_changes_nothing():
    host = HostBlocks(2)
    assert host.put("a", [b"1", b"2", b"3"], now=0.0) is None
    assert host.put("a", [], now=0.0) is None
    assert host.free == 2
