"""What it costs to begin: importing the serving half, and an engine of vLLM that starts with our scheduler in front.

Each import is that of a fresh interpreter with compiled modules, as pip leaves them; numpy's share stands beside.
Engines start in turns, in one process, the model's weights being random.

It needs vLLM: make bench-vllm.
"""

import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import options, take
from vllm_engines import MODEL, QUIET, missing

from beforehand.reporting import Sheet

REPEATS, STARTS = 11, 5
TIMED = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
HEAVY = "import sys, beforehand.scheduling.serving; print(any(name in sys.modules for name in ('torch', 'vllm')))"


def imports() -> Sheet:
    """Seconds to import."""
    rows = []
    with tempfile.TemporaryDirectory() as compiled:
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

        def ran(code: str) -> str:
            command = [sys.executable, "-X", f"pycache_prefix={compiled}", "-c", code]
            return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()

        assert ran(HEAVY) == "False", "the serving half must import neither torch nor vllm"  # and compiles it
        for name, most in (("numpy", ""), ("beforehand.scheduling.serving", "0.15")):
            times = [float(ran(TIMED.format(name))) for _ in range(REPEATS)]
            rows.append([name, f"{statistics.median(times):.3f}", f"{min(times):.3f}", most])
    return Sheet(
        title="Seconds to import",
        columns=["module", "median", "best", "target"],
        rows=rows,
        below=f"{REPEATS} fresh interpreters each; numpy's time is in the second row, too. No torch, no vllm.",
    )


def starts() -> Sheet:
    """Seconds until an engine is there."""
    os.environ.update(QUIET)
    from vllm import LLM

    folder = Path(tempfile.mkdtemp())
    (folder / "config.json").write_text(json.dumps(MODEL))
    ways = {"vLLM's own": {}, "ours": {"scheduler_cls": "beforehand.integrations.vllm.Scheduler"}}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for place in range(STARTS + 1):
        for name, more in ways.items():
            began = time.perf_counter()
            llm = LLM(
                str(folder), load_format="dummy", skip_tokenizer_init=True, enforce_eager=True, max_model_len=512,
                block_size=32, max_num_seqs=32, kv_cache_memory_bytes=1 << 26, **more,
            )  # fmt: skip
            if place:  # the first start of each imports what it needs
                times[name].append(time.perf_counter() - began)
            llm.llm_engine.engine_core.shutdown()
            del llm
            gc.collect()
    added = [ours - theirs for ours, theirs in zip(times["ours"], times["vLLM's own"], strict=True)]
    rows = [[name, f"{statistics.median(each):.2f}", "", ""] for name, each in times.items()]
    rows[1][2:] = [f"{statistics.median(added):+.2f}", "+1"]
    return Sheet(
        title="Seconds until an engine is there",
        columns=["scheduler", "median", "added", "target"],
        rows=rows,
        below=f"{STARTS} starts each, in turns, in one process.",
    )


def main() -> None:
    """Print the tables, and keep them if asked."""
    output = options(__doc__ or "").parse_args().output
    if lacks := missing():
        print(lacks)
        return
    take((imports, starts), output)


if __name__ == "__main__":
    main()
