import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.integrations.gateway import Gateway, Priorities
from beforehand.integrations.gateway.planned import read_plan
from beforehand.scheduling import FCFS, SPJF, Boosted, Log, plan_queue
from beforehand.scheduling.serving import PROFILES
from tests.integrations.gateway.plans import plan


def test_a_plan_brings_its_order_its_predictor_and_its_profile(tmp_path):
    plan().save(tmp_path / "plan.json")
    found = read_plan(tmp_path / "plan.json")
    assert found.policy == plan().policy
    assert found.profile == PROFILES["llama3-8b-a100-80g"]
    priorities = Priorities(found.policy, lengths=found.lengths)
    assert priorities.priority(30, now=1.8e9) < priorities.priority(30, now=1.8e9 + 3600)
    assert priorities.failures == 0


def test_a_predictor_that_is_not_the_plans_is_refused(tmp_path):
    plan().save(tmp_path / "plan.json")
    (predictor,) = tmp_path.glob("*.npz")
    predictor.write_bytes(predictor.read_bytes()[:-1])
    with pytest.raises(CorruptData, match="not the file that the plan was made with"):
        read_plan(tmp_path / "plan.json")


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "plan.json"
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_plan(path)
    path.write_text('{"area": "scheduling.serving"')
    with pytest.raises(CorruptData, match="not a plan"):
        read_plan(path)
    path.write_text(plan_queue(Log([1.0, 2.0, 3.0], cheap=[1.0, 2.0, 3.0]), load=0.8, bootstrap=0).to_json())
    with pytest.raises(InvalidInput, match="must be one of scheduling plan-serving"):
        read_plan(path)


def test_another_plan_takes_the_place_of_the_first_or_changes_nothing():
    gateway = Gateway(["http://a:1"])
    gateway.traffic.priorities.finished("", 9)
    gateway.replan(FCFS(), profile=PROFILES["gptj-6b-a100-40g"])
    assert gateway.traffic.priorities.policy == FCFS()
    assert gateway.traffic.priorities.expected_tokens(float("nan")) == 9
    assert gateway.traffic.engines[0].view.costs.name == "gptj-6b-a100-40g"
    with pytest.raises(InvalidInput, match="'auto'"):
        gateway.replan(Boosted(SPJF()))
    assert gateway.traffic.priorities.policy == FCFS()
