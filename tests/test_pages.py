"""Whatever the README and the documentation show is run here, page by page, in the order of the page.

Python blocks print what their `#>` lines say (`pytest --update-examples` writes those anew). In a console block a line
with `$` is a command, and what follows is its output, where `...` stands for anything.
"""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_examples import find_examples

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
NEEDS_A_HOST = "needs-host"  # a block that imports what `make test` does not install


def steps(page):
    """The blocks of a page with the line where each begins."""
    text = page.read_text(encoding="utf-8")
    blocks = [(text.count("\n", 0, match.start()), match[1]) for match in CONSOLE.finditer(text)]
    examples = [example for example in find_examples(page) if example.prefix_tags().isdisjoint({NEEDS_A_HOST})]
    return sorted([*blocks, *((example.start_line, example) for example in examples)], key=lambda step: step[0])


def check_console(block, folder):
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "COLUMNS": "100", "NO_COLOR": "1"}
    for command, wanted in COMMAND.findall(block):
        result = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
        printed = result.stdout + result.stderr
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        assert doctest.OutputChecker().check_output(wanted, printed, flags), f"{command}\n{printed}"


@pytest.mark.parametrize("page", [page for page in PAGES if steps(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_example_prints_what_its_page_says(page, eval_example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for _, step in steps(page):
        if isinstance(step, str):
            check_console(step, tmp_path)
        elif eval_example.update_examples:
            names = eval_example.run_print_update(step, module_globals=names, rewrite_assertions=False)
        else:
            names = eval_example.run_print_check(step, module_globals=names, rewrite_assertions=False)
