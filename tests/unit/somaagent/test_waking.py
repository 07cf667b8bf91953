"""A wake-up asked for is always given, and many at once are few messages."""

import threading

from somaagent.waking import Waker


def test_a_call_during_a_wake_up_is_followed_by_another() -> None:
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
    waker()
    go_on.set()
    assert again.wait(5)


def test_many_calls_at_once_are_one_more_wake_up() -> None:
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
    for _ in range(1_000):
        waker()
    go_on.set()
    assert again.wait(5)
    assert len(woken) == 2
