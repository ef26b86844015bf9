"""Every policy of SpaceSaving in plain Python, slot by slot: what the native kernels must agree with bit for bit.

Slow and literal. Keys are ids (integers below 2**64); `classes` and `bins` are what a predictor would say of a key.
"""

import math

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


class Bin:
    """What untracked keys of one bin weigh, and a HyperLogLog of how many they are."""

    def __init__(self, registers):
        self.weight, self.registers = 0.0, [0] * registers

    def add(self, key, seed):
        lg = len(self.registers).bit_length() - 1
        h = mix64(mix(key, 6, seed))
        rest = (h << lg) & MASK
        rank = 64 - rest.bit_length() + 1 if rest else 64 - lg + 1
        self.registers[h >> 64 - lg] = max(self.registers[h >> 64 - lg], rank)

    @property
    def distinct(self):
        r = len(self.registers)
        alpha = {16: 0.673, 32: 0.697, 64: 0.709}.get(r) or 0.7213 / (1 + 1.079 / r)
        estimate = alpha * r * r / sum(2.0**-rank for rank in self.registers)
        zeros = self.registers.count(0)
        return r * math.log(r / zeros) if estimate <= 2.5 * r and zeros else estimate

    @property
    def mean(self):
        return self.weight / self.distinct if self.distinct else 0.0


def rounded_up(epoch):
    """To 8 significant bits."""
    step = 1 << max(epoch.bit_length() - 8, 0)
    return -(-epoch // step) * step


class Gated:
    """Gated (3.3), with one bin; calibrated (3.4), with 32; `lss+` (3.5), where `add` is told a class.

    Until the table is full, the unit is open and arrivals are counted: it is then fixed as the least power of two that
    is at least the mean weight. Merging takes the larger unit and counts the epochs of the other side in it, rounded
    up; weights of keys that the merged table drops go to their bin, as in an eviction. A key that passes the gate or
    goes round it enters with the epoch E + [the gate holds something]: what it may have lost until then. With
    `bins_beside_epochs`, as in calibrated, slots keep it rounded up to 8 bits.
    """

    def __init__(
        self, capacity, cells, gate, *, registers=256, bins=1, pins=0, gate_slack=1.0, seed=0, bins_beside_epochs=False
    ):
        self.table, self.cells, self.gate = Table(capacity), Cells(cells, seed), Gate(gate, 15, seed)
        self.bins, self.pins, self.gate_slack, self.seed = [Bin(registers) for _ in range(bins)], pins, gate_slack, seed
        self.epoch, self.unit, self.arrivals = 0, 1, 0
        self.epochs, self.slot_bins, self.slot_kinds = [], [], []
        self.kept = rounded_up if bins_beside_epochs else int
        self.total = 0

    @property
    def reached(self):
        """Epochs in which a key may have lost something until now."""
        return self.epoch + (self.gate.nonzero > 0)

    def fix_unit(self):
        while self.unit * self.arrivals < self.total:
            self.unit *= 2

    def add(self, key, weight=1, *, bin=0, kind="light"):
        table = self.table
        table.weighted |= weight != 1
        self.total += weight
        self.arrivals += 1
        slot = table.where.get(key)
        if slot is not None:
            table.counts[slot] += weight
            return
        self.bins[bin].add(key, self.seed)
        held = self.cells.value(key)
        pin = kind == "heavy" and len(table.pinned) < self.pins
        if not table.full:
            self.enter(None, key, held + weight, held, bin, kind, pin)
            if table.full:
                self.fix_unit()
            return
        if kind == "light":
            self.clear_gate()
            if self.gate.holds(key, -(-weight // self.unit)):
                self.bins[bin].weight += weight
                return
        slot = table.victim()
        if pin or held + weight >= table.counts[slot]:
            self.bins[self.slot_bins[slot]].weight += table.counts[slot] - table.errors[slot]
            self.cells.raise_to(table.keys[slot], table.counts[slot])
            self.enter(slot, key, held + weight, held, bin, kind, pin)
        else:
            self.cells.raise_to(key, held + weight)
            self.bins[bin].weight += weight

    def clear_gate(self):
        if self.gate.nonzero <= len(self.gate.cells) // 2 or self.epoch >= 65000:
            return
        least = self.table.counts[self.table.victim()]
        if self.gate.tau * self.unit * (self.epoch + 1) <= self.gate_slack * least:
            self.gate.clear()
            self.epoch += 1

    def enter(self, slot, key, count, error, bin, kind, pin):
        slot = self.table.put(slot, key, count, error)
        for column, value in ((self.epochs, self.kept(self.reached)), (self.slot_bins, bin), (self.slot_kinds, kind)):
            column[slot : slot + 1] = [value]
        if pin:
            self.table.pinned.add(slot)
            self.table.dismiss(slot)

    def slack(self, slot):
        """What a tracked key may have lost."""
        return self.gate.tau * self.unit * self.epochs[slot]

    def bounds(self, key):
        slot = self.table.where.get(key)
        if slot is None:
            lost = self.gate.tau * self.epoch + self.gate.value(key)
            return 0, self.cells.value(key) + self.unit * lost
        count, error = self.table.counts[slot], self.table.errors[slot]
        return count - error, count + self.slack(slot)

    def estimate(self, key, estimator="mid", *, bin=0):
        slot, (lower, upper) = self.table.where.get(key), self.bounds(key)
        if estimator in ("lower", "upper"):
            return lower if estimator == "lower" else upper
        if slot is None:
            return 0 if estimator == "count" else min(upper, self.bins[bin].mean)
        slack = min(self.slack(slot), self.gate.tau * self.unit)
        if slot in self.table.pinned:
            return lower
        return (self.table.counts[slot] if estimator == "count" else lower + self.table.errors[slot] / 2) + slack

    def merge(self, other):
        sides, was_full = (self, other), self.table.full
        unit = max(side.unit for side in sides)

        def epochs(key):
            told = 0
            for side in sides:
                slot = side.table.where.get(key)
                told += -(-(side.reached if slot is None else side.epochs[slot]) * side.unit // unit)
            return told

        def told_by(key):
            side = self if key in self.table.where else other
            slot = side.table.where[key]
            return side.slot_bins[slot], side.slot_kinds[slot], slot in side.table.pinned

        entries = merged_entries(self.table, other.table, self.cells.value, other.cells.value)
        entries = [(*entry, self.kept(epochs(entry[2])), *told_by(entry[2])) for entry in entries]
        epoch = epochs(None)
        if epoch > 65534:
            raise OverflowError("too many epochs")
        capacity = self.table.capacity
        self.cells.merge(other.cells)
        for bin, theirs in zip(self.bins, other.bins, strict=True):
            bin.weight += theirs.weight
            bin.registers = [max(ranks) for ranks in zip(bin.registers, theirs.registers, strict=True)]
        table = Table(capacity)
        table.weighted = self.table.weighted or other.table.weighted
        for count, error, key, *_, pinned in entries[:capacity]:
            slot = table.put(None, key, count, error)
            if pinned and len(table.pinned) < self.pins:
                table.pinned.add(slot)
        for count, error, key, _, bin, *_ in entries[capacity:]:
            self.cells.raise_to(key, count)
            self.bins[bin].weight += count - error
        self.table, self.epoch, self.unit = table, epoch, unit
        self.epochs, self.slot_bins, self.slot_kinds = (
            [entry[column] for entry in entries[:capacity]] for column in (3, 4, 5)
        )
        self.gate.clear()
        self.total += other.total
        self.arrivals += other.arrivals
        if table.full and not (was_full or other.table.full):
            self.fix_unit()


class MisraGries:
    """Misra-Gries with as many counters: what Space Saving with one counter more is, less its least count."""

    def __init__(self, counters):
        self.counters, self.counts = counters, {}

    def add(self, key):
        if key in self.counts or len(self.counts) < self.counters:
            self.counts[key] = self.counts.get(key, 0) + 1
        else:
            self.counts = {key: count - 1 for key, count in self.counts.items() if count > 1}
