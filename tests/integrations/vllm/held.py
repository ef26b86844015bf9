"""A scheduler of vLLM's that waits for all requests of a test before it serves the first, and says whom it serves."""

import os

from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.interface import PauseState


class Held(AsyncScheduler):
    """Serves nobody until as many requests as each of them says have come, and those one by one.

    A request says it as `held` of its `vllm_xargs`. The numbers of tokens of their prompts are written, as they are
    admitted, to the file that HELD_ADMITTED names.
    """

    def add_request(self, request):
        super().add_request(request)
        if held(request):
            come = sum(map(bool, map(held, self.requests.values())))
            self.set_pause_state(PauseState.UNPAUSED if come == held(request) else PauseState.PAUSED_ALL)

    def schedule(self, *args, **kwargs):
        those = [request for request in self.requests.values() if held(request)]
        self.max_num_active_reqs = 1 if those else self.max_num_running_reqs
        output = super().schedule(*args, **kwargs)
        for new in output.scheduled_new_reqs:
            if held(self.requests[new.req_id]):
                with open(os.environ["HELD_ADMITTED"], "a") as file:
                    file.write(f"{len(new.prompt_token_ids)}\n")
        return output


def held(request):
    """How many there will be; 0 for all other requests."""
    return int((request.sampling_params.extra_args or {}).get("held", 0))
