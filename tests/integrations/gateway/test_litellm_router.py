from types import SimpleNamespace

import pytest

from beforehand.integrations.gateway import check_router


def deployment(base, model="m", **params):
    return {"model_name": model, "litellm_params": {"model": "hosted_vllm/m", "api_base": base} | params}


WEIGHTLESS = [deployment("http://a", weight=2), deployment("http://b"), deployment("http://c", "other")]


@pytest.mark.parametrize(
    "router", [WEIGHTLESS, {"model_list": WEIGHTLESS}, SimpleNamespace(model_list=WEIGHTLESS, default_priority=None)]
)
def test_a_deployment_without_a_weight_beside_one_that_has_it_is_named(router, caplog):
    (warning,) = check_router(router)
    assert warning.startswith("model m: http://b has no weight, which LiteLLM reads as 0")
    assert caplog.messages == [warning]


def test_limits_of_rate_are_weights_too_where_there_are_none():
    assert "http://b has no rpm" in check_router([deployment("http://a", rpm=10), deployment("http://b")])[0]
    assert check_router([deployment("http://a", rpm=10, weight=1), deployment("http://b", weight=1)]) == []


def test_priorities_of_its_own_do_nothing_under_load():
    assert "only while no deployment is healthy" in check_router({"model_list": [], "default_priority": 3})[0]


@pytest.mark.parametrize("router", [[], {}, object(), [3, {"model_name": "m"}], {"model_list": None}])
def test_without_such_settings_there_is_no_warning(router):
    assert check_router(router) == []
