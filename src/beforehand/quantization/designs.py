"""Every way to keep vectors that a plan tries: where levels come from, and which values share a table or a scale."""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from beforehand.quantization.codec import Codec
from beforehand.quantization.options import MOST_LEVELS, SMALLEST_CHUNK, Objective, Scale
from beforehand.quantization.vectors import Vectors

Access = Literal["element", "row", "whole"]
MOST_BITS: Final = 8  # of a code, where levels are looked for
FEW: Final = 8  # values for each level of a table that nobody asked for, or it takes as many bytes as its codes
MANY: Final = 64  # values for each level of a table that is about as good for more of them
BLOCKS: Final = (16, 32, 64, 128, 256)
SCALES: Final[tuple[Scale, ...]] = ("float16", "e8m0")
NF4: Final = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip


class Grouping(NamedTuple):
    """Which values share a table; all, if neither is given."""

    axis: int | None = None
    block: int | None = None


class Design(NamedTuple):
    """A codec and its name, which no other one of a plan has."""

    name: str
    codec: Codec


class Asked(NamedTuple):
    """What designs have to respect.

    Args:
        objective: `"unbiased"` or `"mse"`.
        access: What must be readable alone.
        axis: Only tables for each index along this axis.
        block: Only blocks of this many values.
    """

    objective: Objective
    access: Access
    axis: int | None
    block: int | None


def knows_nothing(codec: Codec) -> bool:
    """Whether a codec would be the same for all data, but for the ends of its levels."""
    return codec.method in ("uniform", "rotation") or (codec.method == "scaled" and codec.levels is not None)


def designs(vectors: Vectors, asked: Asked, *, across: int | None = None) -> Iterator[Design]:
    """Those for vectors like these, first those that know nothing.

    Args:
        vectors: To be kept.
        asked: What to respect.
        across: How many levels a table for a column may have at most; left out, as many as are worth their bytes.
    """
    yield from _without_knowledge(vectors, asked)
    own = list(_tables(vectors, asked, len(vectors) // FEW if across is None else across))
    blocks = list(_scale_blocks(vectors, asked.block)) if asked.axis is None else []
    for n_levels in _sizes():
        for grouping, most_levels in own:
            if n_levels <= most_levels:
                yield _made("auto", n_levels, asked.objective, axis=grouping.axis, block=grouping.block)
        for block in blocks:
            for scale in SCALES[: 1 if n_levels == 2 else None]:  # two levels want finer scales
                yield _made("scaled", n_levels, asked.objective, block=block, scale=scale)


def lies_across(vectors: Vectors, codec: Codec) -> bool:
    """Whether tables take a value of each vector, so that those of few vectors are too good."""
    return vectors.kept == "rows" and codec.axis in (1, -1)


def static(n_levels: int, table: list[float], asked: Asked) -> Design:
    """One table, found beforehand, for all arrays: of so many levels, or fewer if there were no more."""
    codec = Codec(
        method="given", n_levels=len(table), objective=asked.objective, axis=asked.axis, block=asked.block, levels=table
    )  # fmt: skip
    return Design(f"static({n_levels})", codec)


def _without_knowledge(vectors: Vectors, asked: Asked) -> Iterator[Design]:
    objective = asked.objective
    for n_levels in _sizes():
        yield _made("uniform", n_levels, objective, axis=asked.axis, block=asked.block)
    by_itself = asked.access == "row" and asked.axis not in (1, -1) and vectors.kept != "runs"
    if asked.access == "whole" or by_itself:
        block = asked.block
        if block is None or (block >= SMALLEST_CHUNK and block.bit_count() == 1):
            by_row = vectors.kept == "rows" and asked.access == "row"
            axis = 0 if by_row and asked.axis is None else asked.axis
            for n_levels in _sizes():
                yield _made("rotation", n_levels, objective, axis=axis, block=block)
    for block in _scale_blocks(vectors, None):
        for scale in SCALES:
            yield _scaled("NF4", NF4, block, scale, objective)
            for bits in range(2, MOST_BITS + 1):
                end = 2 ** (bits - 1) - 1
                yield _scaled(f"int{bits}", tuple(range(-end, end + 1)), block, scale, objective)


def _tables(vectors: Vectors, asked: Asked, across: int) -> Iterator[tuple[Grouping, int]]:
    """Which values may share a table, and how many levels it may have if that was not asked for."""
    if asked.axis is not None:
        yield Grouping(axis=asked.axis), MOST_LEVELS
    elif asked.block is not None:
        yield Grouping(block=asked.block), MOST_LEVELS
    else:
        yield Grouping(), MOST_LEVELS
        if vectors.kept == "rows":
            yield Grouping(axis=0), vectors.longest // FEW
            yield Grouping(axis=1), across


def _scale_blocks(vectors: Vectors, block: int | None) -> Iterator[int]:
    """Lengths of blocks that have a scale each, up to one for a whole row."""
    if block is not None:
        if block % 8 == 0:
            yield block
        return
    row = -(-vectors.longest // 8) * 8
    yield from (size for size in BLOCKS if size < row)
    yield row


def _sizes() -> list[int]:
    return [2**bits for bits in range(1, MOST_BITS + 1)]


def _scaled(name: str, table: tuple[float, ...], block: int, scale: Scale, objective: Objective) -> Design:
    codec = Codec(
        method="scaled", n_levels=len(table), objective=objective, block=block, scale=scale, levels=table
    )  # fmt: skip
    return Design(f"{name}({_words(block=block, scale=scale)})", codec)


def _made(
    method: Literal["auto", "uniform", "rotation", "scaled"],
    n_levels: int,
    objective: Objective,
    *,
    axis: int | None = None,
    block: int | None = None,
    scale: Scale | None = None,
) -> Design:
    codec = Codec(method=method, n_levels=n_levels, objective=objective, axis=axis, block=block, scale=scale)
    shown = "levels" if method == "auto" else method
    return Design(f"{shown}({_words(n_levels, axis=axis, block=block, scale=scale)})", codec)


def _words(n_levels: int | None = None, **options: object) -> str:
    """The options that are not what they are if left out."""
    told = [f"{name}={value}" for name, value in options.items() if value is not None and value != "float16"]
    return ", ".join(told if n_levels is None else [str(n_levels), *told])
