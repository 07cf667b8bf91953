"""A wake-up asked for is always given, and many at once are few messages."""

import threading

import pytest

from somaagent.waking import Waker


@pytest.mark.parametrize("calls", [1, 1_000])
def test_calls_during_a_wake_up_are_followed_by_one_more(calls: int) -> None:
    inside, go_on, again = threading.Event(), threading.Event(), threading.Event()
    woken: list[int] = []

    def wake() -> None:
        woken.append(1)
        if len(woken) == 1:
            inside.set()
            go_on.wait(5)
        else:
            again.set()

    waker = Waker("test-waker", wake)
    waker()
    assert inside.wait(5)
    # A commit while the first message is on its way: that message may have been too early for it.
    for _ in range(calls):
        waker()
    go_on.set()
    assert again.wait(5)
    assert len(woken) == 2
