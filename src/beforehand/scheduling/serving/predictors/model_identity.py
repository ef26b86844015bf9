"""Which language model it is: enough to refuse a probe that was trained on another one."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any, Self, final

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import settle, whole


@final
@dataclass(frozen=True, kw_only=True)
class ModelIdentity:
    """A language model, by its name and the measures of its configuration.

    Args:
        name: Last part of its path or of its address on a hub.
        architecture: The class that runs it.
        hidden_size: Numbers in a hidden state.
        layers: Decoder layers.
        vocabulary: Tokens.

    Raises:
        InvalidInput: A name that is not text, a measure below 1.

    Example:
        >>> print(ModelIdentity(name="tiny", architecture="LlamaForCausalLM", hidden_size=64, layers=4, vocabulary=384))
        tiny (LlamaForCausalLM, 4 layers of 64)
    """

    name: str
    architecture: str
    hidden_size: int
    layers: int
    vocabulary: int

    def __post_init__(self) -> None:
        """Check the fields."""
        for field in ("name", "architecture"):
            if not isinstance(getattr(self, field), str):
                raise InvalidInput(f"{field} is {getattr(self, field)!r}, but must be text")
        for field in ("hidden_size", "layers", "vocabulary"):
            settle(self, **{field: whole(field, getattr(self, field), least=1)})

    @classmethod
    def of(cls, config: Any, name: str) -> Self:
        """Read it from a configuration of Hugging Face, of the whole model or of its text part.

        Args:
            config: What has `hidden_size`, `num_hidden_layers`, `vocab_size` and `architectures`.
            name: Path or address that the model was loaded from; of one in a hub's cache, the address counts.

        Raises:
            InvalidInput: A measure is missing.
        """
        text = getattr(config, "text_config", None) or config
        architectures = getattr(config, "architectures", None) or getattr(text, "architectures", None) or [""]
        try:
            measures = text.hidden_size, text.num_hidden_layers, text.vocab_size
        except AttributeError as error:
            raise InvalidInput(f"the configuration of {name} lacks a measure: {error}") from error
        return cls(
            name=_last(name),
            architecture=architectures[0],
            hidden_size=measures[0],
            layers=measures[1],
            vocabulary=measures[2],
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all fields."""
        return hashlib.sha256(json.dumps(self.fields(), sort_keys=True).encode()).hexdigest()

    def fields(self) -> dict[str, Any]:
        """The arguments that make it again."""
        return asdict(self)

    def __str__(self) -> str:
        """In words."""
        return f"{self.name} ({self.architecture}, {self.layers} layers of {self.hidden_size})"


def _last(name: str) -> str:
    parts = PurePath(name).parts
    if len(parts) > 2 and parts[-2] == "snapshots":  # <cache>/models--<owner>--<model>/snapshots/<revision>
        return parts[-3].rpartition("--")[2]
    return parts[-1] if parts else ""
