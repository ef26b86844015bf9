"""`_native.pyi` is what nanobind says today; `make stub` writes it anew."""

import subprocess
import sys
from pathlib import Path

import beforehand

GOLDEN = Path(beforehand.__file__).with_name("_native.pyi")


def test_the_stub_is_that_of_the_built_module(tmp_path):
    fresh = tmp_path / "_native.pyi"
    subprocess.run([sys.executable, Path(__file__).parents[1] / ".ci/stub", fresh], check=True)
    assert fresh.read_text() == GOLDEN.read_text()
