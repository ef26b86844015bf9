"""The study of Proteus inside RocksDB, at the scale of a test."""

import numpy as np
import pytest

from beforehand.ranges import QueryRecorder
from beforehand.studies.claims import NotRun
from beforehand.studies.proteus import in_rocksdb, shift_in_rocksdb, study
from beforehand.studies.proteus.workloads import workloads
from beforehand.workloads import ranges

pytestmark = pytest.mark.rocksdb


def test_every_filter_is_measured_in_the_same_place():
    workload = workloads(20_000, 1000)[3]
    row = in_rocksdb.measured(workload, 100)
    sheet = in_rocksdb.sheet([row], 20_000, 100)
    assert set(row.wall) == set(in_rocksdb.COMPARED)
    assert all(len(ratios) == in_rocksdb.TURNS for ratios in row.ratios.values())
    assert {len(each) for each in sheet.rows} == {len(sheet.columns)}
    assert not isinstance(study.is_faster([row], "some"), NotRun)


def test_two_files_are_on_level_0_whatever_compactions_did(tmp_path):
    workload = workloads(20_000, 1)[0]
    for name in ("none", "SuRF"):
        live = in_rocksdb.written(tmp_path / name, name, workload.keys, workload.sample)
        assert live.live_tables == 3
    assert live.live_filters == 3


def test_filters_follow_a_workload_as_files_are_written_anew():
    shifted = shift_in_rocksdb.phases(50_000, 40_000)
    for phase in shifted[1:]:
        assert phase.last < phase.worst
    assert study.follows_shifts([], shifted).figure
    assert len(shift_in_rocksdb.sheet(shifted, 50_000, 40_000).rows) == len(shift_in_rocksdb.PHASES)


def test_after_a_shift_filters_are_as_good_as_tuned_ones_once_all_files_are_written_anew(tmp_path):
    keys = ranges.uniform_keys(50_000, seed=42)
    recorder = QueryRecorder(capacity=2000, every=4, seed=0)

    def asked(kind, longest, count, seed):
        queries = ranges.queries(keys, count, kind=kind, longest=longest, seed=seed)
        return queries["lo"], queries["hi"]

    def rate(db, lo, hi):
        before = db.statistics()
        db.scan_many(in_rocksdb.big_endian(lo), in_rocksdb.big_endian(hi + np.uint64(1)))
        after = db.statistics()
        return (after.false_positives - before.false_positives) / (after.empty_checks - before.empty_checks)

    def written_anew(db):
        db.compact()
        in_rocksdb.settle(db)

    recorder.record(*asked("correlated", 16, 2000, 1))
    with (
        in_rocksdb.opened(tmp_path / "shifts", shift_in_rocksdb.FILTER, recorder=recorder) as shifts,
        in_rocksdb.opened(tmp_path / "tuned", shift_in_rocksdb.FILTER, asked("uniform", 4096, 2000, 1)) as tuned,
    ):
        for db in (shifts, tuned):
            in_rocksdb.load(db, keys, 64)
            written_anew(db)
        queries = asked("uniform", 4096, 20_000, 2)
        assert rate(shifts, *queries) > 100 * rate(tuned, *queries)
        written_anew(shifts)
        assert rate(shifts, *queries) < 1.5 * rate(tuned, *queries)
