"""Arrays larger than the memory that the guide states: the system refuses the commands any more of it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

STATED = 200 << 20  # bytes beside the codes of the largest array, see docs/guides/encode_a_file.md
ROWS, WIDTH = 1 << 21, 32
PROGRAM = """
import resource, sys
import beforehand.cli.decoded_files
from beforehand.cli.app import run
with open("/proc/self/status") as lines:
    held = next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmData"))
limit = held + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
sys.exit(run(["quantization", *sys.argv[2:]]))
"""
CODES = ROWS * WIDTH // 2 + 4096  # bytes of 4 bits a value


def limited(*words):
    """A command that may write to no more memory than stated; files that are mapped do not count."""
    limit = str(STATED + CODES)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, limit, *words], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr


def matrix():
    return np.random.default_rng(0).standard_normal((1 << 12, WIDTH), dtype="f4")


def save(form, path):
    part = matrix()
    runs = range(0, ROWS, len(part))
    if form == "parquet":
        schema = pa.schema({"id": pa.int64(), "v": pa.list_(pa.float32())})
        offsets = pa.array(np.arange(len(part) + 1, dtype="i4") * WIDTH)
        lists = pa.ListArray.from_arrays(offsets, pa.array(part.ravel()))
        with pq.ParquetWriter(path, schema, use_dictionary=False) as writer:
            writer.write_table(
                pa.concat_tables(
                    pa.table({"id": np.arange(first, first + len(part)), "v": lists}, schema=schema) for first in runs
                )
            )
    elif form == "safetensors":
        save_file({"v": np.tile(part, (len(runs), 1))}, path)
    else:
        shape, fortran = ((WIDTH, ROWS), True) if form == "fortran" else ((ROWS, WIDTH), False)
        array = np.lib.format.open_memmap(path, "w+", "f4", shape, fortran_order=fortran)
        for first in runs:
            (array.T if fortran else array)[first : first + len(part)] = part


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what a process writes to")
@pytest.mark.parametrize("form", ["npy", "fortran", "safetensors", "parquet"])
def test_files_above_the_stated_memory_go_there_and_back_within_it(tmp_path, form):
    ending = "npy" if form == "fortran" else form
    source, codes, back = (str(tmp_path / name) for name in (f"x.{ending}", "x.bhq", f"y.{ending}"))
    save(form, source)
    assert Path(source).stat().st_size > STATED + CODES
    limited("encode", source, "-o", codes)
    limited("decode", codes, "-o", back)
    assert form == "parquet" or Path(back).stat().st_size > STATED  # where repeated levels take few bytes
    for path in (source, codes, back):
        Path(path).unlink()
