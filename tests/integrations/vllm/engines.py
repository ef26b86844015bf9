"""Real engines of a model so small that a step takes milliseconds.

Its weights are random, the same each time, and so large that an answer depends on every part of its prompt: with vLLM's
own dummy weights the next token follows from the last one alone, and no test of what was kept could fail.
"""

import contextlib
import copy
import gc
import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from vllm import LLM, SamplingParams, TokensPrompt

WORDS = 384
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 32,
    "vocab_size": WORDS,
    "max_position_embeddings": 1024,
    "torch_dtype": "float32",
    "bos_token_id": 0,
    "eos_token_id": 1,
    "tie_word_embeddings": False,
}
LIVING = []  # engines that nobody has closed: when vLLM's finalizer finds one it takes what all others share with it
CHAT = "<s> {% for message in messages %}{{ message['content'] }} {% endfor %}<sep>"


def make_model(folder):
    """A folder that vLLM takes for a model: configuration, weights, and a tokenizer of the words w3, w4 and so on."""
    folder = Path(folder)
    words = ["<s>", "</s>", "<sep>", *(f"w{n}" for n in range(3, WORDS))]
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="w3"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", chat_template=CHAT)
    fast.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = LlamaForCausalLM(LlamaConfig(**CONFIG))
        for name, weights in network.named_parameters():
            if weights.ndim == 2:
                torch.nn.init.normal_(weights, 0.0, 0.3 if "embed" in name else 2 / weights.shape[1] ** 0.5)
        network.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


def make_engine(model, **options):
    """An engine in this process; five seconds. `scheduler_cls` and `additional_config` are vLLM's own names."""
    chosen = {
        "enforce_eager": True,
        "disable_log_stats": False,
        "max_model_len": 512,
        "max_num_seqs": 32,
        "max_num_batched_tokens": 256,
        "kv_cache_memory_bytes": 1 << 23,
        "block_size": 32,
    } | options
    with without_llvmlite():
        llm = LLM(str(model), **chosen)
    LIVING.append(llm)
    return llm


@contextlib.contextmanager
def without_llvmlite():
    """Hide a module on which an engine of vLLM 0.32 fails that starts after another one has imported numba.

    When it starts it asks for `vars()` of all that modules hold, and llvmlite's `lib` answers with a function.
    """
    hidden = sys.modules.pop("llvmlite.binding.ffi", None)
    try:
        yield
    finally:
        if hidden is not None:
            sys.modules["llvmlite.binding.ffi"] = hidden


def new_scheduler(llm, kind, *, settings=None, max_num_seqs=4, blocks=200, transfer=None, **others):
    """Give an engine another scheduler, as if it had been started with it and with such limits: a millisecond.

    Args:
        llm: An idle engine.
        kind: vLLM's class, or one of ours.
        settings: Those below `beforehand`.
        max_num_seqs: Up to the engine's own.
        blocks: Blocks of the KV cache that may be used, up to the engine's own.
        transfer: Its KVTransferConfig.
        others: Further fields of vLLM's scheduler configuration.
    """
    core = llm.llm_engine.engine_core.engine_core
    old = core.scheduler
    whole, caches = copy.copy(core.vllm_config), copy.copy(old.kv_cache_config)
    whole.scheduler_config, whole.cache_config = copy.copy(whole.scheduler_config), copy.copy(whole.cache_config)
    whole.kv_transfer_config = transfer
    whole.additional_config = {} if settings is None else {"beforehand": settings}
    for name, value in ({"max_num_seqs": max_num_seqs} | others).items():
        object.__setattr__(whole.scheduler_config, name, value)
    whole.cache_config.num_gpu_blocks = caches.num_blocks = blocks + 1  # vLLM keeps one for itself
    core.scheduler = kind(
        vllm_config=whole,
        kv_cache_config=caches,
        structured_output_manager=old.structured_output_manager,
        block_size=old.block_size,
        hash_block_size=old.hash_block_size,
        log_stats=True,
    )
    return core.scheduler


def scheduler_of(llm):
    return llm.llm_engine.engine_core.engine_core.scheduler


def free_blocks(llm):
    return scheduler_of(llm).kv_cache_manager.block_pool.get_num_free_blocks()


def prompt_of(number, length=20):
    """Tokens that no other number has in the same place."""
    return [3 + (number * 37 + place * 11) % (WORDS - 3) for place in range(length)]


def add(llm, number, tokens, *, length=20, **hints):
    """Queue a request of this many greedy output tokens, with hints such as `predicted_tokens=7`."""
    sampling = SamplingParams(
        max_tokens=tokens,
        min_tokens=tokens,
        ignore_eos=True,
        temperature=0.0,
        detokenize=False,
        extra_args={f"bh_{name}": value for name, value in hints.items()} or None,
    )
    llm.llm_engine.add_request(str(number), TokensPrompt(prompt_token_ids=prompt_of(number, length)), sampling)


def run(llm, each_step=None):
    """Step until nothing is left: the ids in the order in which they finished, with their tokens."""
    finished, step = {}, 0
    while llm.llm_engine.has_unfinished_requests():
        assert step < 5_000, "the engine does not come to an end"
        if each_step is not None:
            each_step(step)
        for output in llm.llm_engine.step():
            if output.finished:
                finished[output.request_id] = list(output.outputs[0].token_ids)
        step += 1
    return finished


def close(llm):
    """Stop an engine; what the engines of a process share is taken down with the last one."""
    LIVING.remove(llm)
    client = llm.llm_engine.engine_core
    if LIVING:
        client._finalizer.detach()
        client.engine_core.model_executor.shutdown()
        client.engine_core.scheduler.shutdown()
    else:
        client._finalizer()  # once, where shutdown() would be followed by another one when the engine is collected
    gc.collect()
