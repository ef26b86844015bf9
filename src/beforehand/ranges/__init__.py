"""Range filters: may any key lie between two bounds? Never a wrong no, and few wrong yeses."""

from beforehand.ranges.design import Design
from beforehand.ranges.filter import RangeFilter
from beforehand.ranges.filters import FILTERS, load
from beforehand.ranges.keys import KeyType
from beforehand.ranges.locality_hash import LocalityHash
from beforehand.ranges.plan import audit, plan
from beforehand.ranges.prefix_bloom import PrefixBloom
from beforehand.ranges.prefix_model import PrefixModel
from beforehand.ranges.proteus import Proteus
from beforehand.ranges.queries import ranges_trace
from beforehand.ranges.range_plan import RangePlan
from beforehand.ranges.recorder import QueryRecorder
from beforehand.ranges.rosetta import Rosetta
from beforehand.ranges.surf import SuRF
from beforehand.ranges.two_prefix_bloom import TwoPrefixBloom

__all__ = [
    "FILTERS",
    "Design",
    "KeyType",
    "LocalityHash",
    "PrefixBloom",
    "PrefixModel",
    "Proteus",
    "QueryRecorder",
    "RangeFilter",
    "RangePlan",
    "Rosetta",
    "SuRF",
    "TwoPrefixBloom",
    "audit",
    "load",
    "plan",
    "ranges_trace",
]
