"""Fewer bytes for an array of numbers, at the smallest error those bytes allow."""

from beforehand.quantization.codes import Codes, decode, encode
from beforehand.quantization.histogram import Histogram
from beforehand.quantization.levels import Levels, levels

__all__ = ["Codes", "Histogram", "Levels", "decode", "encode", "levels"]
