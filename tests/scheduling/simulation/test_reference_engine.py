import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import FCFS, SPRPT, DelayPredict, Log, OneBit, replay
from beforehand.scheduling.simulation.draws import Jobs
from beforehand.scheduling.simulation.reference_engine import run
from tests.scheduling.every_policy import EVERY
from tests.scheduling.queues import GOLDEN, GOLDEN_LOG, Unstaged, numbers, random_log


def served(policy, log, servers=1, switch_cost=(0.0, 0.0)):
    jobs = Jobs(log.arrival, log.size, log.expensive, log.cheap)
    return run(policy, jobs, servers=servers, switch_cost=switch_cost)


@pytest.mark.parametrize(("policy", "servers", "completions", "interruptions", "demotions", "memory"), GOLDEN)
def test_the_worked_example_comes_out_exactly(policy, servers, completions, interruptions, demotions, memory):
    done = served(policy, GOLDEN_LOG, servers)
    assert done.completion.tolist() == numbers(completions)
    assert (done.interruptions.sum(), done.demotions.sum()) == (interruptions, demotions)
    if memory:
        assert done.memory.sum() == numbers(memory)[0]


@pytest.mark.parametrize("policy", EVERY, ids=str)
def test_a_server_is_never_idle_while_there_is_work(policy):
    log = random_log(np.random.default_rng(1))
    done, blind = served(policy, log), served(FCFS(), log)
    if not any(row.prediction for row in policy.stages().long):
        assert done.completion.max() == pytest.approx(blind.completion.max())
        assert done.busy.tolist() == pytest.approx(log.size.tolist())
    assert (done.start >= log.arrival).all()
    assert (done.completion - done.start >= log.size - 1e-9).all()


def test_ties_keep_the_order_of_arrival():
    log = Log([1, 1, 1], expensive=[2, 2, 2], arrival=[0, 0, 0])
    assert served(SPRPT(), log).completion.tolist() == [1, 2, 3]


def test_a_switch_costs_work_before_the_job_goes_on():
    log = Log([4, 1], expensive=[4, 1], arrival=[0, 1])
    assert served(SPRPT(), log, switch_cost=(0.5, 0.25)).completion.tolist() == [5.75, 2]


def test_a_switch_cost_is_set_anew_at_each_interruption():
    log = Log([4, 1, 1], expensive=[4, 1, 1], arrival=[0, 1, 2.5])
    # The first job is set aside with age 1 at 1 and again at 2.5, after 0.5 of the 2 units that resuming costs.
    assert served(SPRPT(), log, switch_cost=(2.0, 0.0)).completion.tolist() == [8.5, 2, 3.5]


def test_predictions_are_counted_when_they_are_asked_for():
    done = served(DelayPredict(1.0), GOLDEN_LOG)
    assert done.expensive_calls.tolist() == [1, 0, 1, 0, 1, 0, 1]
    assert not done.cheap_calls.any()
    assert served(OneBit(1.0), GOLDEN_LOG).cheap_calls.tolist() == [1] * 7


def test_a_policy_of_the_users_own_is_replayed_here():
    mine, stock = replay(Unstaged(SPRPT()), GOLDEN_LOG), replay(SPRPT(), GOLDEN_LOG)
    assert mine.completion.tolist() == stock.completion.tolist()
    assert (mine.interruptions, mine.memory) == (stock.interruptions, stock.memory)


def test_a_missing_prediction_is_named():
    with pytest.raises(InvalidInput, match="Unstaged asks for the expensive prediction of job 0"):
        replay(Unstaged(SPRPT()), Log([1.0], arrival=[0.0]))


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"rank": lambda view: float("nan")}, "ranked a job nan, but ranks must be numbers; fix its rank"),
        ({"rank": lambda view: None}, "ranked a job None"),
        ({"review_age": lambda view: view.age}, "review a job of age 0.0 at 0.0, but that must be later"),
        ({"review_age": lambda view: float("nan")}, "at nan, but that must be later, or inf for never"),
        ({"asks": lambda view: "expensive"}, "asks for 'expensive' though it knows"),
        ({"asks": lambda view: "dear"}, "asks for 'dear'.*may ask for 'cheap' and 'expensive'"),
    ],
)
def test_a_policy_whose_answers_make_no_sense_is_told_so_and_does_not_hang(answers, message):
    policy = Unstaged(SPRPT())
    for name, answer in answers.items():
        setattr(policy, name, answer)
    with pytest.raises(InvalidInput, match=message):
        replay(policy, GOLDEN_LOG)
