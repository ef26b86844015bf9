"""How far off a length probe is, live in vLLM, on prompts that did not train it, beside a predictor of prompts alone.

A tiny Llama is trained on a language whose law of lengths is known (6 minutes on one core), answers 3,000 prompts, and
a probe is trained on its hidden states; both are kept in build/. Then vLLM answers 600 other prompts with the probe in
its worker, read at every token and at every eighth. The law's own error stands beside; the model follows it only
roughly.

It needs vLLM: make bench-vllm.
"""

import json
import statistics
import time
from pathlib import Path

import numpy as np
from transformers import AutoTokenizer

from beforehand.scheduling.serving import LengthProbe
from beforehand.studies.trail import probe as study
from beforehand.workloads.tiny_llama.model import tiny_llama

ROWS = 32


def refresh_seconds(probe: LengthProbe) -> float:
    """The median time of a refresh of 32 rows, with smoothing."""
    states = np.random.default_rng(0).standard_normal((ROWS, probe.hidden)).astype(np.float32)
    before, times = probe.probabilities(states), []
    for _ in range(200):
        start = time.perf_counter()
        probe.expected(probe.smooth(before, probe.probabilities(states), 1))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Train what is not there yet, measure, and print."""
    model = tiny_llama("build")
    pairs_file, probe_file = model.with_name(f"{model.name}.answers.json"), model.with_name(f"{model.name}.probe.npz")
    if not pairs_file.exists():
        pairs_file.write_text(json.dumps(study.recorded(model)))
    pairs = [(prompt, answer) for prompt, answer in json.loads(pairs_file.read_text())]
    probe = study.trained(model, Path(probe_file), pairs)
    tokenizer = AutoTokenizer.from_pretrained(model)
    prompts = study.held_out(tokenizer)
    words = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    print(f"{'tokens left, mean absolute error':<44} {'by token':>9} {'by request':>11}")
    for every in (1, 8):
        found = study.live(model, Path(probe_file), every=every)
        rows = {
            f"probe, smoothed, read every {every}": study.errors(found),
            "PromptLength, counted down": study.prompt_only(pairs, prompts, found),
            "the law of the language": study.bound(found, words),
        }
        for name, each in rows.items():
            print(f"{name:<44} {each.by_token:>9.1f} {each.by_request:>11.1f}")
        probed, rival = list(rows.values())[:2]
        factors = rival.by_token / probed.by_token, rival.by_request / probed.by_request
        print(f"{'PromptLength / probe':<44} {factors[0]:>9.2f} {factors[1]:>11.2f}")
    print(f"a refresh of {ROWS} rows with smoothing: {1e3 * refresh_seconds(probe):.3f} ms")


if __name__ == "__main__":
    main()
