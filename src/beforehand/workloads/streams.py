"""Streams of keys: drifting Zipf, network flows, the words of installed code, and hostile orders."""

import hashlib
import re
import sysconfig
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.workloads.draws import normals, uniforms

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]
# Streams of random numbers, and what counts them: row, rank and generation, flow, or the prefix of an address.
RANK, CHURN = 0, 1
NET, SUBNET, HOST = (2, 3), (4, 5), (6, 7)  # of source and destination
NET_TRAIT, SUBNET_TRAIT = (8, 9), (10, 11)
NOISE, START, LIFETIME, BURSTS = 12, 13, 14, 15
OWNER, BURST, OFFSET, WITHIN = 16, 17, 18, 19
GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
WEIGHTS = ((0.6, 0.6), (0.4, 0.34))  # of the traits of nets and of subnets, for source and destination
MOST_BURSTS = 16
DRAWN = 1.14  # packets for each one wanted, as some come before 0 or from 1 on
LONGEST = 64  # letters: longer ones name nothing, and a column is as wide as its longest entry
LARGEST = 2_000_000  # bytes of a file of code: larger ones are tables
WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")


def zipf(n: int, universe: int, alpha: float, *, seed: int, epoch: int | None = None, churn: float = 0.0) -> Trace:
    """Keys whose frequencies fall as `1 / rank**alpha`, in random order; with `churn` their names drift.

    Args:
        n: Arrivals.
        universe: Ranks, each one key at a time.
        alpha: From 0, all alike, upwards; words and web pages have about 1.
        seed: Another seed gives other arrivals of the same kind.
        epoch: After so many arrivals some ranks change their keys; None: never.
        churn: The share of ranks that do, from 0 to 1.

    Guarantee:
        A trace of kind `stream` with the column `key`, uint64. Rank r, counted from 0, has the key
        `(r + universe * generation) * 0x9E3779B97F4A7C15` modulo 2**64.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> zipf(1000, 50, 1.0, seed=0)
        Trace('stream', 1000 rows of key)
    """
    n, universe, seed = (_whole(name, value) for name, value in (("n", n), ("universe", universe), ("seed", seed)))
    alpha, churn = _real("alpha", alpha), _real("churn", churn)
    epoch = None if epoch is None else _whole("epoch", epoch)
    if n < 1 or universe < 1 or not 0 <= alpha <= 100:
        raise InvalidInput(
            f"n is {n}, universe {universe} and alpha {alpha}, but must be from 1, from 1, from 0 to 100"
        )
    if not 0 <= churn <= 1 or (epoch is not None and epoch < 1) or (churn > 0 and epoch is None):
        raise InvalidInput(
            f"epoch is {epoch} and churn {churn}, but churn is from 0 to 1, and needs an epoch of 1 or more"
        )
    ranks = _by_inverse(np.cumsum(np.arange(1, universe + 1) ** -float(alpha)), uniforms(np.arange(n), seed, RANK))
    if churn > 0 and epoch is not None:
        generation = np.zeros(universe, np.int64)
        for number, first in enumerate(range(epoch, n, epoch)):
            changed = uniforms(np.arange(universe) + universe * number, seed, CHURN) <= churn
            generation += changed
            ranks[first : first + epoch] += universe * generation[ranks[first : first + epoch]]
    drift = {"epoch": epoch, "churn": churn} if churn > 0 else {}
    return _stream(
        {"key": ranks.astype(np.uint64) * GOLDEN}, seed=seed, generated="zipf", alpha=alpha, universe=universe, **drift
    )


class FlowTable(NamedTuple):
    """Flows of a network, one a row, as `flow_table` draws them."""

    key: Keys
    """Source address, shifted left by 32 bits, and destination address."""
    trait: Floats
    """What the two addresses say of the flow's size: mean 0, variance 1."""
    log_size: Floats
    """Natural logarithm of its expected packets, up to a constant for all flows."""


def flow_table(flows: int, *, seed: int, predictability: float = 0.6, sigma: float = 2.0, nets: int = 400) -> FlowTable:
    """Flows between addresses, some of whose size the prefixes of the addresses tell.

    Args:
        flows: How many; a few may share a key.
        seed: Another seed gives other flows of the same kind.
        predictability: The share of the variance of `log_size` that `trait` explains, from 0 to 1: no predictor that
            sees only keys explains more.
        sigma: Standard deviation of `log_size`, from 0 to 10.
        nets: Distinct networks of 16 bits, from 1 to 65,536, of which few have most of the addresses.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> table = flow_table(1000, seed=0, predictability=1.0)
        >>> float(np.corrcoef(table.trait, table.log_size)[0, 1].round(3))
        1.0
    """
    flows, seed, nets = (_whole(name, value) for name, value in (("flows", flows), ("seed", seed), ("nets", nets)))
    predictability, sigma = _real("predictability", predictability), _real("sigma", sigma)
    if flows < 2 or not 0 <= predictability <= 1 or not 0 <= sigma <= 10 or not 1 <= nets <= 2**16:
        raise InvalidInput(
            f"flows is {flows}, predictability {predictability}, sigma {sigma} and nets {nets}, but must be from 2, "
            "from 0 to 1, from 0 to 10, from 1 to 65536"
        )
    flow = np.arange(flows)
    address, trait = [], np.zeros(flows)
    for end in (0, 1):
        rank = np.minimum(uniforms(flow, seed, NET[end]) ** (-1 / 0.9) - 1, nets - 1).astype(np.uint64)
        net = _mix(rank) >> np.uint64(48)
        eighth = np.ceil(uniforms(flow, seed, SUBNET[end]) * 8).astype(np.uint64)
        subnet = net << np.uint64(8) | _mix(net * np.uint64(8) + eighth) >> np.uint64(56)
        host = np.ceil(uniforms(flow, seed, HOST[end]) * 256).astype(np.uint64) - np.uint64(1)
        address.append(subnet << np.uint64(8) | host)
        for prefix, purpose, weights in ((net, NET_TRAIT, WEIGHTS[0]), (subnet, SUBNET_TRAIT, WEIGHTS[1])):
            trait += weights[end] * normals(prefix, seed, purpose[end])
    spread = trait.std()
    trait = (trait - trait.mean()) / spread if spread > 0 else np.zeros(flows)
    noise = normals(flow, seed, NOISE)
    log_size = sigma * (np.sqrt(predictability) * trait + np.sqrt(1 - predictability) * noise)
    return FlowTable(address[0] << np.uint64(32) | address[1], trait, log_size)


def flows(n: int, flows: int, *, seed: int, predictability: float = 0.6, sigma: float = 2.0, nets: int = 400) -> Trace:
    """Packets of network flows that begin, come in bursts and end: most keys are new, but their prefixes are not.

    Args:
        n: Packets, about.
        flows: How many flows there are; those of `flow_table`, with its other arguments.
        seed: Another seed gives other packets of the same kind.
        predictability: As for `flow_table`.
        sigma: As for `flow_table`.
        nets: As for `flow_table`.

    Guarantee:
        A trace of kind `stream` with the columns `key`, uint64, and `at`, from 0 to 1 and non-decreasing. A flow has a
        Poisson number of packets and at least one; those that would come before 0 or from 1 on are left out. So the
        number of rows is near `n`, not exactly `n`.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> flows(1000, 100, seed=0)["at"].dtype
        dtype('float64')
    """
    if _whole("n", n) < 1:
        raise InvalidInput(f"n is {n}, but must be at least 1 packet")
    table = flow_table(flows, seed=seed, predictability=predictability, sigma=sigma, nets=nets)
    share = np.cumsum(np.exp(table.log_size - table.log_size.max()))
    owner = _by_inverse(share, uniforms(np.arange(round(DRAWN * n)), seed, OWNER))
    silent = np.flatnonzero(np.bincount(owner, minlength=flows) == 0)
    owner = np.concatenate((owner, silent))
    flow, row = np.arange(flows), np.arange(len(owner))
    start = 1.2 * uniforms(flow, seed, START) - 0.2
    lifetime = np.minimum(0.05 * np.exp(1.2 * normals(flow, seed, LIFETIME)), 1.0)
    bursts = 1 + _by_inverse(_poisson(2.0), uniforms(flow, seed, BURSTS))
    burst = np.ceil(uniforms(row, seed, BURST) * bursts[owner]).astype(np.int64) - 1
    offset = uniforms(owner * MOST_BURSTS + burst, seed, OFFSET)
    at = start[owner] + lifetime[owner] * (0.95 * offset + 0.05 * uniforms(row, seed, WITHIN))
    seen = np.flatnonzero((at >= 0) & (at < 1))
    order = seen[np.argsort(at[seen], kind="stable")]
    options = {"flows": int(flows), "predictability": _real("predictability", predictability),
               "sigma": _real("sigma", sigma), "nets": int(nets)}  # fmt: skip
    return _stream({"key": table.key[owner[order]], "at": at[order]}, seed=int(seed), generated="flows", **options)


def code_tokens(root: str | PathLike[str] | None = None) -> Trace:
    """The identifiers in the Python code below a folder, in order: a real log that every machine has.

    Args:
        root: The folder; None: the standard library of this interpreter, without what is installed beside it.

    Guarantee:
        A trace of kind `stream` with the column `key`, ASCII bytes. Files are sorted by path; a file over 2 MB, a copy
        of an earlier one, one that cannot be read, and identifiers of more than 64 letters are left out.

    Cost:
        64 bytes a row: 200 MB for the standard library of CPython 3.11, whose 3.2 million rows take some 2 s.

    Raises:
        InvalidInput: there is no identifier below the folder.

    Example:
        >>> import collections, pathlib
        >>> code_tokens(pathlib.Path(collections.__file__).parent)["key"][:3].tolist()
        [b'This', b'module', b'implements']
    """
    folder = Path(sysconfig.get_path("stdlib") if root is None else root)
    words: list[bytes] = []
    seen = set()
    for path in sorted(folder.rglob("*.py")):
        try:
            code = path.read_bytes() if path.stat().st_size <= LARGEST else b""
        except OSError:
            continue
        digest = hashlib.sha256(code).digest()
        if digest not in seen and not (root is None and {"site-packages", "dist-packages"} & set(path.parts)):
            seen.add(digest)
            words += [word for word in WORD.findall(code) if len(word) <= LONGEST]
    if not words:
        raise InvalidInput(f"there is no Python code with identifiers below {folder}; name another folder")
    return _stream({"key": np.array(words)}, source=f"identifiers of the Python code in {folder.name}")


def hostile(kind: str, n: int, *, k: int = 1024) -> Trace:
    """Arrivals in an order that hurts a summary of `k` counters, or looks as if it did.

    Args:
        kind: `sorted`, Zipf's frequencies with all arrivals of a key together, the lightest key first; `reverse`, the
            heaviest first; `robin`, `k + 1` keys in turn; `flood`, keys that come once, and between them in turn
            `k / 2` others; `late`, keys that come once, and only in the last third, at every other place, one other;
            `one`, only one key; `distinct`, no key twice.
        n: Arrivals.
        k: Counters of the summary to be hurt.

    Guarantee:
        A trace of kind `stream` with the column `key`, uint64. No draws: the same arguments give the same trace.

    Raises:
        InvalidInput: `kind` is unknown, or `n` or `k` below 1.

    Example:
        >>> hostile("one", 3)["key"].tolist()
        [0, 0, 0]
    """
    n, k = _whole("n", n), _whole("k", k)
    if not isinstance(kind, str) or kind not in HOSTILE or n < 1 or k < 1:
        raise InvalidInput(
            f"kind is {kind!r}, n {n} and k {k}, but kind must be one of {', '.join(HOSTILE)}, the others at least 1"
        )
    return _stream(
        {"key": HOSTILE[kind](np.arange(n), k).astype(np.uint64) * GOLDEN}, generated=f"hostile, {kind}", k=k
    )


def _in_blocks(row: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Zipf's ranks, 16 for each counter, the heaviest first."""
    return _by_inverse(np.cumsum(1 / np.arange(1, 16 * k + 1)), (row + 0.5) / len(row))


HOSTILE: Final[dict[str, Callable[[NDArray[np.int64], int], NDArray[np.int64]]]] = {
    "sorted": lambda row, k: _in_blocks(row, k)[::-1],
    "reverse": _in_blocks,
    "robin": lambda row, k: row % (k + 1),
    "flood": lambda row, k: np.where(row % 2 == 0, row // 2 % max(k // 2, 1), k + row),
    "late": lambda row, _: np.where((row >= 2 * len(row) // 3) & (row % 2 == 1), 0, 1 + row),
    "one": lambda row, _: 0 * row,
    "distinct": lambda row, _: row,
}


def _stream(columns: dict[str, NDArray[Any]], **meta: object) -> Trace:
    for column in columns.values():
        column.flags.writeable = False  # so that the trace need not copy it
    return Trace("stream", columns, meta=meta)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InvalidInput(f"{name} is {value!r}, but must be a whole number")
    return int(value)


def _real(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidInput(f"{name} is {value!r}, but must be a number")
    plain: float = value.item() if isinstance(value, np.generic) else value  # an integer remains one
    return plain


def _by_inverse(cumulative: Floats, u: Floats) -> NDArray[np.int64]:
    """Which of these outcomes each uniform number draws."""
    outcome: NDArray[np.int64] = np.searchsorted(cumulative, u * cumulative[-1])
    return outcome


def _poisson(mean: float) -> Floats:
    """The cumulative distribution of 0 to `MOST_BURSTS` - 2, up to a factor."""
    ratios = mean / np.arange(1, MOST_BURSTS - 1)
    cumulative: Floats = np.cumsum(np.concatenate(([1.0], np.cumprod(ratios))))
    return cumulative


def _mix(z: Keys) -> Keys:
    """splitmix64, so that the values of neighbors have nothing in common."""
    z = (z + np.uint64(1)) * GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
