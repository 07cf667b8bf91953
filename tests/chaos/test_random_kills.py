"""Web and worker killed again and again, at random moments, under people who write down all."""

import random
import threading
import traceback
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.chaos.journals import Tab
from tests.support.chaos import Installation
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client

pytestmark = pytest.mark.slow

SEED, PEOPLE = 1_789, 5
KILLS = ("web",) * 8 + ("worker",) * 7
STORY = "".join(f"word{number} " for number in range(60)).strip()
GAP_MS = 20


@dataclass
class Journal:
    """What one person did and was told, in order."""

    conversation: str = ""
    # (client key, text, turn) of every message that was accepted; text None: a continuation.
    turns: list[tuple[str, str | None, str]] = field(default_factory=list)
    tab: Tab | None = None
    trouble: str = ""

    @property
    def frames(self) -> int:
        """How much was seen so far."""
        return len(self.tab.seen) if self.tab is not None else 0


class Person(threading.Thread):
    """Talks until told to stop; goes on with what was interrupted, or leaves it."""

    def __init__(self, place: Installation, name: str, number: int, stop: threading.Event) -> None:
        super().__init__(name=f"{name}-{number}", daemon=True)
        self.journal = Journal()
        self._client = Client(place.web, name)
        self._stop_talking = stop
        self._dice = random.Random(SEED + number)
        self.journal.conversation = self._client.conversation(self.name)

    def run(self) -> None:
        try:
            with Tab(self._client, self.journal.conversation) as tab:
                self.journal.tab = tab
                while not self._stop_talking.is_set():
                    self._talk(tab)
        except BaseException:
            self.journal.trouble = traceback.format_exc()

    def _talk(self, tab: Tab) -> None:
        key, journal = str(uuid.uuid4()), self.journal
        text = f"{self.name} says number {len(journal.turns)}: {key}"
        turn = tab.say(journal.conversation, text, key)["turn"]
        journal.turns.append((key, text, turn))
        answer = tab.finish(turn, 90)
        if answer.state == "interrupted" and answer.text and self._dice.random() < 0.5:
            key = str(uuid.uuid4())
            turn = self._continued(turn, key)
            journal.turns.append((key, None, turn))
            tab.finish(turn, 90)

    def _continued(self, turn: str, key: str) -> str:
        """Ask until it is answered, with the same key."""
        while True:
            try:
                answer = self._client.post(f"/chat/turns/{turn}/continue", {"client_key": key})
            except httpx.HTTPError:
                continue
            if answer.status_code == 202:
                return str(answer.json()["turn_id"])


def test_nothing_that_was_acknowledged_is_lost_or_doubled_by_random_kills(
    place: Installation, model: SimulatedProvider
) -> None:
    model.script({"when": ".", "reply": STORY, "gap_ms": GAP_MS})
    place.start_background()
    dice, stop = random.Random(SEED), threading.Event()
    names = ("ann", "bob", "sysadmin", "admin", "stranger")
    people = [Person(place, names[number], number, stop) for number in range(PEOPLE)]
    for person in people:
        person.start()

    for victim in dice.sample(KILLS, len(KILLS)):
        # A random amount of progress, not a time: a slow machine is killed at the same places.
        goal = _frames(people) + dice.randint(1, 500)
        place.eventually(
            lambda goal=goal: _frames(people) >= goal or _trouble(people), "nobody gets on", 90
        )
        process = place.web if victim == "web" else place.worker
        process.kill()
        process.start()
    stop.set()
    for person in people:
        person.join(180)
    assert not _trouble(people), _trouble(people)
    assert not any(person.is_alive() for person in people)

    place.eventually(
        lambda: place.number("select count(*) from kernel_outboxevent") == 0,
        "the outbox never drained",
        90,
    )
    counts = [_checked(place, person.journal) for person in people]
    turns, interrupted, messages = (sum(column) for column in zip(*counts, strict=True))
    assert place.number("select count(*) from chat_turn") == turns
    assert place.number("select count(*) from chat_message") == messages
    assert place.number("select count(*) from chat_turn where state = 'open'") == 0
    print(
        f"\n{KILLS.count('web')} kills of web, {KILLS.count('worker')} of worker, {PEOPLE} people: "
        f"{turns} turns ({interrupted} interrupted), {messages} messages, "
        f"{place.number('select count(*) from memory_memory')} memories; "
        "0 lost, 0 doubled, order kept, every turn over"
    )
    assert 0 < interrupted < turns


def _checked(place: Installation, journal: Journal) -> tuple[int, int, int]:
    """Hold one person's journal against the rows; (turns, interrupted turns, messages)."""
    tab = journal.tab
    assert tab is not None
    assert tab.wrong == []
    rows = place.rows(
        "select m.role, m.text, m.turn_id::text, t.client_key, t.state, m.id "
        "from chat_message m join chat_turn t on t.id = m.turn_id "
        "where m.conversation_id = %s order by m.seq",
        journal.conversation,
    )
    # Exactly what was accepted, in the order in which it was said, each with its one answer.
    expected: list[tuple[str, str, str]] = []
    for key, text, turn in journal.turns:
        if text is not None:
            expected.append(("user", turn, key))
        expected.append(("assistant", turn, key))
    assert [(role, turn, key) for role, _, turn, key, _, _ in rows] == expected
    said = [text for role, text, *_ in rows if role == "user"]
    assert said == [text for _, text, _ in journal.turns if text is not None]
    for role, text, turn, _, state, message_id in rows:
        kept = text
        if role == "assistant":
            seen = tab.answers[turn]
            assert state in ("done", "interrupted")
            assert (seen.state, seen.text) == (state, kept), turn
            if state == "done":
                assert kept == STORY
            assert STORY.startswith(kept)
        # Remembered once: what a person said always, an answer when it was finished.
        memories = place.number(
            "select count(*) from memory_memory where message_id = %s", message_id
        )
        assert memories == (1 if role == "user" or state == "done" else 0), (role, state)
    interrupted = sum(1 for one in rows if one[0] == "assistant" and one[4] == "interrupted")
    return len(journal.turns), interrupted, len(rows)


def _frames(people: list[Person]) -> int:
    return sum(person.journal.frames for person in people)


def _trouble(people: list[Person]) -> list[Any]:
    return [person.journal.trouble for person in people if person.journal.trouble]
