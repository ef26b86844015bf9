"""What an engine may use, and what is summed up while it runs."""

import math
from array import array
from dataclasses import dataclass
from typing import NamedTuple, final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the engine may use; see `simulate`."""

    max_num_seqs: int
    max_batched_tokens: int
    kv_tokens: int
    host_tokens: int
    prefix_caching: bool
    paused_holds_slot: bool
    scheduler_seconds: float
    watermark: float
    predictor_overlap: float
    margin: float
    max_preemptions: float
    max_wait: float
    renew_arrival: bool


class Iteration(NamedTuple):
    """What was decided in one iteration, by row of the trace; for comparison with a real scheduler."""

    end: float
    admitted: tuple[int, ...]
    preempted: tuple[int, ...]
    tokens: dict[int, int]
    used_blocks: int


@final
class Totals:
    """Arrays with an entry for each iteration or each conversation, and sums that the conservation checks compare."""

    def __init__(self, jobs: int) -> None:
        self.end, self.new_tokens, self.decoding, self.used_blocks = array("d"), array("q"), array("q"), array("q")
        self.finish = array("d", [math.nan]) * jobs
        self.first_token = array("d", [math.nan]) * jobs
        self.pace = array("d", [0.0]) * jobs  # the slowest mean time between two tokens of a segment
        self.preemptions = array("q", [0]) * jobs
        self.recomputed = array("q", [0]) * jobs
        self.gaps = array("d")  # between two tokens of a segment with other iterations between
        self.cache_hits = self.host_loads = 0
        self.block_seconds = self.presence = self.idle_seconds = self.prediction_seconds = 0.0
