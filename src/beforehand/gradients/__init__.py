"""Compressed aggregation of gradients: fewer bytes between workers, with an error known beforehand."""

from beforehand.gradients.adaptive import Adaptive
from beforehand.gradients.block_float8 import BlockFloat8
from beforehand.gradients.block_int import BlockInt
from beforehand.gradients.cast import Cast
from beforehand.gradients.exchange import Combine, Driver, Encoder, Gather, RoundStats, Shards, Sum, drive
from beforehand.gradients.layout import Layout, Piece, split_power_of_two
from beforehand.gradients.local import LocalRound, drive_local
from beforehand.gradients.low_rank import LowRank
from beforehand.gradients.metrics import correlation, vnmse
from beforehand.gradients.qsgd import QSGD
from beforehand.gradients.simulate import Simulated, simulate
from beforehand.gradients.terngrad import TernGrad
from beforehand.gradients.thc import THC
from beforehand.gradients.thc_table import Table, thc_table
from beforehand.gradients.topk import TopK
from beforehand.gradients.topk_chunked import TopKChunked
from beforehand.gradients.wire import WireBytes

__all__ = [
    "QSGD",
    "THC",
    "Adaptive",
    "BlockFloat8",
    "BlockInt",
    "Cast",
    "Combine",
    "Driver",
    "Encoder",
    "Gather",
    "Layout",
    "LocalRound",
    "LowRank",
    "Piece",
    "RoundStats",
    "Shards",
    "Simulated",
    "Sum",
    "Table",
    "TernGrad",
    "TopK",
    "TopKChunked",
    "WireBytes",
    "correlation",
    "drive",
    "drive_local",
    "simulate",
    "split_power_of_two",
    "thc_table",
    "vnmse",
]
