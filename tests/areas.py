"""The areas of this checkout, by their folders, so that no list can forget one."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "beforehand"
SHARED = {"cli", "core", "integrations", "studies", "tables", "workloads"}
AREAS = sorted({path.parent.name for path in PACKAGE.glob("*/__init__.py")} - SHARED)
# Modules that are made of their host: they exist only where it is installed.
HOSTED = ("beforehand.integrations.triton.", "beforehand.integrations.vllm.")
