import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import Layout, split_power_of_two


def exponents(length):
    return [piece.length.bit_length() - 1 for piece in split_power_of_two(length)]


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (1_396_544, [20, 18, 16, 14, 12]),
        (85_002, [16, 14, 11, 10, 10]),
        (25_557_032, [23, 23, 23, 18, 17]),
        (2**20 + 1, [20, 10]),
        (1_000_003, [20]),
        (1, [10]),
    ],
)
def test_golden_pieces(length, expected):
    assert exponents(length) == expected


def test_pieces_cover_the_bucket_with_little_padding():
    for length in np.random.default_rng(0).integers(2**14, 2**22, 2000).tolist():
        pieces = split_power_of_two(length)
        ends = [piece.start + piece.length for piece in pieces]
        assert [piece.start for piece in pieces] == [0, *ends[:-1]]
        assert pieces[-1].start < length <= ends[-1] <= 1.067 * length
        assert len(pieces) <= 10


def test_bounds_of_pieces_hold():
    assert {piece.length for piece in split_power_of_two(1000, smallest=64, largest=128)} <= {64, 128}


@pytest.mark.parametrize("options", [{"smallest": 3}, {"smallest": 16, "largest": 8}, {"largest": 5000}])
def test_bounds_are_powers_of_two_in_order(options):
    with pytest.raises(InvalidInput, match="powers of two"):
        split_power_of_two(100, **options)


def test_an_empty_bucket_is_refused():
    with pytest.raises(InvalidInput, match="length is 0"):
        split_power_of_two(0)


def test_a_layout_knows_where_tensors_lie():
    layout = Layout([("a", (2, 3)), ("b", ()), ("c", (0,)), ("d", [4])])
    assert layout.size == 11
    assert layout.slices == {"a": slice(0, 6), "b": slice(6, 7), "c": slice(7, 7), "d": slice(7, 11)}


def test_the_digest_tells_names_and_shapes_apart():
    digests = {Layout([(name, shape)]).digest for name in "ab" for shape in [(2, 3), (3, 2), (6,)]}
    assert len(digests) == 6
    assert Layout([("a", [2, 3])]).digest == Layout([("a", (2, 3))]).digest


def test_a_layout_refuses_repeated_names_and_no_coordinates():
    with pytest.raises(InvalidInput, match="repeat the name 'a'"):
        Layout([("a", (1,)), ("a", (2,))])
    for shapes in [[], [(0,)], [(3,), (-1,)]]:
        with pytest.raises(InvalidInput, match="at least one coordinate"):
            Layout([(str(i), shape) for i, shape in enumerate(shapes)])


@pytest.mark.parametrize(
    "tensors", [None, "ab", [("a", 2)], [("a", (2.5,))], [("a", ("3",))], [("a",)], [(1, (2,))], [(["a"], (2,))]]
)
def test_what_is_no_pair_of_a_name_and_a_shape_is_refused(tensors):
    with pytest.raises(InvalidInput, match=r"tensors (must be pairs of|have names)"):
        Layout(tensors)


@pytest.mark.parametrize(
    "given", [{"length": "a"}, {"length": 2.5}, {"length": 9, "smallest": True}, {"length": 9, "largest": None}]
)
def test_pieces_of_what_is_no_number_are_refused(given):
    with pytest.raises(InvalidInput, match="must be a whole number"):
        split_power_of_two(given.pop("length"), **given)
