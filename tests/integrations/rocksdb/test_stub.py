"""`_rocksdb.pyi` is what nanobind says today; `make stub` writes it anew."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.rocksdb


def test_the_stub_is_that_of_the_built_extension(tmp_path):
    fresh = tmp_path / "_rocksdb.pyi"
    subprocess.run([sys.executable, ROOT / ".ci/stub", fresh], check=True)
    assert fresh.read_text() == (ROOT / "src/beforehand/_rocksdb.pyi").read_text()
