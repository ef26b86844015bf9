"""Native tests at the size of a benchmark: built for speed, and run on as many random cases as are asked for."""

import subprocess
import sys

from report import ROOT


def run(test: str, cases: int) -> None:
    """Build and run `<test>_test`, which takes the number of its cases; raise if it fails."""
    build = ROOT / "build" / "bench"
    tool = f"{sys.prefix}/bin/cmake"
    configure = [tool, "-S", str(ROOT), "-B", str(build), "-DCMAKE_BUILD_TYPE=Release", "-DBEFOREHAND_TESTS=ON"]
    for command in (configure, [tool, "--build", str(build), "--target", f"{test}_test"]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([str(build / "native" / "tests" / f"{test}_test"), str(cases)], check=True)
