import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import TopKChunked, vnmse
from beforehand.gradients.half import narrowed
from beforehand.gradients.topk_chunked import largest_chunks
from tests.gradients.rounds import layout_of, one_round


def test_selection_is_that_of_sorting():
    draw = np.random.default_rng(0)
    for _ in range(200):
        energies = narrowed(draw.integers(0, 6, draw.integers(1, 40)).astype(np.float32), "bfloat16")
        count = int(draw.integers(1, len(energies) + 1))
        order = sorted(range(len(energies)), key=lambda c: (-int(energies[c]), c))
        assert largest_chunks(energies, count).tolist() == sorted(order[:count])


@pytest.mark.parametrize("value_dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("size", [1, 63, 64, 1000, 4096])
def test_the_mean_is_exact_in_the_chunks_with_the_largest_energy(size, value_dtype):
    rows = np.random.default_rng(1).integers(-9, 10, (4, size)).astype(np.float32)
    codec = TopKChunked(bits_per_coordinate=4, value_dtype=value_dtype, feedback="none")
    mean, sent = one_round(codec, rows)
    chunks = -(-size // 64)
    padded = np.zeros((4, chunks * 64), np.float32)
    padded[:, :size] = rows
    by_chunk = padded.reshape(4, chunks, 64)
    total = None
    for energy in (by_chunk**2).sum(axis=2):
        rounded = narrowed(energy, "bfloat16")
        total = rounded if total is None else narrowed(_float(total) + _float(rounded), "bfloat16")
    chosen = largest_chunks(total, codec.selected(size))
    expected = np.zeros((chunks, 64))
    expected[chosen] = by_chunk.mean(axis=0)[chosen]
    assert np.array_equal(mean, expected.reshape(-1)[:size])
    assert sent == codec.wire_bytes(layout_of(size), workers=4)


def _float(halves):
    return (halves.astype(np.uint32) << 16).view(np.float32)


def test_energies_of_padding_and_rests_count():
    rows = np.ones((1, 65), np.float32)
    rows[0, 64] = 100  # alone in its chunk
    mean, _ = one_round(TopKChunked(bits_per_coordinate=2, feedback="none"), rows)
    assert np.count_nonzero(mean) == 1
    assert mean[64] == 100


def test_bits_are_those_of_both_sums():
    for bits in (0.5, 2.0, 8.0):
        codec, size = TopKChunked(bits_per_coordinate=bits), 2**20
        sent = codec.wire_bytes(layout_of(size), workers=4)
        assert 8 * sent.up / (3 / 4 * size) == pytest.approx(bits, rel=0.01)
    assert TopKChunked(bits_per_coordinate=0.5).chunk_length == 128
    assert TopKChunked(bits_per_coordinate=16.25).selected(1024) == 16


def test_it_pays_where_large_values_lie_together():
    draw = np.random.default_rng(0)
    scales = np.repeat(draw.lognormal(sigma=2, size=256), 64)
    rows = (scales * draw.normal(size=16384)).astype(np.float32)[None]
    together, _ = one_round(TopKChunked(feedback="none"), rows)
    shuffled = draw.permutation(rows[0])[None]
    apart, _ = one_round(TopKChunked(feedback="none"), shuffled)
    assert 4 * vnmse(together, rows[0]) < vnmse(apart, shuffled[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits_per_coordinate": 0.125}, "must be above 0.125"),
        ({"bits_per_coordinate": 16.3}, "at most 16.25"),
        ({"chunk": 48}, "chunk is 48"),
        ({"bits_per_coordinate": "2"}, "bits_per_coordinate is '2', but must be a number"),
        ({"value_dtype": "float32"}, "value_dtype is 'float32'"),
        ({"feedback": "truncation"}, "feedback is 'truncation'"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        TopKChunked(**options)
