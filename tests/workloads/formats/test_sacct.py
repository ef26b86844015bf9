import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.formats import sacct
from beforehand.workloads.formats.public_logs import recognized
from beforehand.workloads.reading import Reading, look

HEADER = "JobID|Submit|End|Elapsed|Timelimit|State"
ROW = "7|2026-11-29T10:00:00|2026-11-29T11:23:45|01:23:45|02:00:00|COMPLETED"


@pytest.fixture
def read(tmp_path):
    def of(*lines):
        path = tmp_path / "jobs.txt"
        path.write_text("".join(f"{line}\n" for line in lines))
        assert recognized(look(str(path))) is sacct
        return sacct.read(str(path), Reading())

    return of


def test_elapsed_and_limit_are_seconds_however_they_are_printed(read):
    jobs = read(HEADER, ROW, ROW.replace("01:23:45", "2-01:24:56"), ROW.replace("02:00:00", "1-00:00:00"))
    np.testing.assert_array_equal(jobs.columns["size"], [5025, 177896, 5025])
    np.testing.assert_array_equal(jobs.columns["cheap"], [7200, 7200, 86400])
    raw = read("Submit|ElapsedRaw|TimelimitRaw", "2026-11-29T10:00:00|5025|120")
    assert (raw.columns["size"], raw.columns["cheap"]) == (5025, 7200)


def test_a_job_without_a_limit_of_its_own_has_no_prediction(read):
    limits = ["UNLIMITED", "Partition_Limit", ""]
    jobs = read(HEADER, ROW, *(ROW.replace("02:00:00", limit) for limit in limits))
    np.testing.assert_array_equal(jobs.columns["cheap"], [7200, np.nan, np.nan, np.nan])


def test_jobs_that_ran_stay_whatever_their_end_and_others_are_left_out_by_their_state(read):
    states = ["FAILED", "TIMEOUT", "CANCELLED by 1000", "CANCELLED+", "NODE_FAIL", "PREEMPTED"]
    none = ["PENDING", "RUNNING", "SUSPENDED", "REQUEUED", "REVOKED"]
    rows = [ROW.replace("COMPLETED", state) for state in states + none]
    never = ROW.replace("01:23:45", "00:00:00").replace("COMPLETED", "CANCELLED by 1000")
    jobs = read(HEADER, *rows, never)
    counts = {reason: rows.sum() for reason, rows in jobs.left_out.items() if rows.any()}
    assert counts == {state.lower(): 1 for state in none} | {"cancelled before it ran": 1}


def test_without_states_a_job_without_an_end_is_not_finished(read):
    jobs = read(
        "Submit|End|Elapsed", "2026-11-29T10:00:00|Unknown|00:10:00", "2026-11-29T10:00:00|2026-11-29T11:00:00|00:10:00"
    )
    np.testing.assert_array_equal(jobs.left_out["not finished"], [True, False])


def test_what_is_printed_for_people_or_without_times_is_refused_with_the_command(read):
    words = r"print it with sacct -X -P -o JobID,Submit,Elapsed,Timelimit,State"
    with pytest.raises(InvalidInput, match=f"does not say how long jobs ran; {words}"):
        read("JobID|JobName|Partition|Account|AllocCPUS|State|ExitCode", "7|sim|main|lab|4|COMPLETED|0:0")
    with pytest.raises(InvalidInput, match=f"columns of fixed width, which cut cells off; {words}"):
        read("JobID           JobName    Elapsed      State", "------------ ---------- ---------- ----------",
             "7                   sim   01:23:45  COMPLETED")  # fmt: skip


def test_a_cell_that_is_no_duration_is_named(read):
    with pytest.raises(CorruptData, match=r"jobs.txt.*soon.*line 3"):
        read(HEADER, ROW, ROW.replace("01:23:45", "soon"))
