"""The brain's worker is away for an hour's worth of traffic, comes back, and is held to account.

An hour of a busy organisation, in as little time as the machine needs: turns of several people
through the web process, and memories of another process of the product. Every record is compared
with what its author was told.
"""

import json
import os
import random
import subprocess
import sys
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from tests.support.chaos import Installation, ensure_running
from tests.support.simulator import SimulatedProvider
from tests.support.web import ROOT, Client

pytestmark = pytest.mark.slow

# A turn every 12 seconds, a memory every three.
TURNS, MEMORIES, PEOPLE, SEED = 300, 1_200, 5, 1_861
DRAIN_S = 240
STORY = "That is noted. " + "The valve of segment nine closes slowly, so the pressure rises. " * 30


@dataclass(frozen=True)
class Told:
    """A turn as its author knows it."""

    conversation: str
    text: str
    answer: dict[str, Any]


def test_an_hour_without_the_worker_is_remembered_record_by_record(
    place: Installation, model: SimulatedProvider
) -> None:
    model.script({"when": "^long", "reply": STORY}, {"when": ".", "reply": "That is noted."})
    with ThreadPoolExecutor(PEOPLE + 1) as pool:
        noting = pool.submit(_note, place)
        talking = [pool.submit(_talk, place, number) for number in range(PEOPLE)]
        told = [turn for one in talking for turn in one.result()]
        noted = noting.result()

    # The worker was away: everything that was acknowledged is kept, nothing is enriched, and both
    # are counted.
    assert len(told) == TURNS
    waiting = "select count(*) from kernel_outboxevent where type = 'chat.turn_finished'"
    assert place.number(waiting) == TURNS
    assert place.number("select count(*) from memory_memory where state = 'stored'") == len(noted)

    # Back, and killed twice while it catches up.
    place.start_background()
    dice = random.Random(SEED)
    for _ in range(2):
        goal = _done(place) + dice.randint(100, 500)
        place.eventually(lambda goal=goal: _done(place) >= goal, "it does not catch up", DRAIN_S)
        place.worker.kill()
        ensure_running(place.worker)
    place.eventually(lambda: not _left(place), "the hour was never caught up with", DRAIN_S)

    _compare_notes(place, noted)
    memories = _compare_turns(place, told)
    total = place.number("select count(*) from memory_memory")
    assert total == memories + len(noted)
    assert place.number("select count(*) from memory_memory where embedding is null") == 0
    print(f"\n{TURNS} turns and {len(noted)} notes: {total} memories, 0 lost, 0 doubled, in order")

    # What a person gets: ann's first words are found by the number that she asks for.
    first = told[TURNS // PEOPLE].text
    number = first.rpartition("(")[2].rstrip(")")
    found = Client(place.web, "ann").get("/memory/search", q=f"What was it about {number}?")
    assert any(number in one["text"] for one in found.json()["items"])


def _talk(place: Installation, number: int) -> list[Told]:
    """One person's turns, in two conversations."""
    dice, client = random.Random(SEED + number), Client(place.web, "ann" if number % 2 else "bob")
    rooms = [client.conversation(f"Person {number}, room {room}") for room in range(2)]
    told = []
    for turn in range(TURNS // PEOPLE):
        kind = "long" if dice.random() < 0.2 else "brief"
        detail = "with every detail of the pump and its valves, " * dice.choice((0, 0, 0, 60))
        text = f"{kind} fact {number}.{turn} {detail}({uuid.uuid4()})"
        room = dice.choice(rooms)
        told.append(Told(room, text, client.say(room, text)))
    return told


def _note(place: Installation) -> list[dict[str, Any]]:
    """Memories of another process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.memory_traffic"],
        cwd=ROOT,
        env={**os.environ, "SA01_VAR_DIR": str(place.var_dir), "SA01_LOG_LEVEL": "error"},
        input=json.dumps({"count": MEMORIES, "people": PEOPLE, "seed": SEED}) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return list(json.loads(done.stdout))


def _compare_notes(place: Installation, noted: list[dict[str, Any]]) -> None:
    """Each note is the row that was acknowledged, and there is no other."""
    rows = place.rows(
        "select id::text, idempotency_key, text, said_at, tenant_id::text, user_id::text, "
        "agent_id::text from memory_memory where turn_id is null order by id"
    )
    names = ("memory_id", "key", "text", "said_at", "tenant_id", "user_id", "agent_id")
    expected = sorted(
        tuple(
            datetime.fromisoformat(one[name]) if name == "said_at" else one[name] for name in names
        )
        for one in noted
    )
    assert rows == expected


def _compare_turns(place: Installation, told: list[Told]) -> int:
    """Each message's passages, joined, are the message, under the right names; how many there are.

    In order: of two messages of a conversation the earlier one was remembered first.
    """
    passages: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    rows = place.rows(
        "select message_id::text, span_start, text, speaker, said_at, conversation_id::text, "
        "turn_id::text, id, user_id, agent_id from memory_memory "
        "where turn_id is not null order by message_id, span_start"
    )
    for message_id, *rest in rows:
        passages[message_id].append(tuple(rest))
    messages = place.rows(
        "select m.id::text, m.role, m.text, m.created_at, m.conversation_id::text, "
        "m.turn_id::text, c.user_id, c.agent_id from chat_message m "
        "join chat_conversation c on c.id = m.conversation_id order by m.conversation_id, m.seq"
    )
    assert sorted(text for _, role, text, *_ in messages if role == "user") == sorted(
        one.text for one in told
    )
    # An answer that quoted memories, since no model answered in time, adds nothing to them.
    quoted = {
        row[0]
        for row in place.rows(
            "select id::text from chat_turn where degraded ?| array['no-model', 'models-down']"
        )
    }
    answers = {one.answer["message"]["id"]: one.answer["message"]["text"] for one in told}
    last: dict[str, Any] = {}
    for message_id, role, text, at, conversation, turn, user, agent in messages:
        if role == "assistant" and turn in quoted:
            assert message_id not in passages
            continue
        assert message_id in passages, (role, text)
        pieces = passages.pop(message_id)
        assert "".join(piece[1] for piece in pieces) == text
        assert answers.get(message_id, text) == text
        start = 0
        for span, piece, speaker, said_at, of, by, memory_id, whose, whom in pieces:
            assert span == start
            start += len(piece)
            assert (speaker, said_at, of, by) == (role, at, conversation, turn)
            assert (whose, whom) == (user, agent)
            assert memory_id > last.get(conversation, uuid.UUID(int=0))
            last[conversation] = memory_id
    assert not passages, "memories of messages that nobody sent"
    return len(rows)


def _done(place: Installation) -> int:
    return place.number("select count(*) from memory_memory where state <> 'stored'")


def _left(place: Installation) -> int:
    return place.number(
        "select (select count(*) from kernel_outboxevent) + "
        "(select count(*) from memory_memory where state = 'stored')"
    )
