"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from beforehand.core.errors import InvalidInput


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A stream whose bytes appear at `path` once the block has ended well; after an error, nothing has changed.

    The bytes wait in a hidden file beside the target. Devices and pipes are written to directly.

    Raises:
        InvalidInput: the file cannot be written.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    direct = target.exists() and not target.is_file()
    partial = target if direct else target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(partial, "wb") as stream:
            yield stream
        if not direct:
            os.replace(partial, target)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}; choose another place") from error
    finally:
        if not direct:
            partial.unlink(missing_ok=True)
