"""Programs killed at random moments under people who write down all that they are told.

For the chaos suite (a few kills) and `./soma bench chaos` (as many as one has time for). What was
accepted must be there at the end, once, in order, with its one answer, remembered once; and every
turn that ran when something was killed must be over soon after that runs again.
"""

import random
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.journals import Tab
from tests.support.chaos import Installation
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client

STORY = "".join(f"word{number} " for number in range(60)).strip()
GAP_MS = 20
PEOPLE = ("ann", "bob", "sysadmin", "admin", "stranger")
# Frames that people see between two kills, at most: progress, not time, so that a slow machine is
# killed at the same places.
MOST_FRAMES = 500
PATIENCE_S = 120.0


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

    def __init__(self, place: Installation, name: str, seed: int, stop: threading.Event) -> None:
        super().__init__(name=f"{name}-{seed}", daemon=True)
        self.journal = Journal()
        self._client = Client(place.web, name)
        self._stop_talking = stop
        self._dice = random.Random(seed)
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
        turn = tab.say(journal.conversation, text, key, PATIENCE_S)["turn"]
        journal.turns.append((key, text, turn))
        answer = tab.finish(turn, PATIENCE_S)
        if answer.state == "interrupted" and answer.text and self._dice.random() < 0.5:
            key = str(uuid.uuid4())
            turn = self._continued(turn, key)
            journal.turns.append((key, None, turn))
            tab.finish(turn, PATIENCE_S)

    def _continued(self, turn: str, key: str) -> str:
        """Ask until it is answered, with the same key."""
        while True:
            try:
                answer = self._client.post(f"/chat/turns/{turn}/continue", {"client_key": key})
            except httpx.HTTPError:
                continue
            if answer.status_code == 202:
                return str(answer.json()["turn_id"])


@dataclass
class Found:
    """What the kills did. `over_after_s`: of turns that ran, from the return until they were over.

    `lost`, `doubled`, `wrong`: one line each; `troubles`: people who could not go on.
    """

    kills: dict[str, int]
    turns: int = 0
    interrupted: int = 0
    messages: int = 0
    memories: int = 0
    still_open: int = 0
    over_after_s: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def sweep(
    place: Installation,
    model: SimulatedProvider,
    victims: Sequence[str],
    seed: int,
    *,
    is_timed: bool = False,
    goes_on: Callable[[int], bool] = lambda _: True,
) -> Found:
    """Kill `victims` (web, worker, valkey, postgres) one after the other, and judge what is left.

    `is_timed`: after each kill, wait until the turns that ran are over, and note how long it took.
    `goes_on` is told of each kill, and says whether there is another.
    """
    model.script({"when": ".", "reply": STORY, "gap_ms": GAP_MS})
    place.start_background()
    dice, stop = random.Random(seed), threading.Event()
    people = [Person(place, name, seed + place_, stop) for place_, name in enumerate(PEOPLE)]
    found = Found(dict.fromkeys(victims, 0))
    for person in people:
        person.start()
    for number, victim in enumerate(victims, 1):
        goal = _frames(people) + dice.randint(1, MOST_FRAMES)
        place.eventually(
            lambda goal=goal: _frames(people) >= goal or _troubles(people), "nobody gets on", 120
        )
        if _troubles(people):
            break
        ran = _open_turns(place)
        program = getattr(place, victim)
        program.kill()
        program.start()
        if is_timed:
            found.over_after_s.append(_seconds_until_over(place, ran))
        found.kills[victim] += 1
        if not goes_on(number):
            break
    stop.set()
    for person in people:
        person.join(180)
    found.troubles = _troubles(people) + [
        f"{person.name} never finished" for person in people if person.is_alive()
    ]
    if not found.troubles:
        _judge(place, people, found)
    return found


def _judge(place: Installation, people: Sequence[Person], found: Found) -> None:
    place.eventually(
        lambda: place.number("select count(*) from kernel_outboxevent") == 0,
        "the outbox never drained",
        120,
    )
    place.eventually(
        lambda: (
            place.number(
                "select count(*) from kernel_busrecord r join kernel_busposition p "
                "on p.topic = r.topic and p.partition = r.partition and p.reader_group = 'soma' "
                "where r.id > p.position"
            )
            == 0
        ),
        "the bus was never read to its end",
        120,
    )
    for person in people:
        _judge_person(place, person.journal, found)
    found.memories = place.number("select count(*) from memory_memory")
    found.still_open = place.number("select count(*) from chat_turn where state = 'open'")
    for table, count in (("chat_turn", found.turns), ("chat_message", found.messages)):
        extra = place.number(f"select count(*) from {table}") - count
        if extra:
            (found.doubled if extra > 0 else found.lost).append(f"{extra:+} rows of {table}")


def _judge_person(place: Installation, journal: Journal, found: Found) -> None:
    """Hold one person's journal against the rows."""
    tab = journal.tab
    assert tab is not None
    found.wrong += tab.wrong
    rows = place.rows(
        "select m.role, m.text, m.turn_id::text, t.client_key, t.state, "
        "coalesce(k.memories, 0) from chat_message m join chat_turn t on t.id = m.turn_id "
        # One pass: memories have no index by message.
        "left join (select message_id, count(*) as memories from memory_memory group by 1) k "
        "on k.message_id = m.id where m.conversation_id = %s order by m.seq",
        journal.conversation,
    )
    expected: list[tuple[str, str, str]] = []
    for key, text, turn in journal.turns:
        if text is not None:
            expected.append(("user", turn, key))
        expected.append(("assistant", turn, key))
    kept = [(role, turn, key) for role, _, turn, key, _, _ in rows]
    found.lost += [f"message {one}" for one in (Counter(expected) - Counter(kept)).elements()]
    found.doubled += [f"message {one}" for one in (Counter(kept) - Counter(expected)).elements()]
    if sorted(kept) == sorted(expected) and kept != expected:
        found.wrong.append(f"order in {journal.conversation}")
    said = [text for role, text, *_ in rows if role == "user"]
    if said != [text for _, text, _ in journal.turns if text is not None]:
        found.wrong.append(f"words of {journal.conversation}")
    for role, text, turn, _, state, memories in rows:
        if role == "assistant":
            found.wrong += _wrong_in_answer(tab, turn, state, text)
            found.interrupted += state == "interrupted"
        # Remembered once: what a person said always, an answer when it was finished.
        wanted = 1 if role == "user" or state == "done" else 0
        if memories < wanted:
            found.lost.append(f"memory of {role} in {turn}")
        elif memories > wanted:
            found.doubled.append(f"memory of {role} in {turn}")
    found.turns += len(journal.turns)
    found.messages += len(expected)


def _wrong_in_answer(tab: Tab, turn: str, state: str, text: str) -> list[str]:
    seen = tab.answers.get(turn)
    if seen is None or (seen.state, seen.text) != (state, text):
        return [f"answer of {turn}: seen and kept differ"]
    is_whole = state == "done" and text == STORY
    is_part = state == "interrupted" and STORY.startswith(text)
    return [] if is_whole or is_part else [f"answer of {turn}: {state}, {len(text)} characters"]


def _open_turns(place: Installation) -> list[str]:
    return [one for (one,) in place.rows("select id::text from chat_turn where state = 'open'")]


def _seconds_until_over(place: Installation, turns: list[str]) -> float:
    began = time.monotonic()
    place.eventually(
        lambda: (
            place.number(
                "select count(*) from chat_turn where state = 'open' and id = any(%s::uuid[])",
                turns,
            )
            == 0
        ),
        "turns are never over",
        PATIENCE_S,
    )
    return time.monotonic() - began


def _frames(people: Sequence[Person]) -> int:
    return sum(person.journal.frames for person in people)


def _troubles(people: Sequence[Person]) -> list[Any]:
    return [person.journal.trouble for person in people if person.journal.trouble]
