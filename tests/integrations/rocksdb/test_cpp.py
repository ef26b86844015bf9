"""Range filters in a C++ program of somebody else: installed, found by CMake, compiled against RocksDB, run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BUILD = ROOT / "build" / "rocksdb" / "cpp"  # kept, so that only what changed is compiled again
FLAGS = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={Path(sys.executable).with_name('ninja')}", "-DCMAKE_BUILD_TYPE=Release"]

pytestmark = pytest.mark.rocksdb


def run(*command):
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rocksdb_headers():
    roots = [os.environ["ROCKSDB_ROOT"]] if "ROCKSDB_ROOT" in os.environ else ["/usr", "/usr/local"]
    return next(found for root in roots if (found := Path(root, "include/rocksdb")).is_dir())


def test_a_program_finds_links_and_runs_it(tmp_path):
    cmake, prefix = Path(sys.executable).with_name("cmake"), tmp_path / "prefix"
    run(cmake, "-S", ROOT, "-B", BUILD, *FLAGS, "-DCMAKE_CXX_FLAGS_RELEASE=-O0")
    run(cmake, "--build", BUILD, "--target", "beforehand_ranges")
    run(cmake, "--install", BUILD, "--prefix", prefix)
    root = os.environ.get("ROCKSDB_ROOT", "")
    flags = "-Wall -Wextra -Werror" + (f" -isystem {root}/include" if root else "")
    run(
        *(cmake, "-S", ROOT / "native/tests/consumer", "-B", tmp_path / "consumer", *FLAGS),
        *(f"-DCMAKE_PREFIX_PATH={prefix};{root}", f"-DCMAKE_CXX_FLAGS={flags}"),
    )
    run(cmake, "--build", tmp_path / "consumer")
    said = run(tmp_path / "consumer" / "consumer", tmp_path / "db")
    assert said.splitlines() == [
        "order 2000: order 2000, files skipped: 0",
        "order 2001: nothing, files skipped: 1",
    ]
    installed = {path.name for path in (prefix / "include/beforehand/rocksdb").iterdir()}
    assert "range_filter.h" in installed
    assert "database.h" not in installed


def test_no_header_of_ours_hides_one_of_rocksdb():
    theirs = {path.relative_to(rocksdb_headers()) for path in rocksdb_headers().rglob("*.h")}
    ours = {path.relative_to(ROOT / "native/rocksdb") for path in (ROOT / "native/rocksdb").rglob("*.h")}
    assert len(theirs) > 50
    assert not ours & theirs
