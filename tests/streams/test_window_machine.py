from collections import Counter, deque

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from beforehand.streams import SlidingWindow, from_bytes

ESTIMATORS = ("balanced", "upper", "lower", "paper")


UNIVERSE = np.arange(30, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


class Watching(RuleBasedStateMachine):
    """A window beside a deque, through bytes and copies."""

    @initialize(
        window=st.integers(1, 50), blocks=st.integers(1, 50), counters=st.integers(1, 20), filtered=st.booleans()
    )
    def begin(self, window, blocks, counters, filtered):
        self.seen = SlidingWindow(
            window,
            blocks=min(blocks, window),
            counters=counters,
            filter="doorkeeper" if filtered else None,
            filter_share=0.2,
        )
        self.last = deque(maxlen=window)

    @rule(keys=st.lists(st.integers(0, 12), max_size=40))
    def update(self, keys):
        self.seen.update(np.array(keys, np.uint64))
        self.last.extend(keys)

    @rule(count=st.integers(0, 150))
    def advance(self, count):
        self.seen.advance(count)
        self.last.extend([None] * min(count, self.last.maxlen))

    @rule()
    def go_through_bytes(self):
        self.seen = from_bytes(self.seen.to_bytes())

    @rule()
    def copy(self):
        self.seen, other = self.seen.copy(), self.seen
        other.update(np.zeros(60, np.uint64))

    @rule()
    def clear(self):
        self.seen.clear()
        self.last.clear()

    @invariant()
    def bounds_hold(self):
        if not hasattr(self, "seen"):
            return
        self.seen.check_invariants()
        true = Counter(self.last)
        for key in range(14):
            lower, upper = self.seen.bounds(key)
            assert lower <= true[key] <= upper
            assert lower <= self.seen.estimate(key) <= upper
        assert self.seen.total == len(self.last)


TestWatching = Watching.TestCase
