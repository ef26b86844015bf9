"""What a plan knows beforehand: where predictions come from, how good they are, and the files that hold them."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, Self, final, get_args

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.predictor import Price
from beforehand.scheduling.inputs import one_of
from beforehand.scheduling.serving.plan.knowledge import Accuracy
from beforehand.scheduling.serving.predictors.prompt_length import PromptLength
from beforehand.scheduling.serving.predictors.tool_calls import ToolCalls
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations
from beforehand.scheduling.serving.simulator.prompts import FREE

FREE_REFRESH: Final = Price(per="refresh")
Lengths = Literal["none", "column", "exact", "given", "prompt"]
Calls = Literal["exact", "none", "learned"]
Durations = Literal["learned", "mean", "exact", "given"]
Refined = Literal["no", "exact", "report"]


@final
@dataclass(frozen=True, slots=True)
class PredictorFile:
    """A file beside the plan that holds a predictor.

    Args:
        name: Of the file, in the plan's folder.
        sha256: Of its bytes, in hexadecimal digits.
    """

    name: str
    sha256: str

    def __post_init__(self) -> None:
        """Validate the fields."""
        if not isinstance(self.name, str) or Path(self.name).name != self.name or self.name in ("", ".", ".."):
            raise InvalidInput(f"name is {self.name!r}, but must be that of a file in the plan's own folder")
        if not isinstance(self.sha256, str) or len(self.sha256) != 64:
            raise InvalidInput(f"sha256 is {self.sha256!r}, but must be 64 hexadecimal digits")

    @classmethod
    def of(cls, role: str, content: bytes) -> Self:
        """The file of a predictor, which its content names."""
        digest = hashlib.sha256(content).hexdigest()
        return cls(f"{role}-{digest[:8]}.npz", digest)

    @contextmanager
    def opened(self, folder: str | PathLike[str], content: bytes | None) -> Iterator[Path]:
        """A path to read it from: of its bytes, or in the folder.

        Raises:
            InvalidInput: it cannot be read.
            CorruptData: it is not the file that the plan was made with.
        """
        path = Path(folder) / self.name
        try:
            found = path.read_bytes() if content is None else content
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}; keep it beside the plan") from error
        if hashlib.sha256(found).hexdigest() != self.sha256:
            raise CorruptData(f"{path} is not the file that the plan was made with; take that one, or plan again")
        if content is None:
            yield path
            return
        with TemporaryDirectory() as temporary:
            path = Path(temporary, self.name)
            path.write_bytes(content)
            yield path


@final
@dataclass(frozen=True, kw_only=True)
class Known:
    """What was known beforehand.

    Args:
        lengths: Where predictions of output tokens come from: the column `predicted_tokens` (`"column"`), the truth
            (`"exact"`), the caller (`"given"`), or features of the prompt (`"prompt"`).
        accuracy: How good they are; None without any.
        price: What one costs.
        cheap_lengths: Where those of a second, cheaper predictor come from.
        cheap: How good they are; None without one.
        cheap_price: What one of these costs.
        refresh_price: What refreshing one costs.
        calls: How tool calls are known: exactly, not at all, or by a `ToolCalls` that learns.
        durations: How long they take: learned as calls finish, the mean of each tool, exactly, or as the caller says.
        refined: How predictions are refreshed while an answer is written.
        files: The predictors that were fitted, by the argument of `simulate` that takes them.
    """

    lengths: Lengths = "none"
    accuracy: Accuracy | None = None
    price: Price = FREE
    cheap_lengths: Lengths = "none"
    cheap: Accuracy | None = None
    cheap_price: Price = FREE
    refresh_price: Price = FREE_REFRESH
    calls: Calls = "exact"
    durations: Durations = "learned"
    refined: Refined = "no"
    files: Mapping[str, PredictorFile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Validate the fields."""
        allowed = {"lengths": Lengths, "cheap_lengths": Lengths, "calls": Calls, "durations": Durations}
        for name, words in (allowed | {"refined": Refined}).items():
            one_of(name, getattr(self, name), get_args(words))

    def opened(self, folder: str | PathLike[str], fitted: Mapping[str, bytes]) -> dict[str, Any]:
        """The arguments of `simulate` that know the same again; what the caller knew is left out.

        Raises:
            InvalidInput: a predictor's file cannot be read.
            CorruptData: a predictor's file is not the one that the plan was made with, or the plan names none.
        """
        found: dict[str, Any] = {"tools": ToolCalls() if self.calls == "learned" else self.calls}
        sources = {"lengths": self.lengths} if self.cheap is None else self._both
        for role, origin in sources.items():
            if origin == "exact":
                found[role] = "exact"
            if origin == "prompt":
                file = self.files.get(role)
                if file is None:
                    raise CorruptData(f"the plan names no file for its {role}; take the plan as it was saved")
                with file.opened(folder, fitted.get(file.name)) as path:
                    found[role] = PromptLength.load(path)
        if self.durations != "given":
            found["durations"] = ToolDurations() if self.durations == "learned" else self.durations
        if self.refined == "exact":
            found["refine"] = "exact"
        return found

    @property
    def _both(self) -> dict[str, Lengths]:
        """Where the predictions of two predictors come from, by the argument of `simulate`."""
        return {"lengths": self.cheap_lengths, "expensive": self.lengths}

    @classmethod
    def from_fields(cls, given: Mapping[str, Any]) -> Self:
        """What a plan's JSON says."""
        read = dict(given)
        for name in ("accuracy", "cheap"):
            read[name] = None if given[name] is None else Accuracy(**given[name])
        for name in ("price", "cheap_price", "refresh_price"):
            read[name] = Price(**given[name])
        return cls(**read | {"files": {name: PredictorFile(**each) for name, each in given["files"].items()}})
