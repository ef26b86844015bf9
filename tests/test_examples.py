import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_draws_its_picture_of_few_numbers_too(example, tmp_path):
    picture = tmp_path / "picture.svg"
    command = [sys.executable, "-W", "error", example, "--size", "500", "-o", picture]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.endswith(f"drew {picture}\n")
    assert len(list(ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}path"))) > 20


def test_there_are_examples():
    assert len(EXAMPLES) >= 2
