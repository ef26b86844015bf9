import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from beforehand.streams import LearnedSpaceSaving, from_bytes
from tests.streams.learning import POLICIES, Said, options


class Learning(RuleBasedStateMachine):
    """A summary of each kind beside a dictionary, with a predictor that says something else each time."""

    @initialize(policy=st.sampled_from(POLICIES), seed=st.integers(0, 5), memory=st.integers(4096, 5000))
    def begin(self, policy, seed, memory):
        self.made = lambda: LearnedSpaceSaving(Said(seed), memory=memory, policy=policy, seed=seed, **options(policy))
        self.summary, self.true = self.made(), {}

    def count(self, keys, weights):
        for key, weight in zip(keys, weights, strict=True):
            self.true[key] = self.true.get(key, 0) + weight

    @rule(first=st.integers(0, 400), n=st.integers(0, 300), weight=st.sampled_from([1, 1, 1, 7, 70_000]))
    def update(self, first, n, weight):
        keys = list(range(first, first + n)) + [first] * (n // 3)
        self.summary.update(np.array(keys, np.uint64), weight)
        self.count(keys, [weight] * len(keys))

    @precondition(lambda self: self.summary.policy != "lss")
    @rule(first=st.integers(0, 400), n=st.integers(0, 300))
    def merge(self, first, n):
        other = self.made()
        keys = list(range(first, first + n)) * 2
        other.update(np.array(keys, np.uint64))
        self.summary |= other
        self.count(keys, [1] * len(keys))

    @precondition(lambda self: self.summary.policy != "lss" and self.summary.total < 10**9)
    @rule()
    def merge_with_itself(self):
        self.summary |= self.summary
        self.true = {key: 2 * weight for key, weight in self.true.items()}

    @rule()
    def through_bytes(self):
        self.summary = from_bytes(self.summary.to_bytes(), predictor=self.summary.predictor)

    @rule()
    def through_a_copy(self):
        self.summary = self.summary.copy()

    @rule()
    def clear(self):
        self.summary.clear()
        self.true.clear()

    @invariant()
    @precondition(lambda self: hasattr(self, "summary"))
    def bounds_hold(self):
        self.summary.check_invariants()
        assert self.summary.total == sum(self.true.values())
        keys = np.arange(750, dtype=np.uint64)
        true = np.array([self.true.get(key, 0) for key in range(750)])
        lower, upper = self.summary.bounds(keys)
        assert (lower <= true).all()
        assert (true <= upper).all()
        assert (upper - lower).max() <= self.summary.error_bound


TestLearning = Learning.TestCase


TestLearning.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
