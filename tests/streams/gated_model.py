"""The gated policies in plain Python, slot by slot: gated, calibrated and `lss+`."""

import math

from tests.streams.models import MASK, Cells, Gate, Table, merged_entries, mix, mix64


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
