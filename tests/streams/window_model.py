"""The sliding window in plain Python, arrival by arrival: what the native kernel must agree with bit for bit.

Slow and literal. Keys are ids (integers below 2**64); None is an arrival that carries no key.
"""

import math
from collections import Counter, deque

from tests.streams.models import Exact, mix, spread


def philox(counter, stream, seed, domain):
    """The first two words of Philox4x32-10."""
    low = 2**32 - 1
    c = [counter & low, counter >> 32, stream & low, stream >> 32 | domain << 24]
    k0, k1 = seed & low, seed >> 32
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [second >> 32 ^ c[1] ^ k0, second & low, first >> 32 ^ c[3] ^ k1, first & low]
        k0, k1 = k0 + 0x9E3779B9 & low, k1 + 0xBB67AE85 & low
    return c[0], c[1]


def jump(i, sample, seed):
    """Keys from one that is put to the next."""
    w0, w1 = philox(i, 0, seed, 9)
    u = ((w0 >> 5 << 26 | w1 >> 6) + 1) / 2**53
    return 1 + int(math.log(u) / math.log1p(-sample))


def interval(low, high, sample, confidence):
    """Where the count lies if between `low` and `high` of it were sampled: Bernstein's inequality, inverted."""
    lg = math.log(2 / (1 - confidence))
    below = -2 * lg / 3 + math.sqrt(4 * lg * lg / 9 + 2 * lg * low)
    return max(low, (low - below) / sample), (high + lg + math.sqrt(lg * lg + 2 * lg * high)) / sample


class WindowModel:
    """Heavy keys of the current frame in Space Saving, and a log of which key passed a multiple of a block when."""

    def __init__(self, window, blocks, counters, *, bits=0, gap=None, sample=1.0, seed=0):
        self.window, self.counters, self.seed = window, counters, seed
        self.block = -(-window // blocks)
        self.n = -(-window // self.block)
        self.frame = self.n * self.block
        self.slack = self.frame - window
        self.y, self.prev_floor, self.t = Exact(counters), 0, 0
        self.ring, self.sampled = deque([[]]), deque([0])  # of the last n + 1 blocks, oldest first
        self.log = Counter()
        self.bits, self.gap, self.held = bits, gap, set()  # gap None: every key may be skipped
        self.sample, self.jumps, self.until = sample, 0, 0
        self.step = max(1, int(sample * self.block + 0.5))
        self.surely = sample < 1 or counters < self.n  # the log goes by what has surely been seen
        self.next_jump()

    def next_jump(self):
        if self.sample < 1:
            self.until, self.jumps = jump(self.jumps, self.sample, self.seed), self.jumps + 1

    @property
    def j(self):
        return max(0, self.t - 1) // self.block

    @property
    def p(self):
        """Arrivals in the current block."""
        return self.t - self.j * self.block

    @property
    def floor(self):
        return self.y.floor

    def expire(self):
        if len(self.ring) == self.n + 1 and self.ring[0]:
            id = self.ring[0].pop(0)
            self.log[id] -= 1
            if self.log[id] == 0:
                del self.log[id]

    def tick(self):
        self.t += 1
        if self.t > 1 and self.p == 1:
            self.ring.append([])
            self.sampled.append(0)
            if len(self.ring) > self.n + 1:
                assert not self.ring.popleft()
                self.sampled.popleft()
            if self.j % self.n == 0:
                self.prev_floor, self.y, self.held = self.floor, Exact(self.counters), set()
        self.expire()

    def places(self, key):
        return {spread(mix(key, purpose, self.seed), self.bits) for purpose in (7, 8)}

    def holds(self, key):
        return self.bits > 0 and self.places(key) <= self.held

    def skips(self, key):
        if self.bits == 0 or key in self.y.table.where:
            return False
        if self.gap is not None:
            gap = self.gap(key)
            if not (math.isfinite(gap) and gap > self.frame - 1 - (self.t - 1) % self.frame):
                return False
        if self.holds(key):
            return False
        self.held |= self.places(key)
        return True

    def put(self, key):
        self.y.add(key)
        slot, table = self.y.table.where[key], self.y.table
        self.sampled[-1] += 1
        if self.logged(table.counts[slot], table.errors[slot]) % self.step == 0:
            self.ring[-1].append(key)
            self.log[key] += 1

    def update(self, key):
        self.tick()
        if key is None:
            return
        if self.sample < 1:
            self.until -= 1
            if self.until:
                return
            self.next_jump()
        if not self.skips(key):
            self.put(key)

    def logged(self, count, error):
        return count - error if self.surely else count

    def state(self, key):
        """Count, error and the entries of the log that are not explained by the current frame."""
        slot, table = self.y.table.where.get(key), self.y.table
        if slot is None:
            return None, None, self.log[key]
        c, e = table.counts[slot], table.errors[slot]
        return c, e, self.log[key] - self.logged(c, e) // self.step

    def sampled_bounds(self, key):
        """Bounds of what was sampled of a key: of its count, where all is."""
        c, e, old = self.state(key)
        W, B, D, n, t, step, j, p = self.window, self.block, self.slack, self.n, self.t, self.step, self.j, self.p
        g = self.floor if c is None else c
        certain = 0 if c is None else c - e
        skipped = 0 if self.bits == 0 else 1 if t <= self.frame else 2
        if t <= self.frame:
            return max(0, certain - max(0, t - W)), min(g + skipped, W, t)
        edge = max(0, B - D - p)
        if self.sample < 1:
            edge = min(edge, self.sampled[0])
        upper = edge + step - 1 + (self.prev_floor if self.surely else 0) + step * old + g
        lower = certain
        if j % n == n - 1:
            upper = min(upper, edge + g)
            lower = max(0, lower - max(0, D + p - B))
        upper = min(upper + skipped, W)
        inside = old - -(-D // step)
        lower += step * (inside - 1) + 1 if inside > 0 else 0
        return min(lower, upper), upper

    def estimate(self, key, estimator="balanced"):
        """Of what was sampled."""
        c, e, old = self.state(key)
        lower, upper = self.sampled_bounds(key)
        if estimator == "paper":
            return self.step * (self.log[key] + 2) + (self.floor if c is None else c % self.step)
        if estimator in ("lower", "upper"):
            return lower if estimator == "lower" else upper
        balanced = (0 if c is None else c - e) + self.step * max(0, old) + self.holds(key)
        return min(max(balanced, lower), upper)
