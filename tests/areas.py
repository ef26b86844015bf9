"""The areas and the hosts of this checkout, by their folders, so that no list can forget one."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "beforehand"
SHARED = {"cli", "core", "integrations", "studies", "tables", "workloads"}


def packages(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("*/__init__.py")}


AREAS = sorted(packages(PACKAGE) - SHARED)
HOSTS = sorted(packages(PACKAGE / "integrations"))
