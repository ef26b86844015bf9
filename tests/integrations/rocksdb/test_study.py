"""The study of Proteus inside RocksDB, at the scale of a test."""

import pytest

from beforehand.studies.claims import NotRun
from beforehand.studies.proteus import in_rocksdb, shift_in_rocksdb, study
from beforehand.studies.proteus.workloads import workloads

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
