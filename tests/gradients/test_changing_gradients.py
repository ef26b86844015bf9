"""No codec crashes on a gradient, or a message, that a thread or another process changes while it is read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.quantization.changing_arrays import WRITERS

pytestmark = pytest.mark.native
SECONDS = float(os.environ.get("CHANGING_SECONDS", "60")) / 5  # in all


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_no_codec_crashes_on_what_changes_under_it(dtype: str, writer: str) -> None:
    seconds = SECONDS / 4
    command = [sys.executable, "-m", "tests.gradients.changing_gradients", dtype, writer, str(seconds)]
    root = Path(__file__).parents[2]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=10 * seconds + 300)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
