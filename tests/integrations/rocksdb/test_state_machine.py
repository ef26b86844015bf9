"""Whatever is written, every scan returns what a sorted dict holds, with filters and without."""

import bisect
import os
import random

import numpy as np
import pytest

from beforehand.integrations.rocksdb import DB, FilterOptions
from tests.integrations.rocksdb.conftest import SMALL

pytestmark = pytest.mark.rocksdb

SCANS = int(os.environ.get("ROCKSDB_SCANS", "50000"))
OPTIONS = SMALL | {"level0_file_num_compaction_trigger": "3", "max_background_jobs": "2"}


class Model:
    """A sorted dict."""

    def __init__(self):
        self.rows, self.keys = {}, []

    def put(self, key, value):
        if key not in self.rows:
            bisect.insort(self.keys, key)
        self.rows[key] = value

    def drop(self, key):
        if self.rows.pop(key, None) is not None:
            del self.keys[bisect.bisect_left(self.keys, key)]

    def places(self, lo, hi):
        first = 0 if lo is None else bisect.bisect_left(self.keys, lo)
        return first, max(first, len(self.keys) if hi is None else bisect.bisect_left(self.keys, hi))

    def between(self, lo, hi):
        first, last = self.places(lo, hi)
        return [(key, self.rows[key]) for key in self.keys[first:last]]

    def count(self, lo, hi):
        first, last = self.places(lo, hi)
        return last - first


class Numbers:
    """Keys of 8 bytes in clusters, and bounds of any length."""

    name, key_type = "numbers", "uint64"

    def __init__(self, draw):
        self.draw = draw

    def key(self):
        cluster = self.draw.choice([0, 1 << 40, (1 << 63) - 500, (1 << 64) - 1000])
        return (cluster + self.draw.randrange(1000)).to_bytes(8, "big")

    def bound(self):
        key = self.key()
        kind = self.draw.randrange(10)
        if kind < 6:
            return key
        return (key[: self.draw.randrange(9)], key + b"\0", key + b"\xff\xff", b"\0" * self.draw.randrange(10))[
            kind - 6
        ]

    def after(self, key):
        number = min(int.from_bytes(key[:8].ljust(8, b"\0"), "big") + self.draw.randrange(1, 30), 2**64 - 1)
        return number.to_bytes(8, "big") if self.draw.randrange(8) else b"\xff" * self.draw.randrange(1, 11)


class Texts:
    """Keys of 0 to 40 bytes over few letters, the smallest and the largest among them."""

    name, key_type = "texts", "bytes"

    def __init__(self, draw):
        self.draw = draw

    def key(self):
        size = self.draw.choice([0, 1, 2, 3, 3, 4, 5, 6, 8, 12, 40])
        return bytes(self.draw.choices(b"\x00\x01ab\x7f\xfe\xff", k=size))

    bound = key

    def after(self, key):
        return key + b"\0" if self.draw.randrange(3) == 0 else max(key, self.key())


def change(draw, family, model, batch):
    """Adds a random operation to the batch, and does it to the model."""
    key = family.key()
    kind = draw.randrange(20)
    if kind < 12:
        value = draw.randbytes(draw.randrange(60))
        batch.append(("put", key, value, family.name))
        model.put(key, value)
    elif kind < 17:
        key = draw.choice(model.keys) if model.keys and draw.randrange(2) else key
        batch.append(("delete", key, family.name))
        model.drop(key)
    else:
        lo, hi = sorted((key, family.after(key)))
        batch.append(("delete_range", lo, hi, family.name))
        for each, _ in model.between(lo, hi):
            model.drop(each)


def put_once(draw, family, model, batch):
    """A key that is put and single-deleted, as no other operation touches it."""
    key = family.key()[:5].ljust(5, b"z") + b"once"
    if family.key_type == "uint64" or key in model.rows:
        return
    batch += [("put", key, b"", family.name), ("single_delete", key, family.name)]


def check(draw, db, family, model, count):
    """So many random ranges: rows as in the model, counts by the filters and without them."""
    lows, highs = [], []
    for _ in range(count):
        lo = family.bound()
        hi = family.after(lo) if draw.randrange(4) else family.bound()
        lows.append(lo)
        highs.append(hi)
    expected = np.array([model.count(lo, hi) for lo, hi in zip(lows, highs, strict=True)], np.uint32)
    filtered = db.scan_many(lows, highs, column_family=family.name)
    wrong = np.flatnonzero(filtered != expected)
    assert [(lows[i], highs[i], expected[i], filtered[i]) for i in wrong] == []
    some = slice(0, count, 10)
    assert (db.scan_many(lows[some], highs[some], column_family=family.name, use_filter=False) == expected[some]).all()
    for lo, hi in list(zip(lows, highs, strict=True))[: count // 20]:
        forward = list(db.scan(lo, hi, column_family=family.name))
        assert forward == model.between(lo, hi)
        assert list(db.scan(lo, hi, column_family=family.name, reverse=True)) == forward[::-1]
        assert list(db.scan(None, hi, column_family=family.name, limit=3)) == model.between(None, hi)[:3]
    assert list(db.scan(column_family=family.name)) == model.between(None, None)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_scan_returns_what_a_sorted_dict_holds(tmp_path, seed):
    draw = random.Random(seed)
    families = [Numbers(draw), Texts(draw)]
    models = {family.name: Model() for family in families}
    filters = (("proteus", "proteus"), ("rosetta", "surf"))[seed - 1]
    options = {
        family.name: FilterOptions(filter=filter, key_type=family.key_type)
        for family, filter in zip(families, filters, strict=True)
    }
    path, rounds = tmp_path / "db", 40
    db = DB.open(path, column_families=options, db_options=OPTIONS)
    skipped = 0
    for number in range(rounds):
        for _ in range(25):
            batch = []
            for _ in range(draw.randrange(1, 12)):
                family = draw.choice(families)
                draw.choice([change] * 15 + [put_once])(draw, family, models[family.name], batch)
            db.write(batch)
        family = families[number % 2]
        step = draw.randrange(8)
        if step < 4:
            db.flush(column_family=family.name)
        elif step == 4:
            db.compact(column_family=family.name)
        elif step == 5:
            db.compact(*sorted((family.key(), family.key())), column_family=family.name)
        elif step == 6:
            skipped += db.statistics().tables_skipped
            db.close()
            db = DB.open(path, column_families=options, db_options=OPTIONS)
        else:
            rows = {family.key(): draw.randbytes(9) for _ in range(30)}
            file = tmp_path / f"{number}.sst"
            db.write_sst(file, sorted(rows.items()), column_family=family.name)
            db.ingest([file], column_family=family.name)
            for key, value in rows.items():
                models[family.name].put(key, value)
        for each in families:
            check(draw, db, each, models[each.name], SCANS // rounds // 4)
    skipped += db.statistics().tables_skipped
    assert skipped > SCANS // 4  # filters did take part
    assert db.statistics().build_failures == 0
    db.close()
