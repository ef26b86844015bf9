"""The layers: a module imports from its own layer's package and from those below, never sideways or up."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "beforehand"
AREAS = {"quantization", "scheduling"}
LAYERS = [
    {"_native"}, {"tables"}, {"core"}, AREAS, {"integrations", "workloads"}, {"studies"}, {"systems"}, {"cli"},
    {"__main__"},
]  # fmt: skip
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
HEADERS = sorted(path.relative_to(ROOT) for path in (ROOT / "native").rglob("*") if path.suffix in (".h", ".cpp"))


def layer(name: str) -> int:
    return next(place for place, names in enumerate(LAYERS) if name in names)


def imported(tree: ast.AST) -> set[str]:
    """The packages right below beforehand that a module imports, at its top or inside its functions."""
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("beforehand.")} - {"__version__"}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_imports_only_from_below(module):
    mine = module.parts[0].removesuffix(".py")
    found = imported(ast.parse((PACKAGE / module).read_text()))
    if mine == "__init__":
        assert not found
        return
    for name in found - {mine}:
        assert layer(name) < layer(mine), f"{module} imports {name}"


@pytest.mark.parametrize("source", HEADERS, ids=str)
def test_native_areas_include_only_support_and_themselves_and_no_python(source):
    folder = source.parts[1]
    text = (ROOT / source).read_text()
    if folder in ("support", *AREAS):
        assert not re.search(r"#include\s*[<\"](Python|nanobind)", text)
        assert set(re.findall(r'#include "(\w+)/', text)) <= {"support", folder}
