"""The same message delivered twice at the same moment."""

import threading
import uuid
from collections.abc import Iterator

import pytest

from tests.chaos.journals import Tab
from tests.support.chaos import Installation
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web

pytestmark = pytest.mark.slow

ROUNDS, SENDERS = 8, 6


@pytest.fixture
def second(place: Installation) -> Iterator[Web]:
    """Another web process of the same installation."""
    other = place.another_web().start()
    try:
        yield other
    finally:
        other.stop()


def test_the_same_message_from_many_sockets_and_processes_at_once_is_one_turn(
    place: Installation, model: SimulatedProvider, second: Web
) -> None:
    model.script({"when": ".", "reply": "Once.", "gap_ms": 5})
    clients = [Client((place.web, second)[number % 2], "ann") for number in range(SENDERS)]
    conversation = clients[0].conversation()
    start = threading.Barrier(SENDERS)
    tabs = [Tab(client).__enter__() for client in clients]
    turns: dict[str, set[str]] = {}
    created: dict[str, int] = {}
    texts: dict[str, set[str]] = {}
    guard = threading.Lock()

    def send(tab: Tab, keys: list[str]) -> None:
        for key in keys:
            start.wait(60)
            accepted = tab.say(conversation, f"message {key}", key)
            answer = tab.finish(accepted["turn"])
            with guard:
                turns.setdefault(key, set()).add(accepted["turn"])
                texts.setdefault(key, set()).add(answer.text)
                created[key] = created.get(key, 0) + accepted["created"]

    keys = [str(uuid.uuid4()) for _ in range(ROUNDS)]
    threads = [threading.Thread(target=send, args=(tab, keys)) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for tab in tabs:
        assert tab.wrong == []
        assert tab.problems == []
        tab.close()
    for key in keys:
        assert len(turns[key]) == 1
        assert texts[key] == {"Once."}
        assert created[key] == 1
    assert place.number("select count(*) from chat_turn") == ROUNDS
    said = [one["text"] for one in clients[1].messages(conversation)]
    assert said == [text for key in keys for text in (f"message {key}", "Once.")]


def test_two_different_messages_at_once_are_both_kept_one_after_the_other(
    place: Installation, model: SimulatedProvider, second: Web
) -> None:
    model.script({"when": ".", "reply": "Heard.", "gap_ms": 5})
    clients = [Client((place.web, second)[number % 2], "ann") for number in range(2)]
    conversation = clients[0].conversation()
    start = threading.Barrier(2)

    def talk(client: Client, name: str) -> None:
        with Tab(client, conversation) as tab:
            for number in range(5):
                start.wait(60)
                tab.finish(tab.say(conversation, f"{name} {number}")["turn"])

    threads = [
        threading.Thread(target=talk, args=(client, name))
        for client, name in zip(clients, ("left", "right"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    said = [one["text"] for one in clients[0].messages(conversation)]
    assert said[1::2] == ["Heard."] * 10
    for name in ("left", "right"):
        own = [text for text in said[::2] if text.startswith(name)]
        assert own == [f"{name} {number}" for number in range(5)]
