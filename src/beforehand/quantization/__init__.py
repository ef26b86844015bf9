"""Fewer bytes for an array of numbers, at the smallest error those bytes allow."""

from beforehand.quantization.codec import Codec
from beforehand.quantization.codes import Codes
from beforehand.quantization.decoding import decode
from beforehand.quantization.encoding import encode
from beforehand.quantization.histogram import Histogram
from beforehand.quantization.level_tables import Levels
from beforehand.quantization.levels import levels
from beforehand.quantization.plan import audit, plan
from beforehand.quantization.quantization_plan import QuantizationPlan
from beforehand.quantization.rotation import hadamard, rotate

__all__ = [
    "Codec",
    "Codes",
    "Histogram",
    "Levels",
    "QuantizationPlan",
    "audit",
    "decode",
    "encode",
    "hadamard",
    "levels",
    "plan",
    "rotate",
]
