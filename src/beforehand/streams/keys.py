"""What a key is: an integer, a str or bytes; anything else is refused rather than guessed."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput

KeyKind = Literal["auto", "u64", "i64", "str", "bytes"]
KEY_KINDS = get_args(KeyKind)


class ArrowArray(Protocol):
    """Whatever hands out one array through the Arrow C data interface."""

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        """Hand out the array."""


class ArrowStream(Protocol):
    """Whatever hands out arrays one by one through the Arrow C stream interface."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Hand out the stream."""


Key: TypeAlias = int | np.integer[Any] | str | bytes
Keys: TypeAlias = Key | Sequence[Key | None] | NDArray[Any] | ArrowArray | ArrowStream


def check_key_kind(key: str) -> None:
    """Refuse what is no kind of key.

    Raises:
        InvalidInput: `key` is not one of `KEY_KINDS`.
    """
    if key not in KEY_KINDS:
        raise InvalidInput(f"key is {key!r}, but must be one of {', '.join(KEY_KINDS)}")
