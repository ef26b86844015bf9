import dataclasses

from beforehand.core.report import Outcome
from beforehand.gradients import THC, Cast, Link, TopK, wording
from beforehand.gradients.candidates import Candidate

PARTS = {"up": 1.5e6, "down": 5e5, "encode": 0.001, "accumulate": 0.002, "exchange": 0.5, "decode": 0.003}


def candidate(codec, transport, name):
    step, error = Outcome(name, 0.25, 0.2, 0.3), Outcome(name, 0.0123, 0.01, 0.02)
    return Candidate(codec=codec, transport=transport, step=step, vnmse=error, closed_form=None, **PARTS)


PLAIN, CODED = candidate(Cast("float32"), "allreduce", "float32"), candidate(TopK(), "gather", "TopK by gather")


def test_figures_have_units_and_intervals():
    assert wording.seconds(Outcome("x", 0.25, 0.2, 0.3)) == "0.25 s (0.2 to 0.3)"
    assert wording.times(Outcome("x", 0.5, 0.25, 1.0)) == "1.50 times (1.25 to 2.00)"
    assert wording.megabytes(2.5e6) == "2.5 MB"
    assert wording.link_words(Link(1e-4, 6.25e6)) == "50 Mbit/s with a latency of 0.1 ms"
    assert wording.link_words(Link(1e-5, 1.25e9)).startswith("10,000 Mbit/s")


def test_the_gain_is_that_over_the_better_of_both_casts():
    gain = Outcome("THC", 0.5, 0.25, 1.0)
    assert wording.worth(gain, "float16", margin=0.1, target=None) == (
        "THC is 1.50 times (1.25 to 2.00) as fast as float16, the better of float32 and 16 bits; 1.1 times is the "
        "least that is worth having."
    )
    assert "as fast to a loss of 2.5 as float16" in wording.worth(gain, "float16", margin=0.1, target=2.5)
    none = Outcome("float16", 0.0, 0.0, 0.0)
    assert wording.worth(none, "float16", margin=0.1, target=None).startswith("No codec that compresses is left")
    assert "known to reach the target" in wording.worth(none, "float16", margin=0.1, target=2.5)


def test_a_table_has_a_head_and_aligned_lines_and_marks_feedback():
    head, plain, coded = wording.table([PLAIN, CODED], piloted=False)
    assert head.split() == ["step", "bytes", "vNMSE", "codec", "exchange"]
    assert plain.split() == ["float32", "0.25", "2", "MB", "0.012", "0.006", "0.5"]
    assert "0.012*" in coded
    assert len(head) == len(plain) == len(coded)


def test_with_pilots_a_line_says_what_became_of_it():
    ran = dataclasses.replace(candidate(THC(), "two_shot", "THC by two_shot"), piloted=True, steps=40.0, loss=2.0)
    missed = dataclasses.replace(CODED, piloted=True)
    _, *lines = wording.table([PLAIN, ran, missed], piloted=True)
    assert [line.partition("0.5  ")[2] for line in lines] == [
        "none: it cannot win", "10 s to the target in 40 steps", "target not reached",
    ]  # fmt: skip
