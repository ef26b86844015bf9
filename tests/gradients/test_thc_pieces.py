import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.gradients import THC, split_power_of_two
from beforehand.gradients.thc_pieces import Pieces, energy, squares

TABLES = THC().tables(2)
CUT = split_power_of_two(3000)


def opened(pieces=CUT, bucket=0):
    return Pieces(pieces, TABLES, seed=7, rank=1, bucket=bucket, threads=1)


def rotated(pieces):
    """A buffer, the ranges of its pieces when two workers hold it, and the buffer rotated."""
    x = np.zeros(pieces.size, np.float32)
    x[:3000] = np.random.default_rng(0).standard_normal(3000)
    norms = pieces.read(np.stack([pieces.proposal(x, 2)] * 2), 2)
    ranges = pieces.ranges(norms)
    h = x.copy()
    pieces.turn(h, ranges, 5, "before")
    return x, norms, ranges, h


def test_norms_are_rounded_up_and_name_the_table_in_favor():
    x, norms, _, _ = rotated(opened())
    exact = [float(np.linalg.norm(x[start : start + length].astype(np.float64))) for start, length in CUT]
    assert (norms.by_worker >= exact).all()
    assert norms.by_worker[0] == pytest.approx(exact, rel=2e-7)
    assert (norms.table, norms.exact) == (2, False)
    assert squares(norms.by_worker) == pytest.approx([np.sum(np.square(exact))] * 2)


def test_pieces_rotate_back_alone_as_they_do_together():
    pieces = opened()
    x, _, ranges, h = rotated(pieces)
    lengths = np.repeat([length for _, length in CUT], [length for _, length in CUT])
    assert energy(h / lengths.astype(np.float32), ranges) == pytest.approx(float((x.astype(np.float64) ** 2).sum()))
    alone = h[CUT[1].start :].copy()
    pieces.turn(h, ranges, 5, "after")
    pieces.turn(alone, ranges[1:], 5, "after", first=1)
    assert np.array_equal(alone, h[CUT[1].start :])
    assert h / lengths == pytest.approx(x, abs=1e-5)


def test_codes_stand_for_the_points():
    pieces = opened()
    _, norms, ranges, h = rotated(pieces)
    table = TABLES[norms.table]
    codes, points = pieces.codes(h, table, ranges, 5), pieces.points(h, table, ranges, 5)
    low, high = codes.values.reshape(-1, 256) & 15, codes.values.reshape(-1, 256) >> 4
    assert np.array_equal(np.array(table.values)[np.hstack([low, high]).ravel()], points.values)
    assert codes.outside == points.outside > 0


def test_a_number_beyond_the_range_of_rotation_makes_the_round_exact():
    pieces, x = opened(), np.ones(opened().size, np.float32)
    for bad in (np.nan, np.inf, 1e35):
        x[3] = bad
        assert pieces.read(np.stack([pieces.proposal(x, 0), pieces.proposal(np.ones_like(x), 0)]), 2).exact


def test_norms_of_other_pieces_or_tables_are_refused():
    pieces, x = opened(), np.ones(opened().size, np.float32)
    with pytest.raises(InvalidInput, match="open all encoders with one codec"):
        pieces.read(np.stack([pieces.proposal(x, 0)[4:]] * 2), 2)
    with pytest.raises(InvalidInput, match="with a table that this worker knows"):
        pieces.read(np.stack([pieces.proposal(x, len(TABLES))] * 2), 2)


def test_there_are_numbers_for_so_many_buckets_only():
    with pytest.raises(CapacityExceeded, match="bucket is 4096"):
        opened(bucket=4096)
