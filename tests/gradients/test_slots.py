from collections import defaultdict

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from beforehand.gradients.slots import Slots, Verdict


def adding(value):
    return lambda sums: np.array([value]) if sums is None else sums + value


def received(slots, *messages):
    return [slots.receive(worker, slot, epoch, adding(value)) for worker, slot, epoch, value in messages]


def test_a_chunk_completes_with_its_quorum_and_later_ones_get_the_same_sum():
    slots = Slots(1, quorum=2)
    assert received(slots, (0, 0, 0, 5), (0, 0, 0, 5)) == [Verdict.ADDED, Verdict.DUPLICATE]
    assert received(slots, (1, 0, 0, 7), (2, 0, 0, 9)) == [Verdict.COMPLETE, Verdict.LATE]
    assert received(slots, (2, 0, 0, 9), (0, 0, 0, 5)) == [Verdict.REPEAT] * 2
    bank = slots.bank(0, 0)
    assert (bank.sums, bank.count, bank.done) == (12, 2, True)


def test_the_epoch_after_the_next_takes_the_bank_and_what_is_older_is_told_so():
    slots = Slots(1, quorum=1)
    assert received(slots, (0, 0, 0, 5), (0, 0, 1, 6)) == [Verdict.COMPLETE] * 2
    assert received(slots, (1, 0, 0, 5)) == [Verdict.LATE]
    assert received(slots, (0, 0, 2, 7), (1, 0, 0, 5), (1, 0, 1, 5)) == [Verdict.COMPLETE, Verdict.GONE, Verdict.LATE]


class AnyNetwork(RuleBasedStateMachine):
    """Workers that keep the rules, over a network that delivers whatever it likes, whenever and however often."""

    @initialize(workers=st.integers(1, 5), slots=st.integers(1, 4), spare=st.integers(0, 1), chunks=st.integers(1, 20))
    def begin(self, workers, slots, spare, chunks):
        self.workers, self.window, self.chunks = workers, slots, chunks
        self.quorum = max(1, workers - spare)
        self.slots = Slots(slots, self.quorum)
        self.up, self.down = [], []  # on the way
        self.waiting = [set(range(min(slots, chunks))) for _ in range(workers)]
        self.got = [{} for _ in range(workers)]
        self.counted = defaultdict(set)
        self.results = {}
        self.up = [(worker, chunk) for worker in range(workers) for chunk in sorted(self.waiting[worker])]

    def value(self, worker, chunk):
        return 1 + worker + 10 * chunk

    def arrive(self, worker, chunk):
        epoch, slot = divmod(chunk, self.window)
        verdict = self.slots.receive(worker, slot, epoch, adding(self.value(worker, chunk)))
        bank = self.slots.bank(slot, epoch)
        if verdict in (Verdict.ADDED, Verdict.COMPLETE):
            assert worker not in self.counted[chunk]
            self.counted[chunk].add(worker)
        if verdict is Verdict.COMPLETE:
            self.results[chunk] = (int(bank.sums[0]), bank.count)
            self.down += [(each, chunk, self.results[chunk]) for each in range(self.workers)]
        elif verdict in (Verdict.REPEAT, Verdict.LATE):
            self.down.append((worker, chunk, (int(bank.sums[0]), bank.count)))
        elif verdict is Verdict.GONE:
            self.down.append((worker, chunk, None))

    def answer(self, worker, chunk, result):
        if chunk in self.waiting[worker]:
            self.waiting[worker].remove(chunk)
            self.got[worker][chunk] = result
            if chunk + self.window < self.chunks:
                self.waiting[worker].add(chunk + self.window)
                self.up.append((worker, chunk + self.window))

    def take(self, packets, data, fate):
        place = data.draw(st.integers(0, len(packets) - 1))
        return packets[place] if fate == "twice" else packets.pop(place)

    @precondition(lambda self: self.up)
    @rule(data=st.data(), fate=st.sampled_from(["once", "once", "once", "twice", "lost"]))
    def to_the_switch(self, data, fate):
        packet = self.take(self.up, data, fate)
        if fate != "lost":
            self.arrive(*packet)

    @precondition(lambda self: self.down)
    @rule(data=st.data(), fate=st.sampled_from(["once", "once", "once", "twice", "lost"]))
    def to_a_worker(self, data, fate):
        packet = self.take(self.down, data, fate)
        if fate != "lost":
            self.answer(*packet)

    @rule(data=st.data())
    def a_timer_runs_out(self, data):
        worker = data.draw(st.integers(0, self.workers - 1))
        self.up += [(worker, chunk) for chunk in sorted(self.waiting[worker])]

    @invariant()
    def sums_are_those_of_the_counted_and_never_change(self):
        for chunk, (total, count) in getattr(self, "results", {}).items():
            assert count == len(self.counted[chunk]) == self.quorum
            assert total == sum(self.value(worker, chunk) for worker in self.counted[chunk])
        for got in getattr(self, "got", []):
            assert all(result in (None, self.results[chunk]) for chunk, result in got.items())

    def teardown(self):
        """Without further loss everybody comes to the end; with all in the quorum nothing is gone."""
        for _ in range(2 * getattr(self, "chunks", 0) + 2):
            self.up += [(worker, chunk) for worker in range(self.workers) for chunk in sorted(self.waiting[worker])]
            while self.up:
                self.arrive(*self.up.pop(0))
            while self.down:
                self.answer(*self.down.pop(0))
        for got in getattr(self, "got", []):
            assert sorted(got) == list(range(self.chunks))
            assert self.quorum < self.workers or None not in got.values()
        self.sums_are_those_of_the_counted_and_never_change()


AnyNetwork.TestCase.settings = settings(max_examples=40, stateful_step_count=60, deadline=None)
TestAnyNetwork = AnyNetwork.TestCase


@pytest.mark.parametrize("quorum", [1, 3])
def test_a_bank_keeps_its_sums_while_the_other_is_filled(quorum):
    slots = Slots(2, quorum)
    for epoch in range(6):
        received(slots, *((worker, 1, epoch, 1) for worker in range(quorum)))
        assert slots.bank(1, epoch).sums == quorum
        if epoch:
            assert slots.bank(1, epoch - 1).epoch == epoch - 1
    assert slots.bank(0, 0).epoch == -1
