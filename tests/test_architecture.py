"""The layers: a module imports from its own layer's package and from those below, never sideways or up.

Inside an area the same holds for its rooms, no module imports another in a circle, and no import hides in a function.
"""

import ast
import graphlib
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from beforehand.cli import areas
from tests.areas import AREAS, PACKAGE, ROOT
from tests.native_tests import imports_native, source_of

LAYERS = [
    {"_native", "_rocksdb"}, {"tables"}, {"core"}, set(AREAS) - {"gradients"}, {"gradients"},
    {"integrations", "workloads", "reporting"}, {"studies"}, {"systems"}, {"cli"}, {"__main__"},
]  # fmt: skip
ROOMS = {
    "scheduling": [
        {"inputs", "units"}, {"log", "load", "engine_profile"}, {"engine_view"}, {"memory_time"},
        {"policies", "distributions"}, {"formulas"}, {"simulation", "queue"},
        {"plan"}, {"serving"},
    ],
    "scheduling.serving": [
        {"ordering", "predictors", "calibration"}, {"handlings"}, {"simulator"}, {"plan"},
    ],
}  # fmt: skip
ON_DEMAND = [Path("scheduling/__init__.py")]  # tables of contents that import some names when somebody asks for them
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
HEADERS = sorted(path.relative_to(ROOT) for path in (ROOT / "native").rglob("*") if path.suffix in (".h", ".cpp"))


def layer(name: str, layers: list[set[str]] = LAYERS) -> int:
    return next(place for place, names in enumerate(layers) if name in names)


def dotted(module: Path) -> str:
    return ".".join(module.with_suffix("").parts).removesuffix(".__init__")


def inside(module: Path) -> set[str]:
    """The modules of its own area that a module imports, as `area.room.module` names."""
    area, tree = module.parts[0], ast.parse((PACKAGE / module).read_text())
    every = {dotted(other) for other in MODULES}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"beforehand.{area}"):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}".removeprefix("beforehand.")
                found.add(whole if whole in every else whole.rpartition(".")[0])
    return found


def for_checkers(statement: ast.stmt) -> bool:
    """Whether it is an `if TYPE_CHECKING:`."""
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"


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
    assert folder in ("support", "bindings", "rocksdb", "tests", "fuzz", *AREAS)
    text = (ROOT / source).read_text()
    if folder in ("support", *AREAS):
        assert not re.search(r"#include\s*[<\"](Python|nanobind)", text)
        assert set(re.findall(r'#include "(\w+)/', text)) <= {"support", folder}


@pytest.mark.parametrize("module", [each for each in MODULES if each.parts[0] in ROOMS], ids=str)
def test_a_room_imports_only_from_rooms_below(module):
    for area, layers in ROOMS.items():
        path = module.with_suffix("").parts
        depth = area.count(".") + 1
        if ".".join(path[:depth]) != area or path[depth:] == ("__init__",):
            continue  # elsewhere, or the area's table of contents
        mine = path[depth]
        for other in inside(module):
            room = other.removeprefix(f"{area}.").split(".")[0]
            if other.startswith(f"{area}.") and room != mine:
                assert layer(room, layers) < layer(mine, layers), f"{module} imports {other}"


@pytest.mark.parametrize("area", AREAS)
def test_no_circle_runs_through_an_area(area):
    modules = [module for module in MODULES if module.parts[0] == area]
    graph = {dotted(module): inside(module) - {dotted(module)} for module in modules}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) >= len(modules)  # a circle raises CycleError


@pytest.mark.parametrize("module", [each for each in MODULES if each.parts[0] in AREAS], ids=str)
def test_no_import_of_the_own_area_hides_in_a_function_or_behind_type_checking(module):
    tree = ast.parse((PACKAGE / module).read_text())
    shown = [top for top in tree.body if isinstance(top, ast.ImportFrom) or (module in ON_DEMAND and for_checkers(top))]
    for node in [node for top in tree.body if top not in shown for node in ast.walk(top)]:
        if isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith(f"beforehand.{module.parts[0]}"), f"{module}: line {node.lineno}"


@pytest.mark.parametrize("contents", ON_DEMAND, ids=str)
def test_what_a_table_of_contents_imports_on_demand_is_what_it_tells_type_checkers(contents):
    tree, package = ast.parse((PACKAGE / contents).read_text()), f"beforehand.{dotted(contents)}"
    [block] = [top for top in tree.body if for_checkers(top)]
    told = {node.module: " ".join(alias.name for alias in node.names) for node in block.body}
    given = importlib.import_module(package).ON_DEMAND
    assert told == {f"{package}.{module}": names for module, names in given.items()}


def test_the_serving_half_of_scheduling_loads_none_of_the_other_and_no_event_loop():
    program = "import sys, beforehand.scheduling.serving; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    other = (
        r"\bbeforehand\.scheduling\.(?:distributions|formulas|simulation|queue|plan)\S*|\basyncio\b|\bnumpy\.random\b"
    )
    assert re.findall(other, done.stdout) == []


def test_the_page_draws_every_package_and_names_only_files_that_exist():
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    tree = page.split("```")[1]
    packages = [path.parent for path in PACKAGE.glob("*/__init__.py")]
    folders = [path for path in (ROOT / "native").iterdir() if path.is_dir()]
    assert all(re.search(rf"── {path.name}/ ", tree) for path in [*packages, *folders])
    rooms = {path.parent.name for path in (PACKAGE / "scheduling").glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"`(\w+)/`", page.split("## The rooms of scheduling")[1].split("##")[0]))
    for name in re.findall(r"`([\w/]+\.(?:py|h|cpp))`", page):
        found = (ROOT / name, PACKAGE / name) if "/" in name else [*PACKAGE.rglob(name), *ROOT.glob(f"native/*/{name}")]
        assert any(path.exists() for path in found), name


@pytest.mark.parametrize("area", AREAS)
def test_importing_an_area_costs_numpy_only(area):
    program = (
        f"import sys; before = set(sys.modules); import beforehand.{area}; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) <= {"beforehand", "numpy", "nanobind_backend"}


def test_the_command_line_knows_every_area_that_has_commands():
    commands = [area for area in AREAS if (PACKAGE / "cli" / f"{area}.py").exists()]
    assert sorted(area.name for area in areas.AREAS) == commands
    assert all(area.scenes for area in areas.AREAS)


@pytest.mark.parametrize("area", AREAS)
def test_an_area_has_kernels_tests_pages_and_a_place_in_the_readme(area):
    for place in (f"native/{area}", f"tests/{area}", f"docs/reference/{area}/index.md"):
        assert (ROOT / place).exists(), place
    assert "__all__" in (PACKAGE / area / "__init__.py").read_text()
    assert f"beforehand.{area}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("module", [each for each in MODULES if imports_native(PACKAGE / each)], ids=str)
def test_a_module_that_imports_native_has_tests_that_run_under_the_sanitizers(module):
    tests = (ROOT / "tests" / module.parent).glob(f"test_{module.stem}*.py")
    assert any(source_of(test) == PACKAGE / module for test in tests), f"write tests/{module.parent}/test_{module.name}"
