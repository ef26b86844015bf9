"""The pages on performance show what the benchmarks kept; a rival that cannot be measured is said to be so."""

import importlib
import json
import re
import sys

import bench_ranges
import pytest
import range_contenders
import report
import rivals

PAGES = sorted(report.FOLDER.glob("*.md"))
NEED_TORCH = ["codebooks", "ddp", "ddp_pause", "fsdp2", "gradient_plan", "layers", "low_rank", "outer_loop"]
NEED_VLLM = ["vllm_differential", "vllm_probe", "vllm_start", "vllm_throughput", "vllm_trail"]
KEPT = sorted(report.FOLDER.glob("*.json"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_shows_what_the_benchmarks_kept(page):
    text = page.read_text(encoding="utf-8")
    assert report.filled(text, report.FOLDER) == text, "python benchmarks/report.py writes the page anew"


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_was_kept_stands_on_one_page(path):
    assert sum(f"<!-- {path.stem} -->" in page.read_text(encoding="utf-8") for page in PAGES) == 1


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_kept_results_say_where_they_were_measured(path):
    where = json.loads(path.read_text(encoding="utf-8"))["where"]
    assert {"processor", "cores", "memory", "compiler", "numpy", "python", "commit", "date", "command"} <= set(where)


def test_a_page_takes_its_tables_from_the_file_that_its_marker_names(tmp_path):
    sheet = {"title": "Times", "columns": ["", "ms"], "rows": [["ours", "3"]], "below": "Of one run."}
    kept = {"where": {"command": "python it", "processor": "one"}, "sheets": [sheet]}
    (tmp_path / "it.json").write_text(json.dumps(kept))
    shown = report.filled("before\n<!-- it -->\nold\n<!-- end -->\nafter\n", tmp_path)
    assert "before\n<!-- it -->\n\n`python it`: processor one.\n" in shown
    assert "**Times**\n\n|  | ms |\n| --- | --- |\n| ours | 3 |\n\nOf one run.\n\n<!-- end -->\nafter\n" in shown
    assert "old" not in shown


@pytest.mark.parametrize("name", NEED_TORCH)
def test_a_benchmark_without_torch_says_so_in_one_line(name, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(sys, "argv", [name])
    importlib.import_module(f"bench_{name}").main()
    said = capsys.readouterr().out
    assert "missing: make bench-torch has" in said
    assert said.count("\n") == 1


def test_make_runs_every_benchmark_that_needs_torch():
    rules = (report.ROOT / "Makefile").read_text(encoding="utf-8")
    assert sorted(re.findall(r"build/torch/bin/python benchmarks/bench_(\w+)\.py", rules)) == NEED_TORCH


@pytest.mark.parametrize("name", NEED_VLLM)
def test_a_benchmark_without_vllm_says_so_in_one_line(name, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "vllm", None)
    monkeypatch.setattr(sys, "argv", [name])
    importlib.import_module(f"bench_{name}").main()
    assert capsys.readouterr().out == "vLLM is missing: make bench-vllm has it\n"


def test_every_benchmark_inside_vllm_is_one_of_those():
    assert sorted(path.stem.removeprefix("bench_") for path in report.ROOT.glob("benchmarks/bench_vllm_*")) == NEED_VLLM


def test_a_rival_that_is_not_installed_is_named_with_its_remedy(monkeypatch):
    monkeypatch.delenv(rivals.QUIVER, raising=False)
    monkeypatch.setitem(rivals.RIVALS, "absent", rivals.Rival("k-means", "no-such-package", rivals.ours(), ""))
    assert rivals.measured("absent", 4096, 4) == "pip install no-such-package"
    assert rivals.measured("QUIVER exact", 4096, 4) == f"set {rivals.QUIVER} to a library of it"


def test_a_range_filter_that_is_not_there_is_named_with_its_remedy(monkeypatch, tmp_path):
    monkeypatch.delenv(range_contenders.RIVALS, raising=False)
    assert range_contenders.missing("Diva") == "set BEFOREHAND_RANGE_RIVALS to a folder with clones"
    monkeypatch.setenv(range_contenders.RIVALS, str(tmp_path))
    assert range_contenders.state("Diva") == "git clone --recursive https://github.com/n3slami/Diva there"
    assert range_contenders.missing("Proteus") is None


class Counted:
    """A bench that says how often it was asked."""

    size, asked = 1000, 0

    def measured(self, name, workload, bits):
        self.asked += 1
        return {"rate": 0.25, "bits_per_key": bits} if name == "Proteus" else "> 600 s"


@pytest.fixture
def said(monkeypatch):
    """What git says of the code that is measured, by its subcommand."""
    answers = {"log": "a commit", "status": ""}
    monkeypatch.setattr(bench_ranges, "first_line", lambda git, what, *more: answers[what])
    return answers


def test_a_run_goes_on_from_the_cells_that_an_earlier_one_left(tmp_path, said):
    first, second, cells = Counted(), Counted(), tmp_path / "cells.json"
    workload = range_contenders.WORKLOADS[0]
    found = bench_ranges.measured(first, "Proteus", workload, 12.0, cells)
    assert bench_ranges.measured(second, "Proteus", workload, 12.0, cells) == found
    assert (first.asked, second.asked) == (1, 0)
    bench_ranges.measured(second, "Proteus", workload, 16.0, cells)
    said["log"] = "another commit"
    bench_ranges.measured(second, "Proteus", workload, 12.0, cells)
    assert second.asked == 2
    assert len(json.loads(cells.read_text())) == 3


def test_cells_are_neither_taken_nor_kept_while_the_code_differs_from_its_commit(tmp_path, said):
    bench, cells, workload = Counted(), tmp_path / "cells.json", range_contenders.WORKLOADS[0]
    said["status"] = " M native/ranges/fuse.h"
    for _ in "ab":
        bench_ranges.measured(bench, "Proteus", workload, 12.0, cells)
    assert bench.asked == 2
    assert not cells.exists()


def test_a_cell_that_failed_is_not_kept(tmp_path):
    failing, workload = Counted(), range_contenders.WORKLOADS[0]
    for _ in "ab":
        assert bench_ranges.measured(failing, "Diva", workload, 12.0, tmp_path / "cells.json") == "> 600 s"
    assert failing.asked == 2
    assert not (tmp_path / "cells.json").exists()


def test_a_contender_is_measured_in_a_process_of_its_own():
    found = rivals.measured(f"{rivals.OURS} exact", 4096, 16)
    assert found["vnmse"] == pytest.approx(rivals.ours(method="exact")(rivals.lognormal(4096), 16)().vnmse, rel=1e-6)


def test_times_have_three_digits_or_words():
    assert [rivals.milliseconds({"seconds": t}) for t in (0.0001234, 0.0123, 1.5)] == ["0.123", "12.3", "1,500"]
    assert rivals.milliseconds("> 20 s") == "> 20 s"
