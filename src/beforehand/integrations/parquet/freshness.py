"""What has become of the files of an index since it was built."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import final

from beforehand.core.errors import CorruptData, InvalidInput, StaleData
from beforehand.integrations.parquet.footer import Stamp, fingerprint, values_of, written_at
from beforehand.integrations.parquet.layout import Description, IndexedFile
from beforehand.integrations.parquet.sources import found_in


@final
class Freshness:
    """Compares the files with their description.

    Args:
        folder: What the paths of files count from.
        description: The files and columns.
    """

    def __init__(self, folder: Path, description: Description) -> None:
        self._folder, self._description = folder, description
        self._columns = [column.path for column in description.columns]
        self._places = [(str(folder / file.path), file) for file in description.files]
        self._seen: dict[str, Stamp] = {}

    def check(self) -> None:
        """Raise if a file is not what it was; what this object has seen with the same time and size is not read again.

        Raises:
            StaleData: One is gone or was written anew.
        """
        for path, file in self._places:
            try:
                status = os.stat(path)
                seen = Stamp.of(status)
                if self._seen.get(file.path) == seen:
                    continue
                same = self._is_same(Path(path), file, written_at(status))
            except OSError:
                raise StaleData(f"{path} is gone, but the index is of it; {self.remedy()}") from None
            except (CorruptData, InvalidInput) as error:
                raise StaleData(f"{error}; then {self.remedy()}") from None
            if not same:
                raise StaleData(f"{path} was written anew since it was indexed; {self.remedy()}")
            self._seen[file.path] = seen

    def files(self) -> tuple[IndexedFile, ...]:
        """The files as described, with the times that this object saw them have: a later look reads no values then."""
        times = {path: max(seen.written, 0) for path, seen in self._seen.items()}
        return tuple(replace(file, written=times.get(file.path, file.written)) for file in self._description.files)

    def added(self) -> list[str]:
        """Files that have come to the folder since."""
        if not self._description.directory:
            return []
        known = {file.path for file in self._description.files}
        return [path for path in found_in(self._folder) if path not in known]

    def stamps(self, added: Sequence[str]) -> tuple[Stamp, ...]:
        """What tells whether files that have come have changed.

        Raises:
            StaleData: One is gone again.
        """
        try:
            return tuple(Stamp.of(os.stat(self._folder / path)) for path in added)
        except OSError as error:
            raise StaleData(f"{error.filename} came and went while it was asked for; ask again") from None

    def remedy(self) -> str:
        """The command that builds the index anew."""
        named = (
            [str(self._folder)]
            if self._description.directory
            else [str(self._folder / file.path) for file in self._description.files[:3]]
        )
        more = ["..."] if not self._description.directory and len(self._description.files) > 3 else []
        columns = [word for column in self._columns for word in ("--column", column)]
        return f"build it anew: {shlex.join(['beforehand', 'ranges', 'index', *named, *more, *columns])}"

    def _is_same(self, path: Path, file: IndexedFile, written: int) -> bool:
        if fingerprint(path) != (file.bytes, file.footer):
            return False
        # With another time it is a copy, or was written anew with other values.
        return written == file.written or values_of(path, self._columns) == file.values
