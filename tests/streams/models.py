"""Policies of SpaceSaving in plain Python, slot by slot: what the native kernels must agree with bit for bit.

Slow and literal. Keys are ids (integers below 2**64); `classes` and `bins` are what a predictor would say of a key.
"""

MASK = 2**64 - 1


def mix64(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def kth(h, k):
    return mix64(h + k * 0x9E3779B97F4A7C15 & MASK)


def mix(x, purpose, seed=0):
    wide = (x ^ kth(seed, 2 * purpose + 1)) * (kth(seed, 2 * purpose + 2) | 1)
    return (wide ^ wide >> 64) & MASK


def spread(h, m):
    return h * m >> 64


class Table:
    """Slots, and which of them is the next victim. Pinned slots never are."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.keys, self.counts, self.errors, self.where = [], [], [], {}
        self.minimum, self.block, self.mask, self.weighted = 0, capacity, 0, False
        self.pinned = set()

    @property
    def full(self):
        return len(self.keys) == self.capacity

    def put(self, slot, key, count, error):
        """Give the slot to the key; slot None is the next free one."""
        if slot is None:
            slot = len(self.keys)
            self.keys.append(key), self.counts.append(count), self.errors.append(error)
        else:
            del self.where[self.keys[slot]]
            self.keys[slot], self.counts[slot], self.errors[slot] = key, count, error
        self.where[key] = slot
        return slot

    def candidates(self):
        block = range(self.block, min(self.block + 64, self.capacity))
        return sum(1 << i - self.block for i in block if self.counts[i] == self.minimum and i not in self.pinned)

    def victim(self):
        """A slot of least count: with unit weights the next in turn, with others the first."""
        if self.weighted:
            return min((count, slot) for slot, count in enumerate(self.counts) if slot not in self.pinned)[1]
        while True:
            while self.mask:
                slot = self.block + (self.mask & -self.mask).bit_length() - 1
                if self.counts[slot] == self.minimum:
                    return slot
                self.mask &= self.mask - 1
            self.block += 64
            if self.block >= self.capacity:
                self.minimum = min(count for slot, count in enumerate(self.counts) if slot not in self.pinned)
                self.block = 0
            self.mask = self.candidates()

    def dismiss(self, slot):
        """Take a slot out of the candidates."""
        if 0 <= slot - self.block < 64:
            self.mask &= ~(1 << slot - self.block)

    def lower(self, slot, weight):
        """Delete weight from a slot."""
        self.counts[slot] -= weight
        if not self.weighted and self.counts[slot] < self.minimum:
            self.minimum, self.block = self.counts[slot], slot // 64 * 64
            self.mask = self.candidates()

    @property
    def minimum_state(self):
        return None if self.weighted else (self.minimum, self.block, self.mask)


def merged_entries(a, b, absent_a, absent_b):
    """(count, error, key) of the keys of two tables, heaviest first; an absent side contributes count and error."""
    entries = []
    for key in {**a.where, **b.where}:
        count = error = 0
        for table, absent in ((a, absent_a), (b, absent_b)):
            slot = table.where.get(key)
            count += absent(key) if slot is None else table.counts[slot]
            error += absent(key) if slot is None else table.errors[slot]
        entries.append((count, error, key))
    return sorted(entries, key=lambda entry: (-entry[0], entry[1], entry[2]))


class Exact:
    """Space Saving with a floor (3.1), and `lss` (3.5) on top of it: `cbf` cells and up to `pins` pinned slots."""

    default = "count"

    def __init__(self, capacity, *, cbf=0, pins=0, seed=0):
        self.table, self.floor, self.pins = Table(capacity), 0, pins
        self.gate = Gate(cbf, 4, seed)
        self.total = self.deleted = 0

    def add(self, key, weight=1, kind="normal"):
        table = self.table
        table.weighted |= weight != 1
        self.total += weight
        slot = table.where.get(key)
        if slot in table.pinned:
            table.counts[slot] += weight
            return
        pin = kind == "heavy" and slot is None and len(table.pinned) < self.pins
        if kind == "light" and self.gate.holds(key, weight):
            return
        if slot is not None:
            table.counts[slot] += weight
            return
        if table.full:
            slot = table.victim()
            self.floor = max(self.floor, table.counts[slot])
            table.dismiss(slot)
        slot = table.put(slot, key, self.floor + weight, self.floor)
        if pin:
            table.pinned.add(slot)

    def delete(self, keys, weights):
        """Whole or not at all."""
        table, sums = self.table, {}
        for key, weight in zip(keys, weights, strict=True):
            sums[key] = sums.get(key, 0) + weight
        if any(key in table.where and table.counts[table.where[key]] < weight for key, weight in sums.items()):
            raise ValueError("a tracked key would fall below 0")
        for key, weight in zip(keys, weights, strict=True):
            self.deleted += weight
            table.weighted |= weight != 1
            if key in table.where:
                table.lower(table.where[key], weight)

    def slack(self, key):
        return self.gate.value(key)

    def bounds(self, key):
        slot = self.table.where.get(key)
        if slot is None:
            return 0, self.floor + self.slack(key)
        count, error = self.table.counts[slot], self.table.errors[slot]
        return max(0, count - error), count + self.slack(key)

    def estimate(self, key, estimator=None):
        estimator = estimator or self.default
        slot, (lower, upper) = self.table.where.get(key), self.bounds(key)
        if estimator in ("lower", "upper"):
            return lower if estimator == "lower" else upper
        slack = self.slack(key)
        if slot is None:
            return slack
        if slot in self.table.pinned:
            return lower + slack
        count = self.table.counts[slot]
        return (count if estimator == "count" else (lower + count) / 2) + slack  # deletions may leave count < error

    def merge(self, other):
        a, b = self.table, other.table
        entries = merged_entries(a, b, lambda key: self.floor, lambda key: other.floor)
        capacity = max(a.capacity, b.capacity)
        dropped = entries[capacity][0] if len(entries) > capacity else 0
        self.floor = max(self.floor + other.floor, dropped)
        self.table = Table(capacity)
        self.table.weighted = a.weighted or b.weighted
        for count, error, key in entries[:capacity]:
            self.table.put(None, key, count, error)
        self.total += other.total
        self.deleted += other.deleted


class Assoc:
    """Buckets of eight slots, each with its own least count."""

    def __init__(self, buckets, *, seed=0):
        self.buckets, self.seed = [[] for _ in range(buckets)], seed  # of [count, error, key]
        self.total = 0

    def bucket(self, key):
        return self.buckets[spread(mix(key, 2, self.seed), len(self.buckets))]

    def floor(self, key):
        bucket = self.bucket(key)
        return min(entry[0] for entry in bucket) if len(bucket) == 8 else 0

    def add(self, key, weight=1):
        self.total += weight
        bucket = self.bucket(key)
        for entry in bucket:
            if entry[2] == key:
                entry[0] += weight
                return
        if len(bucket) < 8:
            bucket.append([weight, 0, key])
            return
        victim = min(bucket, key=lambda entry: entry[0])
        victim[:] = [victim[0] + weight, victim[0], key]

    def bounds(self, key):
        for count, error, tracked in self.bucket(key):
            if tracked == key:
                return max(0, count - error), count
        return 0, self.floor(key)

    def merge(self, other):
        merged = []
        for bucket, others in zip(self.buckets, other.buckets, strict=True):
            floors = [min(entry[0] for entry in side) if len(side) == 8 else 0 for side in (bucket, others)]
            entries = []
            for key in {entry[2]: None for entry in bucket + others}:
                sides = [
                    next((tuple(entry) for entry in side if entry[2] == key), (floor, floor, key))
                    for side, floor in zip((bucket, others), floors, strict=True)
                ]
                entries.append([sides[0][0] + sides[1][0], sides[0][1] + sides[1][1], key])
            merged.append(sorted(entries, key=lambda entry: (-entry[0], entry[1], entry[2]))[:8])
        self.buckets = merged
        self.total += other.total


class Cells:
    """Upper bounds of untracked keys: u16, halved in number whenever one would outgrow its width."""

    def __init__(self, cells, seed=0):
        self.cells, self.first, self.seed, self.width, self.folds = [0] * cells, cells, seed, 2, 0

    def at(self, key):
        return spread(mix(key, 3, self.seed), self.first) >> self.folds

    def value(self, key):
        return self.cells[self.at(key)] if self.first else 0

    def fold(self):
        if len(self.cells) % 2:
            self.cells.append(0)
        self.cells = [max(self.cells[i : i + 2]) for i in range(0, len(self.cells), 2)]
        self.width, self.folds = 2 * self.width, self.folds + 1

    def hold(self, value):
        """Widen until a value fits."""
        while value >= 1 << 8 * self.width:
            self.fold()

    def raise_to(self, key, value):
        self.hold(value)
        self.cells[self.at(key)] = max(self.value(key), value)

    def merge(self, other):
        other_cells = Cells(0)
        other_cells.__dict__.update(other.__dict__, cells=list(other.cells))
        while self.folds < other_cells.folds:
            self.fold()
        while other_cells.folds < self.folds:
            other_cells.fold()
        self.cells = [a + b for a, b in zip(self.cells, other_cells.cells, strict=True)]
        self.hold(max(self.cells, default=0))


class Filtered:
    """Filtered Space-Saving (3.2): a key takes a slot once its cell has reached the least count."""

    def __init__(self, capacity, cells, *, seed=0):
        self.table, self.cells = Table(capacity), Cells(cells, seed)
        self.total = 0

    def add(self, key, weight=1):
        table = self.table
        table.weighted |= weight != 1
        self.total += weight
        slot = table.where.get(key)
        if slot is not None:
            table.counts[slot] += weight
            return
        held = self.cells.value(key)
        if not table.full:
            table.put(None, key, held + weight, held)
            return
        slot = table.victim()
        if held + weight >= table.counts[slot]:
            self.cells.raise_to(table.keys[slot], table.counts[slot])
            table.put(slot, key, held + weight, held)  # it stays a candidate: its count may still be the least
        else:
            self.cells.raise_to(key, held + weight)

    def bounds(self, key):
        slot = self.table.where.get(key)
        if slot is None:
            return 0, self.cells.value(key)
        return self.table.counts[slot] - self.table.errors[slot], self.table.counts[slot]

    def estimate(self, key, estimator="mid"):
        slot, (lower, upper) = self.table.where.get(key), self.bounds(key)
        if estimator in ("lower", "upper"):
            return lower if estimator == "lower" else upper
        if slot is None:
            return 0
        return upper if estimator == "count" else lower + self.table.errors[slot] / 2

    def merge(self, other):
        a, b = self.table, other.table
        entries = merged_entries(a, b, self.cells.value, other.cells.value)
        self.cells.merge(other.cells)
        self.table = Table(a.capacity)
        self.table.weighted = a.weighted or b.weighted
        for count, error, key in entries[: a.capacity]:
            self.table.put(None, key, count, error)
        for count, _, key in entries[a.capacity :]:
            self.cells.raise_to(key, count)
        self.total += other.total


class Gate:
    """A counting filter of 4-bit cells, two for each key in one array."""

    def __init__(self, cells, tau=15, seed=0):
        self.cells, self.tau, self.seed, self.nonzero = [0] * cells, tau, seed, 0

    def at(self, key):
        return [spread(mix(key, purpose, self.seed), len(self.cells)) for purpose in (4, 5)]

    def value(self, key):
        return min(self.cells[i] for i in self.at(key)) if self.cells else 0

    def holds(self, key, units):
        """Whether the key may lose this much here; then its cells are raised to it."""
        raised = self.value(key) + units
        if not self.cells or raised > self.tau:
            return False
        for i in self.at(key):
            self.nonzero += self.cells[i] == 0
            self.cells[i] = max(self.cells[i], raised)
        return True

    def clear(self):
        self.cells, self.nonzero = [0] * len(self.cells), 0


class MisraGries:
    """Misra-Gries with as many counters: what Space Saving with one counter more is, less its least count."""

    def __init__(self, counters):
        self.counters, self.counts = counters, {}

    def add(self, key):
        if key in self.counts or len(self.counts) < self.counters:
            self.counts[key] = self.counts.get(key, 0) + 1
        else:
            self.counts = {key: count - 1 for key, count in self.counts.items() if count > 1}
