"""Random traces for tests: any dtype, any width, child tables, metadata."""

import string

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from beforehand.core import Trace

DTYPES = ["bool", *(f"{u}int{b}" for u in ("", "u") for b in (8, 16, 32, 64)), "float16", "float32", "float64"]
NAMES = st.text("a b.,\"'é" + string.ascii_letters, min_size=1, max_size=6)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
META = st.dictionaries(TEXT, st.none() | st.integers() | FINITE | TEXT, max_size=2)


@st.composite
def columns(draw, rows, wide=True, binary=True):
    if draw(st.integers(0, 4)) == 0:
        text = st.binary(max_size=5) if binary and draw(st.booleans()) else TEXT
        values = draw(st.lists(text, min_size=rows, max_size=rows))
        return np.array(values, dtype=bytes if values and isinstance(values[0], bytes) else str)
    shape = (rows, draw(st.integers(1, 3))) if wide and draw(st.booleans()) else rows
    return draw(hnp.arrays(draw(st.sampled_from(DTYPES)), shape))


@st.composite
def traces(draw, min_rows=0, wide=True, nested=True, binary=True):
    rows = draw(st.integers(min_rows, 6))
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    below = names[2:] if nested else []
    children = {}
    for name in below:
        offsets = np.cumsum([0, *draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))])
        keys = draw(st.lists(NAMES, min_size=1, max_size=2, unique=True))
        children[name] = (offsets, {key: draw(columns(int(offsets[-1]), wide=False, binary=binary)) for key in keys})
    table = {name: draw(columns(rows, wide, binary)) for name in names if name not in below}
    return Trace(draw(st.sampled_from(["jobs", "vectors"])), table, children=children, meta=draw(META))
