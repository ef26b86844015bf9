import sys
from types import SimpleNamespace

from beforehand.workloads.reading import give_back


def test_memory_is_given_back_by_pyarrow_and_nothing_is_imported_for_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "pyarrow", raising=False)
    give_back()
    assert "pyarrow" not in sys.modules
    asked = []
    pool = SimpleNamespace(release_unused=lambda: asked.append(True))
    monkeypatch.setitem(sys.modules, "pyarrow", SimpleNamespace(default_memory_pool=lambda: pool))
    give_back()
    assert asked
