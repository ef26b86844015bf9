"""Which tests reach native code, and so run under the sanitizers as well (`make native-test-python`)."""

import re
from pathlib import Path

from tests.areas import PACKAGE, ROOT

IMPORT = re.compile("^from beforehand import _native$", re.MULTILINE)


def imports_native(module: Path) -> bool:
    return bool(IMPORT.search(module.read_text(encoding="utf-8")))


def source_of(test: Path) -> Path | None:
    """The module that a file of tests is about: that of test_levels_edges.py is levels.py."""
    folder = PACKAGE / test.parent.relative_to(ROOT / "tests")
    words = test.stem.split("_")[1:]
    longest_first = (folder / f"{'_'.join(words[:n])}.py" for n in range(len(words), 0, -1))
    return next(filter(Path.exists, longest_first), None)


def reaches_native(test: Path) -> bool:
    source = source_of(test)
    return imports_native(test) or (source is not None and imports_native(source))
