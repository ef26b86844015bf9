"""Which module reads a public log."""

import subprocess
import sys

from beforehand.workloads import formats
from beforehand.workloads.formats import azure_llm
from beforehand.workloads.formats.public_logs import LOGS


def test_a_public_log_is_recognized_by_its_header(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,48,10\n")
    assert formats.recognize(path) is azure_llm
    path.write_text("size\n1\n")
    assert formats.recognize(path) is None
    assert formats.recognize(tmp_path / "missing.csv") is None


def test_every_public_log_names_its_source_and_unit():
    for log in LOGS:
        assert log.META["source"]
        assert log.META["unit"]


def test_recognising_imports_no_area():
    program = "import beforehand.workloads.formats, sys; sys.exit('beforehand.scheduling' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
