"""Compressed aggregation of gradients: fewer bytes between workers, with an error known beforehand."""

from beforehand.gradients.adaptive import Adaptive
from beforehand.gradients.aggregator import Aggregator, AggregatorClient, AggregatorStats
from beforehand.gradients.block_float8 import BlockFloat8
from beforehand.gradients.block_int import BlockInt
from beforehand.gradients.cast import Cast
from beforehand.gradients.codec import Codec
from beforehand.gradients.codecs import codec_from_json
from beforehand.gradients.exchange import Combine, Driver, Encoder, Gather, RoundStats, Shards, Sum, drive
from beforehand.gradients.gradient_plan import GradientPlan
from beforehand.gradients.layout import Layout, Piece, split_power_of_two
from beforehand.gradients.link import Link
from beforehand.gradients.local import LocalRound, drive_local
from beforehand.gradients.low_rank import LowRank
from beforehand.gradients.metrics import correlation, vnmse
from beforehand.gradients.plan import audit, plan
from beforehand.gradients.qsgd import QSGD
from beforehand.gradients.reduce_scatter import open_rows
from beforehand.gradients.rows import Rows, Scatter
from beforehand.gradients.simulate import Simulated, simulate
from beforehand.gradients.speeds import RoundSeconds, Speed, Speeds, measure_speeds
from beforehand.gradients.state_bytes import EncoderState
from beforehand.gradients.switch import Switch, SwitchRound
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
    "Aggregator",
    "AggregatorClient",
    "AggregatorStats",
    "BlockFloat8",
    "BlockInt",
    "Cast",
    "Codec",
    "Combine",
    "Driver",
    "Encoder",
    "EncoderState",
    "Gather",
    "GradientPlan",
    "Layout",
    "Link",
    "LocalRound",
    "LowRank",
    "Piece",
    "RoundSeconds",
    "RoundStats",
    "Rows",
    "Scatter",
    "Shards",
    "Simulated",
    "Speed",
    "Speeds",
    "Sum",
    "Switch",
    "SwitchRound",
    "Table",
    "TernGrad",
    "TopK",
    "TopKChunked",
    "WireBytes",
    "audit",
    "codec_from_json",
    "correlation",
    "drive",
    "drive_local",
    "measure_speeds",
    "open_rows",
    "plan",
    "simulate",
    "split_power_of_two",
    "thc_table",
    "vnmse",
]
