"""What lies around a value of the column `x`, by pyarrow alone."""

import pyarrow.compute as pc


def one_of(numbers, place=777):
    value = numbers["x"][place].as_py()
    return value - 3, value + 3


def expected(numbers, lo, hi):
    return numbers.filter((pc.field("x") >= lo) & (pc.field("x") <= hi))
