import os
import signal
import threading

import pytest

from beforehand.cli.interrupts import Interrupted, Interrupts


def test_ctrl_c_is_noted_and_ends_waiting():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        interrupts.wait(seconds=0)
        assert not interrupts.asked
        threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        with pytest.raises(Interrupted):
            interrupts.wait(seconds=60)
        assert interrupts.asked
        with pytest.raises(Interrupted):
            interrupts.wait()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_ends_the_program():
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        assert interrupts.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_waiting_ends_when_there_is_something_to_read():
    reading, writing = os.pipe()
    with Interrupts() as interrupts:
        threading.Timer(0.05, lambda: os.write(writing, b"x")).start()
        interrupts.wait(reading)
    assert os.read(reading, 9) == b"x"
    os.close(reading)
    os.close(writing)
