"""`_rocksdb.pyi` is what nanobind says today, but for the version of RocksDB; `make stub` writes it anew."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.rocksdb


def test_the_stub_is_that_of_the_built_extension(tmp_path):
    fresh = tmp_path / "_rocksdb.pyi"
    subprocess.run([sys.executable, ROOT / ".ci/stub", fresh], check=True)
    kept = ROOT / "src/beforehand/_rocksdb.pyi"
    assert _without_version(fresh.read_text()) == _without_version(kept.read_text())


def _without_version(stub):
    found, times = re.subn(r"^VERSION: str = '\d+\.\d+\.\d+'$", "", stub, flags=re.MULTILINE)
    assert times == 1
    return found
