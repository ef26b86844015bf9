"""What kernels become on a GPU, which need not be there: nothing that rounds otherwise than the host."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.triton
INEXACT = re.compile(r"fma|mad\.\w+\.f|\.ftz|\.approx|div\.(?!s|u)|div\.full|sqrt|rcp")
ONE = 48 * 1024  # bytes of shared memory that a program has on every GPU


@pytest.mark.parametrize("architecture", [80, 90])
def test_no_instruction_rounds_otherwise_than_the_host(architecture):
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    program = [sys.executable, Path(__file__).with_name("compiled.py"), str(architecture)]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    kernels = json.loads(done.stdout)
    assert kernels["means"]["mul.rn.f32"] > 0 < kernels["means"]["sub.rn.f32"]
    assert kernels["stages between runs"]["add.rn.f32"] == kernels["stages between runs"]["sub.rn.f32"] == 4 * 32
    for name, found in kernels.items():
        assert found.pop("shared") <= ONE, name
        assert not [each for each in found if INEXACT.search(each)], name
