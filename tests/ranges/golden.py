"""Filters whose bytes are kept for ever, in tests/fixtures/ranges: `python -m tests.ranges.golden` adds new ones."""

from pathlib import Path

import numpy as np

from beforehand.ranges import Design, LocalityHash, PrefixBloom, Proteus, Rosetta, SuRF, TwoPrefixBloom

FOLDER = Path(__file__).parents[1] / "fixtures" / "ranges"
KEYS = (np.arange(1, 41, dtype=np.uint64) ** np.uint64(3)) << np.uint64(44)
LOW = np.repeat(KEYS, 3) + np.tile(np.array([1, 1 << 20, 1 << 43], np.uint64), 40)
SAMPLE = (LOW, LOW + np.uint64(7))
NAMES = [b"ann", b"ann\0", b"anna", b"bob", b"", b"\xff\xff", b"zoe of a long name"]


def _proteus(**design):
    return Proteus.build(KEYS, SAMPLE, design=Design(**design), bits_per_key=60, seed=7)


GOLDEN = {
    "elias_fano": lambda: _proteus(exact="elias_fano", exact_bits=30),
    "buckets": lambda: _proteus(exact="elias_fano", bucket_width=3 << 43),
    "fuse": lambda: _proteus(approx="fuse", approx_bits=62),
    "locality": lambda: _proteus(exact="elias_fano", exact_bits=20, approx="locality", approx_bits=64),
    "elias_fano_fuse": lambda: _proteus(exact="elias_fano", exact_bits=18, approx="fuse", approx_bits=60),
    "bloom": lambda: _proteus(approx="bloom", approx_bits=60),
    "bounds": lambda: _proteus(),
    "empty": lambda: Proteus.build(KEYS[:0]),
    "trie": lambda: Proteus.build(KEYS, SAMPLE, design=Design(exact="trie", exact_bits=24), bits_per_key=100),
    "prefix_bloom": lambda: PrefixBloom.build(KEYS, SAMPLE, seed=7),
    "locality_hash": lambda: LocalityHash.build(KEYS.view(np.int64), seed=7),
    "two_prefix_bloom": lambda: TwoPrefixBloom.build(KEYS, SAMPLE, bits_per_key=20, prefix_bits=(24, 60), seed=7),
    "surf": lambda: SuRF.build(KEYS, suffix_bits=5),
    "rosetta": lambda: Rosetta.build(KEYS, SAMPLE, bits_per_key=20, seed=7),
    "days": lambda: LocalityHash.build(KEYS.view("M8[D]"), bits_per_key=20),
    "names": lambda: Proteus.build(NAMES, bits_per_key=40),
    "names_trie": lambda: Proteus.build(NAMES, design=Design(exact="trie", exact_bits=96), bits_per_key=400),
    "names_surf": lambda: SuRF.build([name.decode("latin1") for name in NAMES]),
}


def path(name):
    return FOLDER / f"{name}.bin"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, build in GOLDEN.items():
        if not path(name).exists():
            path(name).write_bytes(build().to_bytes())
