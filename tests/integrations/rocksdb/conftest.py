from contextlib import contextmanager

import pytest

from beforehand.integrations.rocksdb import DB

SMALL = {"write_buffer_size": "16K", "target_file_size_base": "16K", "max_bytes_for_level_base": "64K"}


@pytest.fixture
def opened(tmp_path):
    """Opens databases in one folder, closes them at the end, and gives the last one again by reopening it."""
    databases = []

    def open_one(name="db", **options):
        databases.append(DB.open(tmp_path / name, **options))
        return databases[-1]

    yield open_one
    for database in databases:
        database.close()


@contextmanager
def counted(database):
    """How much more the statistics say after a block: `delta = {}` filled at its end."""
    before, delta = database.statistics(), {}
    yield delta
    after = database.statistics()
    for name in ("scans", "empty_scans", "tables_checked", "tables_skipped", "tables_without_filter"):
        delta[name] = getattr(after, name) - getattr(before, name)
