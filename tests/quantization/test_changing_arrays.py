"""No kernel crashes on an array that a thread or another process changes while it is read: support/shared.h's rule."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.quantization import changing_arrays

pytestmark = pytest.mark.native
SECONDS = float(os.environ.get("CHANGING_SECONDS", "60"))  # in all; `make nightly` takes two hours
DTYPES = ("float32", "float64", "float16", "int8")


@pytest.mark.parametrize("writer", changing_arrays.WRITERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_kernel_crashes_on_an_array_that_changes_under_it(dtype: str, writer: str) -> None:
    seconds = SECONDS / len(DTYPES) / len(changing_arrays.WRITERS)
    command = [sys.executable, "-m", "tests.quantization.changing_arrays", dtype, writer, str(seconds)]
    root = Path(__file__).parents[2]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=10 * seconds + 300)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
