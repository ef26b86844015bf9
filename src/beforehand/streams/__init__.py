"""Heavy hitters and frequencies of streams, with bounds for every key."""

from beforehand.streams.char_ngrams import CharNgrams
from beforehand.streams.count_min import CountMin
from beforehand.streams.count_sketch import CountSketch
from beforehand.streams.evaluate import Evaluation, evaluate
from beforehand.streams.frequency import Constant, FirstOf, FromCallable, next_gaps
from beforehand.streams.key_bits import KeyBits
from beforehand.streams.learned import LearnedSpaceSaving
from beforehand.streams.learned_window import LearnedSlidingWindow
from beforehand.streams.lookup_table import LookupTable
from beforehand.streams.partitioned import Partitioned
from beforehand.streams.plan import audit, plan
from beforehand.streams.recorder import StreamRecorder
from beforehand.streams.sharding import partition
from beforehand.streams.space_saving import SpaceSaving
from beforehand.streams.stored import from_bytes
from beforehand.streams.stream_plan import StreamPlan
from beforehand.streams.top import Top, TopRow
from beforehand.streams.window import SlidingWindow

__all__ = [
    "CharNgrams",
    "Constant",
    "CountMin",
    "CountSketch",
    "Evaluation",
    "FirstOf",
    "FromCallable",
    "KeyBits",
    "LearnedSlidingWindow",
    "LearnedSpaceSaving",
    "LookupTable",
    "Partitioned",
    "SlidingWindow",
    "SpaceSaving",
    "StreamPlan",
    "StreamRecorder",
    "Top",
    "TopRow",
    "audit",
    "evaluate",
    "from_bytes",
    "next_gaps",
    "partition",
    "plan",
]
