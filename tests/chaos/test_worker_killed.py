"""kill -9 of the worker while it remembers what was said."""

import random
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.chaos import Installation, ensure_running
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client

pytestmark = pytest.mark.slow

TURNS, PEOPLE = 50, 5
# A crash point made of the database itself: the worker stands still where a statement begins.
STAND_STILL = """
create function chaos_stand_still() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(4711);
  return coalesce(new, old);
end $$;
create trigger chaos before {moment} execute function chaos_stand_still();
"""
GO_ON = "drop function if exists chaos_stand_still() cascade"
WAITING = (
    "select count(*) from pg_locks where locktype = 'advisory' and objid = 4711 and not granted"
)


def test_every_turn_is_remembered_once_however_often_the_worker_dies(
    place: Installation, model: SimulatedProvider
) -> None:
    model.script({"when": ".", "reply": "That is noted.", "gap_ms": 5})
    dice = random.Random(20_240_229)
    place.start_background()
    said: list[tuple[str, int]] = []

    def talk(person: int) -> None:
        client = Client(place.web, "ann")
        conversation = client.conversation(f"Person {person}")
        for number in range(TURNS // PEOPLE):
            text = f"Fact {person}.{number}: {uuid.uuid4()}"
            client.say(conversation, text)
            said.append((text, person))

    kills = 0
    with ThreadPoolExecutor(PEOPLE) as people:
        talking = [people.submit(talk, person) for person in range(PEOPLE)]
        # At moments that depend on how far remembering has come, not on the clock.
        while not all(one.done() for one in talking) or kills < 6:
            goal = min(2 * TURNS, _remembered(place) + dice.randint(1, 12))
            place.eventually(
                lambda goal=goal: (
                    _remembered(place) >= goal
                    or (all(one.done() for one in talking) and not _waiting(place))
                ),
                "remembering stands still",
            )
            place.worker.kill()
            kills += 1
            place.worker.start()
        for one in talking:
            one.result()

    place.eventually(lambda: not _waiting(place), "the outbox never drained")
    assert len(said) == TURNS
    # Both sides of every exchange, each once; both sides of nothing else.
    once = place.rows(
        "select m.role, count(distinct m.id), count(r.id) from chat_message m "
        "left join memory_memory r on r.message_id = m.id group by m.role order by m.role"
    )
    assert once == [("assistant", TURNS, TURNS), ("user", TURNS, TURNS)]
    texts = {row[0] for row in place.rows("select text from memory_memory where speaker = 'user'")}
    assert texts == {text for text, _ in said}
    assert _dead(place) == 0
    print(f"worker killed {kills} times: {TURNS} turns, {2 * TURNS} memories, 0 lost, 0 doubled")


@pytest.mark.parametrize(
    ("moment", "kept"),
    [
        # Between publishing and forgetting that it is to be published.
        ("delete on kernel_outboxevent for each statement", 0),
        # Between remember and acknowledge: the memories are committed, the event counts as unread.
        ("update on kernel_busposition for each row when (new.topic = 'chat')", 2),
        # Inside remember: nothing of it is there.
        ("insert on memory_memory for each statement", 0),
    ],
)
def test_a_worker_killed_between_remembering_and_acknowledging_repeats_nothing(
    place: Installation, model: SimulatedProvider, ann: Client, moment: str, kept: int
) -> None:
    model.script({"when": ".", "reply": "That is noted."})
    with place.connected() as holder:
        holder.execute("select pg_advisory_lock(4711)")
        place.execute(STAND_STILL.format(moment=moment))
        try:
            place.start_background()
            ann.say(ann.conversation(), "My cat is called Minka.")
            place.eventually(lambda: place.number(WAITING), "the worker never came to the point")
            assert _remembered(place) == kept
        finally:
            place.stop_background()
            holder.execute("select pg_advisory_unlock(4711)")
            place.execute(GO_ON)
    assert _waiting(place) == 1
    ensure_running(place.worker)
    ensure_running(place.beat)
    place.eventually(lambda: not _waiting(place), "the outbox never drained")
    assert place.rows("select speaker, text from memory_memory order by speaker") == [
        ("assistant", "That is noted."),
        ("user", "My cat is called Minka."),
    ]
    # What the person sees.
    found = ann.get("/memory/search", q="What is my cat called?").json()["items"]
    assert [one["text"] for one in found].count("My cat is called Minka.") == 1


def test_without_a_worker_chat_goes_on_and_everything_is_remembered_afterwards(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    model.script({"when": ".", "reply": "That is noted."})
    conversation = ann.conversation()
    for number in range(5):
        assert ann.say(conversation, f"Fact {number}")["turn"]["state"] == "done"
    assert (_remembered(place), _waiting(place)) == (0, 5)
    place.start_background()
    place.eventually(lambda: _remembered(place) == 10, "not everything was remembered")
    place.eventually(lambda: not _waiting(place), "the outbox never drained")


def _remembered(place: Installation) -> int:
    return place.number("select count(*) from memory_memory")


def _waiting(place: Installation) -> int:
    """Finished turns in the outbox, and those on the backbone that nobody has read."""
    return place.number(
        "select (select count(*) from kernel_outboxevent where type = 'chat.turn_finished') "
        "+ count(r.id) from kernel_busrecord r "
        "left join kernel_busposition p "
        "on p.topic = r.topic and p.partition = r.partition and p.reader_group = 'soma' "
        "where r.topic = 'chat' and r.id > coalesce(p.position, 0)"
    )


def _dead(place: Installation) -> int:
    return place.number("select count(*) from kernel_outboxevent where dead_at is not null")
