"""Conversations of two turns around a tool call, on an engine at the level where requests have tokens."""

import time

from vllm import SamplingParams
from vllm.v1.engine import EngineCoreRequest

from tests.integrations.vllm.engines import prompt_of, scheduler_of

HOST = {
    "kv_connector": "HostSwapConnector",
    "kv_role": "kv_both",
    "kv_connector_module_path": "beforehand.integrations.vllm.connector",
}
PROMPT = prompt_of(1, 200)
RESULT = prompt_of(2, 20)


class Engine:
    """An engine at the level where requests have tokens and sessions have turns."""

    def __init__(self, llm):
        self.llm, self.core, self.scheduler = llm, llm.llm_engine.engine_core.engine_core, scheduler_of(llm)
        self.steps = []
        schedule = self.scheduler.schedule

        def watched(*args, **kwargs):
            output = schedule(*args, **kwargs)
            self.steps.append(dict(output.num_scheduled_tokens))
            return output

        self.scheduler.schedule = watched
        self.free = self.free_blocks()
        self.others = 0

    def free_blocks(self):
        return self.scheduler.kv_cache_manager.block_pool.get_num_free_blocks()

    def add(self, name, tokens, length, *, resumable=False, **hints):
        extra = {f"bh_{key}": value for key, value in hints.items()} or None
        sampling = SamplingParams(max_tokens=length, temperature=0.0, ignore_eos=True, extra_args=extra)
        request = EngineCoreRequest(
            request_id=name,
            prompt_token_ids=list(tokens),
            mm_features=None,
            sampling_params=sampling,
            pooling_params=None,
            arrival_time=time.time(),
            lora_request=None,
            cache_salt=None,
            data_parallel_rank=None,
            resumable=resumable,
        )
        self.core.add_request(*self.core.preprocess_add_request(request))

    def run(self, most=400):
        """Step until nobody has anything to do: the tokens of each request."""
        answers = {}
        for _ in range(most):
            for outputs in self.core.step()[0].values():
                for output in outputs.outputs:
                    answers.setdefault(output.request_id, []).extend(output.new_token_ids)
            if not self.scheduler.get_num_unfinished_requests():
                return answers
        raise AssertionError("the engine did not come to an end")

    def flood(self):
        """Run others until nothing of before is left in the prefix cache."""
        for _ in range(4):
            self.others += 1
            self.add(f"other {self.others}", prompt_of(self.others + 50, 400), 2)
        self.run()

    def computed(self, name):
        """Tokens of the first step of a request, or of its last turn."""
        return next(step[name] for step in self.steps if name in step)

    def assert_nothing_is_left(self):
        self.core.step()
        assert self.scheduler.requests == {}
        assert self.scheduler.running == []
        assert self.free_blocks() == self.free


def two_requests(engine, *, flood=True):
    """A request that ends in a call, others, then the conversation's next request."""
    engine.add("first", PROMPT, 10, conversation="c", tool="search", tool_seconds=5.0, hold_seconds=1e3)
    first = engine.run()["first"]
    held = engine.free - engine.free_blocks()
    if flood:
        engine.flood()
    engine.add("second", PROMPT + first + RESULT, 6, conversation="c")
    return held, engine.run()["second"]


def two_turns(engine, *, flood=True):
    """The same as a streaming session."""
    engine.add("session", PROMPT, 10, resumable=True, conversation="c")
    engine.run()
    held = engine.free - engine.free_blocks()
    if flood:
        engine.flood()
    del engine.steps[:]
    engine.add("session", RESULT, 6, resumable=True)
    second = engine.run()["session"]
    engine.add("session", [5], 1)  # the end of the session
    engine.core.step()
    return held, second
