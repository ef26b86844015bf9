"""What filters a column family gets."""

from dataclasses import dataclass
from typing import Final, Literal, final, get_args

from beforehand.core.errors import InvalidInput
from beforehand.ranges.design import budget_of
from beforehand.ranges.keys import KeyType
from beforehand.ranges.queries import Queries, ends_of
from beforehand.ranges.recorder import QueryRecorder

Keys = Literal["bytes", "uint64"]
FILTERS: Final = (
    "proteus",
    "surf",
    "rosetta",
    "two-prefix-bloom",
    "prefix-bloom",
    "locality-hash",
)  # as the bytes number them, from 1


@final
@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """The filters of one column family.

    Args:
        filter: `"proteus"`, or another name in `beforehand.ranges.FILTERS`; None for no filters.
        bits_per_key: Of each filter, from 1 to 1024.
        key_type: `"bytes"` for keys of any kind, `"uint64"` where each has 8 bytes, most significant first.
        queries: A sample of closed ranges, which the recorder begins with.
        recorder: What samples the scans, for the design of files to come; None makes one.

    Raises:
        InvalidInput: A value is out of range; Rosetta is asked to filter bytes; the recorder is not one.
    """

    filter: str | None = "proteus"
    bits_per_key: float = 12.0
    key_type: Keys = "bytes"
    queries: Queries | None = None
    recorder: QueryRecorder | None = None

    def __post_init__(self) -> None:
        """Validate the fields."""
        if self.filter is not None and self.filter not in FILTERS:
            raise InvalidInput(f"filter is {self.filter!r}, but must be one of {', '.join(FILTERS)}, or None")
        check_key_type(self.key_type)
        if self.filter == "rosetta" and self.key_type == "bytes":
            raise InvalidInput("filter is 'rosetta', which filters numbers only; pass key_type='uint64', or another")
        budget_of(0, self.bits_per_key)
        if self.recorder is not None and not isinstance(self.recorder, QueryRecorder):
            raise InvalidInput(f"recorder is {self.recorder!r}, but must be a QueryRecorder, or None")


def check_key_type(key_type: str) -> None:
    """Raise unless keys can be of this type.

    Raises:
        InvalidInput: They cannot.
    """
    if key_type not in get_args(Keys):
        raise InvalidInput(f"key_type is {key_type!r}, but must be one of {', '.join(get_args(Keys))}")


def recorder_for(options: FilterOptions) -> QueryRecorder:
    """The recorder of a column family, with its sample, settled on its keys.

    Raises:
        InvalidInput: It has settled on other keys, or the sample is of other keys.
    """
    recorder = options.recorder or QueryRecorder()
    recorder.settle(KeyType(options.key_type))
    if options.queries is not None:
        recorder.record(*ends_of(options.queries))
    return recorder
