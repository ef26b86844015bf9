"""What a Proteus filter is made of: an exact set of key prefixes, and an approximate one of longer prefixes."""

from dataclasses import dataclass
from typing import Any, Final, Literal, Self, final, get_args

import numpy as np

from beforehand.core.errors import InvalidInput

Exact = Literal["none", "elias_fano", "trie"]
Approx = Literal["none", "bloom", "fuse", "locality"]
EXACT: Final = get_args(Exact)  # in the order of the native enumerations
APPROX: Final = get_args(Approx)
MOST_BITS: Final = 8 * 4096  # of a code
MOST_PROBES: Final = 2**20
MOST_BITS_PER_KEY: Final = 1024


@final
@dataclass(frozen=True, kw_only=True)
class Design:
    """The parts of a Proteus filter.

    Args:
        exact: What holds the prefixes of `exact_bits` bits, or the buckets: `"none"`, `"elias_fano"` or `"trie"`.
        exact_bits: Their length; 0 without an exact part, and for buckets.
        bucket_width: Codes in a bucket of an Elias-Fano set, which then stands alone; None for prefixes.
        approx: What holds the longer prefixes: `"none"`, `"bloom"`, `"fuse"` or `"locality"`.
        approx_bits: Their length, above `exact_bits`; 0 without an approximate part.
        max_probes: A query that would have to probe a Bloom or fuse filter this often is told True at once: a power of
            two up to 2**20, or None for 2**24.

    Raises:
        InvalidInput: The parts contradict one another.

    Example:
        >>> print(Design(exact="elias_fano", exact_bits=24, approx="fuse", approx_bits=42))
        Elias-Fano set of 24-bit prefixes, fuse filter of 42-bit prefixes
    """

    exact: Exact = "none"
    exact_bits: int = 0
    bucket_width: int | None = None
    approx: Approx = "none"
    approx_bits: int = 0
    max_probes: int | None = 64

    def __post_init__(self) -> None:
        """Validate the fields."""
        for name, known in (("exact", EXACT), ("approx", APPROX)):
            if getattr(self, name) not in known:
                raise InvalidInput(f"{name} is {getattr(self, name)!r}, but must be one of {', '.join(known)}")
        for name in ("exact_bits", "approx_bits"):
            bits = getattr(self, name)
            if not _is_whole(bits) or not 0 <= bits <= MOST_BITS:
                raise InvalidInput(f"{name} is {bits!r}, but must be a whole number from 0 to {MOST_BITS}")
        check_max_probes(self.max_probes)
        if self.bucket_width is not None:
            self._check_buckets()
        elif (self.exact == "none") != (self.exact_bits == 0):
            raise InvalidInput(
                f"exact is {self.exact!r} and exact_bits {self.exact_bits}; give both, or neither: 'none' and 0"
            )
        if (self.approx == "none") != (self.approx_bits == 0):
            raise InvalidInput(
                f"approx is {self.approx!r} and approx_bits {self.approx_bits}; give both, or neither: 'none' and 0"
            )
        if self.approx_bits and self.approx_bits <= self.exact_bits:
            raise InvalidInput(
                f"approx_bits is {self.approx_bits}, but must be above exact_bits, {self.exact_bits}: longer prefixes "
                "say more"
            )

    def _check_buckets(self) -> None:
        width = self.bucket_width
        if not _is_whole(width) or not 1 <= width < 2**64:  # type: ignore[operator]
            raise InvalidInput(f"bucket_width is {width!r}, but must be a whole number from 1 to 2**64 - 1, or None")
        if (self.exact, self.exact_bits, self.approx) != ("elias_fano", 0, "none"):
            raise InvalidInput(
                f"bucket_width is {width}, but buckets stand alone: pass exact='elias_fano', exact_bits=0 and no approx"
            )

    @property
    def native(self) -> tuple[int, int, int, int, int, int | None]:
        """As native code takes it."""
        return (
            EXACT.index(self.exact),
            int(self.exact_bits),
            int(self.bucket_width or 0),
            APPROX.index(self.approx),
            int(self.approx_bits),
            None if self.max_probes is None else int(self.max_probes),
        )

    @classmethod
    def from_native(cls, fields: tuple[int, int, int, int, int, int | None]) -> Self:
        """What `native` wrote."""
        exact, exact_bits, width, approx, approx_bits, max_probes = fields
        return cls(
            exact=EXACT[exact],
            exact_bits=exact_bits,
            bucket_width=width or None,
            approx=APPROX[approx],
            approx_bits=approx_bits,
            max_probes=max_probes,
        )

    def __str__(self) -> str:
        """The parts in words."""
        exact = {"none": "", "elias_fano": "Elias-Fano set", "trie": "trie"}[self.exact]
        approx = {"none": "", "bloom": "Bloom filter", "fuse": "fuse filter", "locality": "locality-preserving hashes"}
        of = f"buckets of {self.bucket_width:,} codes" if self.bucket_width else f"{self.exact_bits}-bit prefixes"
        parts = [f"{exact} of {of}"] if exact else []
        parts += [f"{approx[self.approx]} of {self.approx_bits}-bit prefixes"] if self.approx != "none" else []
        return ", ".join(parts) or "smallest and largest key only"


def check_max_probes(value: Any) -> None:
    """Raise unless it is None or a power of two up to 2**20.

    Raises:
        InvalidInput: It is not.
    """
    if value is None or (_is_whole(value) and 1 <= value <= MOST_PROBES and not value & (value - 1)):
        return
    raise InvalidInput(f"max_probes is {value!r}, but must be a power of two from 1 to 2**20, or None")


def budget_of(count: int, bits_per_key: float) -> int:
    """Bits that a filter of so many keys may take, everything included.

    Raises:
        InvalidInput: `bits_per_key` is no number from 1 to 1024.
    """
    real = isinstance(bits_per_key, int | float | np.integer | np.floating) and not isinstance(bits_per_key, bool)
    if not real or not 1 <= bits_per_key <= MOST_BITS_PER_KEY:
        raise InvalidInput(f"bits_per_key is {bits_per_key!r}, but must be a number from 1 to {MOST_BITS_PER_KEY}")
    return round(float(bits_per_key) * count)


def check_worst_case(value: Any) -> tuple[int, float] | None:
    """The length and the rate of a worst case.

    Raises:
        InvalidInput: It is no pair of a whole number from 1 and a rate above 0 and up to 1.
    """
    if value is None:
        return None
    pair = tuple(value) if isinstance(value, tuple | list) else ()
    if len(pair) == 2 and _is_whole(pair[0]) and 1 <= pair[0] < 2**64:
        rate = pair[1]
        if isinstance(rate, int | float | np.floating) and not isinstance(rate, bool) and 0 < rate <= 1:
            return int(pair[0]), float(rate)
    raise InvalidInput(
        f"worst_case is {value!r}, but must be a pair of a length from 1 and a rate above 0 and up to 1, such as "
        "(64, 0.01), or None"
    )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
