"""Which policies a log and a setting allow, and where their thresholds are searched."""

import math

import numpy as np

from beforehand.scheduling import Log
from beforehand.scheduling.plan.families import families
from beforehand.scheduling.plan.setting import Setting
from tests.scheduling.designs import skewed

LOG = skewed(300)
SETTING = Setting(load=0.9, cheap_cost=0.1, expensive_cost=0.5, preemptive=True)
SEARCHED = {"1-bit", "SkipPredict", "SkipPredict, size", "DelayPredict", "DelayPredict, size"}


def names(log, setting=SETTING):
    return {family.name for family in families(log, setting)}


def test_families_need_their_predictions_and_preemption():
    keyed = {f"{policy} {by}" for policy in ("SPRPT", "PSPJF") for by in ("cheap", "expensive")}
    assert names(LOG) == {"FCFS", "LAS"} | keyed | SEARCHED
    assert names(Log(LOG.size)) == {"FCFS", "LAS"}
    assert names(LOG, Setting(load=0.9)) == {"FCFS", "SPJF cheap", "SPJF expensive", "1-bit", "SkipPredict"}


def test_a_missing_prediction_takes_no_family_away():
    some = np.where(np.arange(300) == 17, math.nan, 1.0)
    gaps = Log(LOG.size, cheap=LOG.cheap * some, expensive=LOG.expensive * some)
    assert names(gaps) == names(LOG)
    for family in families(gaps, SETTING):
        if family.column is not None:
            assert np.isfinite(family.column).all()


def test_a_column_of_missing_predictions_is_none():
    assert names(Log(LOG.size, cheap=np.full(300, math.nan), expensive=LOG.expensive)) == names(
        Log(LOG.size, expensive=LOG.expensive)
    )
