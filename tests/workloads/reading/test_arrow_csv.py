import subprocess
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


def test_reading_with_pyarrow_imports_no_pandas(tmp_path):
    """Where it is installed, many a call of pyarrow imports it, and it keeps more memory than the columns."""
    (tmp_path / "pandas.py").write_text("raise RuntimeError('imported')")
    rows = (f"2026-03-01 00:00:{i % 60:02},{i}.5,{i if i % 9 else 'NA'}\n" for i in range(60_000))
    (tmp_path / "jobs.csv").write_text("at,took,cheap\n" + "".join(rows))
    code = (
        "import sys; from beforehand.workloads.reading import read_table; "
        f"table = read_table({str(tmp_path / 'jobs.csv')!r}, ['at', 'took', 'cheap']); "
        "assert 'pyarrow' in sys.modules; "
        "print(table.times('at')[0].max(), table.numbers('took').sum(), table.missing('cheap').sum()); "
        "table.numbers('cheap'); table.times('cheap'); assert 'pandas' not in sys.modules"
    )
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    run = subprocess.run([sys.executable, "-c", path + code], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout) == (0, "59.0 1800000000.0 6667\n"), run.stderr
