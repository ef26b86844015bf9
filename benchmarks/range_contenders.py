"""Range filters that answer the same questions about the same keys: ours, and those of others, built outside.

Others are compiled from where BEFOREHAND_RANGE_RIVALS says: a folder with a clone of each. None of their code is here.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from report import ROOT

from beforehand.ranges import LocalityHash, PrefixBloom, Proteus, Rosetta, SuRF, TwoPrefixBloom

RIVALS: Final = "BEFOREHAND_RANGE_RIVALS"
SOURCES: Final = ROOT / "benchmarks" / "range_rivals"
SIZE: Final = 1_000_000
LIMIT: Final = 600  # seconds that one may take, beside other work


@dataclass(frozen=True)
class Workload:
    """Keys, queries, the codes of the longest, as range_rivals/workload.cpp makes them."""

    keys: str
    queries: str
    longest: int

    def __str__(self) -> str:
        """As the tables call it."""
        return f"{self.keys} keys, {self.queries} ≤ {self.longest:,}"


WORKLOADS: Final = (
    Workload("uniform", "uniform", 32),
    Workload("uniform", "correlated", 16),
    Workload("normal", "uniform", 4096),
    Workload("normal", "split", 16),
)


@dataclass(frozen=True)
class Ours:
    """A filter of this library: how it is built, and its native class."""

    build: Callable[[np.ndarray, tuple[np.ndarray, np.ndarray], float], Any]
    core: str
    header: str
    differs: str = ""


@dataclass(frozen=True)
class Theirs:
    """A filter of others: its repository, its license, and how the driver is compiled with it."""

    repository: str
    license: str
    adapter: str
    flags: tuple[str, ...]
    differs: str
    sources: tuple[str, ...] = ()  # of C++
    c_sources: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Where its clone lies."""
        return self.repository.rpartition("/")[2]


OURS: Final = {
    "Proteus": Ours(
        lambda keys, sample, bits: Proteus.build(keys, sample, bits_per_key=bits),
        "Composed<bh::ranges::FilterKind::proteus>", "ranges/composed.h", "20,000 sample queries",
    ),
    "Proteus, paper's space": Ours(
        lambda keys, sample, bits: Proteus.build(keys, sample, bits_per_key=bits, space="paper", max_probes=None),
        "Composed<bh::ranges::FilterKind::proteus>", "ranges/composed.h", "20,000 sample queries, no cap on probes",
    ),
    "PrefixBloom": Ours(
        lambda keys, sample, bits: PrefixBloom.build(keys, sample, bits_per_key=bits),
        "Composed<bh::ranges::FilterKind::prefix_bloom>", "ranges/composed.h", "20,000 sample queries",
    ),
    "TwoPrefixBloom": Ours(
        lambda keys, sample, bits: TwoPrefixBloom.build(keys, sample, bits_per_key=bits),
        "TwoPrefixBloom", "ranges/two_prefix_bloom.h", "20,000 sample queries",
    ),
    "SuRF": Ours(
        lambda keys, sample, bits: SuRF.build(keys, bits_per_key=bits),
        "Surf", "ranges/surf.h", "real suffix bits, as many as fit",
    ),
    "Rosetta": Ours(
        lambda keys, sample, bits: Rosetta.build(keys, sample, bits_per_key=bits),
        "Rosetta", "ranges/rosetta.h", "the best of three divisions of memory on the sample",
    ),
    "LocalityHash": Ours(
        lambda keys, sample, bits: LocalityHash.build(keys, bits_per_key=bits),
        "Composed<bh::ranges::FilterKind::locality_hash>", "ranges/composed.h", "no sample; bounded in the worst case",
    ),
}  # fmt: skip

THEIRS: Final = {
    "Proteus, authors'": Theirs(
        "Eric-R-Knorr/Proteus", "MIT", "proteus.h", ("-Ofast", "-std=c++17"),
        "20,000 sample queries, sorted, as its model wants them", sources=("include/*.cpp",),
    ),
    "SuRF, authors'": Theirs(
        "efficient/SuRF", "Apache-2.0", "surf.h", ("-O3", "-DNDEBUG"), "ratio 64; keys are made strings, in its build",
    ),
    "Grafite": Theirs(
        "marcocosta97/grafite", "GPL-3", "grafite.h",
        ("-O3", "-DNDEBUG", "-DSUCCINCT_LIB_SUX", "-Iinclude", "-Ilib/sux"), "its own default by bits per key",
    ),
    "Memento": Theirs(
        "n3slami/Memento_Filter", "GPL-3", "memento_filter.h", ("-Ofast", "-DNDEBUG", "-Iinclude"),
        "made for the longest query; widest fingerprint that fits", c_sources=("src/memento.c", "src/hashutil.c"),
    ),
    "Diva": Theirs(
        "n3slami/Diva", "MIT", "diva.h", ("-Ofast", "-DNDEBUG", "-Iinclude"), "integers; load 0.95",
        c_sources=tuple(f"include/wormhole/{stem}.c" for stem in ("kv", "lib", "wh", "wh_int")),
    ),
    "Oasis+": Theirs(
        "Woooooow-Pro/Oasis-RangeFilter", "MIT", "oasis.h",
        ("-O3", "-DNDEBUG", "-include", "cstddef", "-Isrc/include", "-Isrc/include/proteus"),  # its headers lack one
        "blocks of 150, as in its benchmark; knows the longest query",
        sources=("src/*.cc", "src/learned_rf/*.cc", "src/proteus/*.cc"),
    ),
}  # fmt: skip
CONTENDERS: Final = (*OURS, *THEIRS)


def missing(name: str) -> str | None:
    """What to do for a rival that is not there."""
    if name in OURS:
        return None
    rival = THEIRS[name]
    if RIVALS not in os.environ:
        return f"set {RIVALS} to a folder with clones"
    if not (Path(os.environ[RIVALS]) / rival.folder).is_dir():
        return f"git clone --recursive https://github.com/{rival.repository} there"
    return None


def state(name: str) -> str:
    """The commit of a rival's clone, or what to do."""
    if name in OURS:
        return "this one"
    if absent := missing(name):
        return absent
    place = Path(os.environ[RIVALS]) / THEIRS[name].folder
    shown = subprocess.run(["git", "-C", place, "log", "-1", "--format=%h of %cs"], capture_output=True, text=True)
    return shown.stdout.strip() or "unknown"


class Bench:
    """A folder with the keys and queries of one workload after the other, and the compiled drivers."""

    def __init__(self, folder: str, size: int) -> None:
        self.folder, self.size = Path(folder), size
        self._programs: dict[str, Path] = {}
        self._made: Workload | None = None
        self._compile(self.folder / "workload", [SOURCES / "workload.cpp"], ["-O3", "-std=c++20"])

    def prepare(self, workload: Workload) -> None:
        """Write its keys and queries, unless they are there."""
        if workload == self._made:
            return
        arguments = (str(self.size), workload.keys, workload.queries, str(workload.longest), str(self.folder))
        subprocess.run([self.folder / "workload", *arguments], check=True)
        self._made = workload

    def codes(self, name: str) -> np.ndarray:
        """One of the files of the workload."""
        return np.fromfile(self.folder / name, np.uint64)

    def measured(self, name: str, workload: Workload, bits: float) -> dict[str, Any] | str:
        """Figures of one contender, or words in their place.

        `bits_per_key`, `rate` of false positives, `missed`, the share of ranges with a key that were denied, `empty_ns`
        and `full_ns` per query one by one in C++, `build_ns` per key, `design`; of ours also `batch_ns`, per query from
        numpy.
        """
        if absent := missing(name):
            return absent
        self.prepare(workload)
        if name in OURS:
            return self._of_ours(OURS[name], bits)
        return self._driven(self._program(name), workload, bits)

    def _of_ours(self, ours: Ours, bits: float) -> dict[str, Any]:
        keys, sample = self.codes("keys"), (self.codes("sample_lo"), self.codes("sample_hi"))
        lo, hi = self.codes("empty_lo"), self.codes("empty_hi")
        ours.build(keys[:1000], sample, bits)  # what numpy does once in a process is no part of a build
        start = time.thread_time()
        built = ours.build(keys, sample, bits)
        seconds = time.thread_time() - start
        (self.folder / "filter").write_bytes(built.to_bytes())
        times = []
        for _ in range(5):
            start = time.thread_time()
            built.may_intersect(lo, hi)
            times.append(time.thread_time() - start)
        figures = self._driven(self._program_of_ours(ours), None, bits)
        if isinstance(figures, str):
            raise RuntimeError(figures)
        design = getattr(built, "design", None)
        mine = {"build_ns": seconds / len(keys) * 1e9, "batch_ns": min(times) / len(lo) * 1e9, "design": design}
        return figures | mine

    def asked(self, name: str, built: Any, lo: np.ndarray, hi: np.ndarray, bits: float) -> float:
        """What other ranges take a filter of ours, ns per query one by one in C++."""
        with TemporaryDirectory(dir=self.folder) as place:
            folder = Path(place)
            (folder / "filter").write_bytes(built.to_bytes())
            (folder / "keys").write_bytes(bytes(8))  # only their number is used
            for ranges in ("sample", "empty", "full"):
                lo.tofile(folder / f"{ranges}_lo")
                hi.tofile(folder / f"{ranges}_hi")
            figures = self._driven(self._program_of_ours(OURS[name]), None, bits, folder)
        if isinstance(figures, str):
            raise RuntimeError(figures)
        return float(figures["empty_ns"])

    def _driven(
        self, program: Path, workload: Workload | None, bits: float, folder: Path | None = None
    ) -> dict[str, Any] | str:
        longest = [] if workload is None else [str(workload.longest)]
        try:
            ran = subprocess.run(
                [program, folder or self.folder, str(bits), *longest], capture_output=True, text=True, timeout=LIMIT
            )
        except subprocess.TimeoutExpired:
            return f"> {LIMIT} s"
        if ran.returncode:
            return f"fails ({ran.returncode})"
        found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
        return found

    def _program(self, name: str) -> Path:
        if name not in self._programs:
            rival, stem = THEIRS[name], THEIRS[name].adapter.removesuffix(".h")
            place = Path(os.environ[RIVALS]) / rival.folder
            flags = [f"-I{place / flag[2:]}" if flag.startswith("-I") else flag for flag in rival.flags]
            flags += ["-march=native", "-w", f"-I{place}", f'-DRIVAL="{rival.adapter}"']
            if not any(flag.startswith("-std") for flag in flags):
                flags.append("-std=c++20")
            objects: list[Path] = []
            for source in rival.c_sources:
                objects.append(self.folder / f"{stem}_{Path(source).stem}.o")
                c_flags = [flag for flag in flags if not flag.startswith(("-std", "-DRIVAL"))]
                subprocess.run(["cc", *c_flags, "-c", place / source, "-o", objects[-1]], check=True)
            others = [path for pattern in rival.sources for path in sorted(place.glob(pattern))]
            self._programs[name] = self.folder / stem
            self._compile(self.folder / stem, [SOURCES / "driver.cpp", *others, *objects], flags)
        return self._programs[name]

    def _program_of_ours(self, ours: Ours) -> Path:
        name = f"ours_{ours.core.rpartition('::')[2].strip('<>')}"  # theirs may have the same
        if name not in self._programs:
            libraries = sorted(ROOT.glob("build/cp*/libbeforehand_ranges.a"), key=lambda path: path.stat().st_mtime)
            if not libraries:
                raise RuntimeError("build/cp*/libbeforehand_ranges.a is not there; run make dev")
            flags = ["-O3", "-DNDEBUG", "-std=c++20", f"-I{ROOT / 'native'}", '-DRIVAL="ours.h"']
            flags += [f"-DCORE={ours.core}", f'-DHEADER="{ours.header}"']
            self._programs[name] = self.folder / name
            self._compile(self.folder / name, [SOURCES / "driver.cpp", libraries[-1]], flags)
        return self._programs[name]

    def _compile(self, program: Path, sources: list[Path], flags: list[str]) -> None:
        subprocess.run(["c++", *flags, *map(str, sources), "-lpthread", "-o", str(program)], check=True)


def bench(size: int = SIZE) -> TemporaryDirectory[str]:
    """A folder for `Bench`, which goes with its context."""
    return TemporaryDirectory(prefix=f"ranges-{size}-")
