"""The lookup tables shipped with the official code, and whether solving an integral gives them."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from beforehand.gradients import thc_table
from beforehand.gradients.theory import half_range, rounding_cost
from beforehand.reporting import Sheet
from beforehand.studies.claims import Found

Points = tuple[int, ...]
_EVEN: Final = tuple(range(2, 29, 2))
SHIPPED: Final[dict[tuple[int, int], dict[tuple[int, ...], Points]]] = {  # by bits and granularity; by 1/p
    (2, 34): {(512, 1024): (0, 13, 21, 34)},
    (3, 16): {(16, 32, 64, 128, 256, 512): (0, 3, 5, 7, 9, 11, 13, 16), (1024,): (0, 4, 6, 7, 9, 10, 12, 16)},
    (3, 34): {(16, 32): (0, 6, 11, 15, 19, 23, 28, 34), (64, 128): (0, 7, 11, 15, 19, 23, 27, 34)},
    (3, 42): {(1024,): (0, 10, 15, 19, 23, 27, 32, 42)},
    (4, 30): {
        (16,): (0, *_EVEN, 30),
        (32, 64): (0, 3, 5, 7, 9, 11, 13, 14, 16, 17, 19, 21, 23, 25, 27, 30),
        (128, 256): (0, 4, 6, 8, 10, 12, 13, 14, 16, 17, 18, 20, 22, 24, 26, 30),
        (512,): (0, 4, 7, 9, 11, 12, 13, 14, 16, 17, 18, 19, 21, 23, 26, 30),
    },
    (4, 34): {
        (16, 32, 64, 128): (0, 3, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 31, 34),
        (256, 512): (0, 4, 7, 9, 11, 13, 15, 16, 18, 19, 21, 23, 25, 27, 30, 34),
        (1024,): (0, 5, 8, 10, 12, 14, 15, 16, 18, 19, 20, 22, 24, 26, 29, 34),
    },
}
DEGENERATE: Final = (16, (32, 64))  # 4 bits and granularity 16: two codes stand for the point 8


class Solved(NamedTuple):
    """A table of ours beside the shipped one."""

    bits: int
    granularity: int
    inverse: int  # 1/p
    shipped: Points | None  # None where it is degenerate
    symmetric: Points
    cost: float  # of the symmetric one
    free: float  # of the best without symmetry
    theirs: float  # of the shipped one; at least, where it is not known which code repeats 8


def solved() -> list[Solved]:
    """All 29."""
    found = [_solve(bits, granularity, inverse, shipped) for bits, granularity, inverse, shipped in _all()]
    return sorted(found)


def _all() -> Iterator[tuple[int, int, int, Points | None]]:
    for (bits, granularity), tables in SHIPPED.items():
        for inverses, shipped in tables.items():
            for inverse in inverses:
                yield bits, granularity, inverse, shipped
    for inverse in DEGENERATE[1]:
        yield 4, DEGENERATE[0], inverse, None


def _solve(bits: int, granularity: int, inverse: int, shipped: Points | None) -> Solved:
    symmetric = thc_table(bits, granularity, 1 / inverse, symmetric=True)
    free = thc_table(bits, granularity, 1 / inverse)
    t = half_range(1 / inverse)
    theirs = rounding_cost(shipped, t) if shipped else min(rounding_cost(each, t) for each in _with_two_eights())
    return Solved(
        bits, granularity, inverse, shipped, symmetric.values, symmetric.rounding_cost, free.rounding_cost, theirs
    )


def _with_two_eights() -> list[Points]:
    """What 16 codes can stand for in 0 .. 16 where two share the point 8 and the rest is symmetric."""
    half = [tuple(z for z in range(8) if z != missing) for missing in range(1, 8)]
    return [(*low, 8, 8, *(16 - z for z in reversed(low))) for low in half]


def are_optima(found: list[Solved]) -> Found:
    """How many come out, and how much better tables without symmetry are."""
    whole = [each for each in found if each.shipped]
    equal = sum(each.symmetric == each.shipped for each in whole)
    rest = [each for each in found if not each.shipped]
    improved = sum(each.free < each.theirs * (1 - 1e-9) for each in rest)
    better = [each for each in whole if each.free < each.cost * (1 - 1e-9)]
    never_worse = all(each.free <= min(each.cost, each.theirs) * (1 + 1e-9) for each in found)
    gain = max(1 - each.free / each.cost for each in better)
    return Found(
        scale=f"{len(found)} tables: 2 to 4 bits, granularity 16 to 42, p from 1/16 to 1/1024",
        figure=f"{equal} of {len(whole)} equal our symmetric optimum point by point; without symmetry the optimum is "
        f"better in {len(better)} of these, by at most {100 * gain:.1f} %, and in {improved} of the {len(rest)} that "
        "name one point twice, which a symmetric table without the center does not reach",
        holds=equal == len(whole) == 27 and improved == len(rest) == 2 and never_worse,
        direction=equal > len(whole) / 2,
    )


def sheet(found: list[Solved]) -> Sheet:
    """All of them."""
    return Sheet(
        title="The shipped tables, solved",
        columns=["bits", "granularity", "1/p", "symmetric optimum", "equal", "cost", "without symmetry"],
        rows=[
            [str(each.bits), str(each.granularity), str(each.inverse), " ".join(map(str, each.symmetric)),
             "degenerate" if each.shipped is None else "yes" if each.symmetric == each.shipped else "no",
             f"{each.cost:.6f}", f"{each.free:.6f}"]
            for each in found
        ],
        below="Costs are expected variances of stochastic rounding, of a standard normal coordinate within the range.",
    )  # fmt: skip
