"""What an engine keeps of its work for `plan-serving`, `audit` and `calibrate`, and the files it goes to."""

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, final

from beforehand.core.errors import InvalidInput
from beforehand.core.trace import Trace
from beforehand.integrations.vllm.recorder import Segment, StepRecorder, TraceRecorder, prefix_of
from beforehand.integrations.vllm.report import LOGGER
from beforehand.integrations.vllm.tracked import Tracked

MINUTE: Final = 60.0  # s
ENDINGS: Final = (".npz", ".jsonl", ".parquet")


@final
class Recording:
    """Everything that was served since the engine started, written once a minute and when the engine stops.

    vLLM's server kills its engine at once, and the last minute with it, unless it has a `--shutdown-timeout`.

    Args:
        path: Where the trace goes. The iterations go beside it, under the same name that ends in `.steps.npz`.
        began: The time of the engine's start, on its clock.
        cache: What the KV cache holds, as `kv_shape` says it; `calibrate` wants to know.

    Raises:
        InvalidInput: the name ends otherwise, or the folder is not there.
    """

    def __init__(self, path: str, began: float, cache: Mapping[str, int]) -> None:
        self.path = Path(path)
        if self.path.suffix not in ENDINGS or not self.path.resolve().parent.is_dir():
            raise InvalidInput(f"record is {path!r}, but must name a {', '.join(ENDINGS)} file in a folder that exists")
        self.steps = StepRecorder()
        self.answers = TraceRecorder()
        self._began = began
        self._cache = dict(cache)
        self._unanswered: dict[int, Tracked] = {}
        self._writing = threading.Lock()
        self._written = 0  # answers

    def write_now_and_then(self) -> None:
        """Write whatever is new, once a minute, in a thread that ends with the process."""

        def write() -> None:
            while True:
                time.sleep(MINUTE)
                if self._written != len(self.answers):
                    self.write()

        threading.Thread(target=write, name="beforehand-recording", daemon=True).start()

    def admitted(self, tracked: Tracked) -> None:
        """The request has begun to run."""
        if tracked.first_token != tracked.first_token:
            self._unanswered[id(tracked)] = tracked

    def updated(self, now: float) -> None:
        """An iteration has ended."""
        for tracked in [each for each in self._unanswered.values() if each.request.num_output_tokens]:
            tracked.first_token = now
            del self._unanswered[id(tracked)]

    def ended(self, tracked: Tracked, now: float, *, aborted: bool) -> None:
        """The answer is over."""
        self._unanswered.pop(id(tracked), None)
        if aborted:
            return
        request, view = tracked.request, tracked.view
        answered = tracked.first_token if tracked.first_token == tracked.first_token else now
        self.answers.add(
            Segment(
                conversation=tracked.conversation,
                tenant=tracked.hints.tenant,
                enqueued=view.enqueued - self._began,
                first_token=answered - self._began,
                finished=now - self._began,
                prompt_tokens=request.num_tokens - request.num_output_tokens,
                output_tokens=request.num_output_tokens,
                predicted_tokens=view.predicted,
                max_tokens=int(tracked.limit),
                prefix=prefix_of(request.prompt_token_ids),
                preemptions=view.preemptions,
                tool=view.tool.name if view.tool else "",
                handling=tracked.handling,
            )
        )

    def write(self) -> list[Path]:
        """Write what there is so far, and say where; nothing while another thread writes.

        Returns:
            The files. What cannot be written is said in vLLM's log.
        """
        if not self._writing.acquire(blocking=False):
            return []
        try:
            return self._write()
        except Exception as error:  # the engine goes on
            LOGGER.error("beforehand could not write %s: %s", self.path, error)
            return []
        finally:
            self._writing.release()

    def _write(self) -> list[Path]:
        written, answers = [], len(self.answers)
        if answers:
            self.answers.trace().save(self.path)
            written.append(self.path)
            self._written = answers
        columns = self.steps.columns()
        if len(columns["seconds"]):
            beside = self.path.with_suffix(".steps.npz")
            Trace("steps", columns, meta=self._cache).save(beside)
            written.append(beside)
        return written


def of_rank(path: str, rank: int, ranks: int) -> str:
    """A name of its own for each of several engines."""
    if ranks < 2:
        return path
    stem, ending = os.path.splitext(path)
    return f"{stem}.{rank}{ending}"
