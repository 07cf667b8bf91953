"""What chat tells memory through the outbox: judged answers, and the command that catches up."""

from datetime import UTC, datetime
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from chat.facade import TurnFinished, create_agent
from chat.models import Branch, Message, Turn
from chat.verbs import create_conversation, give_feedback
from kernel import letters, outbox
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from kernel.models import InboxRecord, OutboxEvent
from memory.brain_http import HttpBrain
from memory.models_given import MemoryGiven
from memory.ports import BRAIN, Matching, MemoryScope, RecallQuery
from memory.verbs import recent_memory
from tests.support import brain_original
from tests.support.brain_original import TOKEN, serving
from tests.support.cast import Cast
from tests.support.signed_in import signed_in
from tests.support.web import free_port

# A worker of another suite would deliver what these tests look at.
pytestmark = pytest.mark.usefixtures("nobody_is_woken", "quiet_brain")

PROCEDURAL = Matching(kind="procedural")
MORNING = datetime(2026, 3, 3, 9, tzinfo=UTC)


class Said:
    """A conversation of Ann with one finished turn in it."""

    def __init__(self, cast: Cast, question: str, answer: str) -> None:
        self.agent_id = create_agent(cast.admin, f"Agent of {question}", "", None).id
        self.conversation_id = create_conversation(cast.ann, self.agent_id, None, None).id
        with unit_of_work(cast.acme):
            branch = Branch.objects.create(conversation_id=self.conversation_id, lineage=[])
            self.question, self.answer = (
                Message.objects.create(
                    conversation_id=self.conversation_id,
                    branch_id=branch.id,
                    seq=seq,
                    role=role,
                    parts=[{"kind": "text", "text": text}],
                    text=text,
                    char_count=len(text),
                )
                for seq, role, text in ((1, "user", question), (2, "assistant", answer))
            )
            turn = Turn.objects.create(
                conversation_id=self.conversation_id,
                branch_id=branch.id,
                user_id=cast.ann.user_id,
                client_key="k",
                state="done",
                user_message_id=self.question.id,
                message_id=self.answer.id,
                message_seq=2,
                lease_until=MORNING,
            )
            Message.objects.filter(id=self.answer.id).update(turn_id=turn.id)
        self.turn_id: UUID = turn.id

    def finish(self, cast: Cast) -> None:
        with unit_of_work(cast.acme):
            event = TurnFinished(
                *(self.turn_id, self.conversation_id, self.agent_id, cast.ann.user_id),
                *("done", self.question.id, self.answer.id),
            )
            outbox.emit(event, key=str(self.conversation_id))


def caught_up(*arguments: str) -> str:
    output = StringIO()
    call_command("sync_memories", *arguments, stdout=output)
    return output.getvalue()


def test_a_judged_answer_moves_the_agent_s_weights_once_a_signal(cast: Cast) -> None:
    said = Said(cast, "What is my cat called?", "Miso.")
    scope = MemoryScope(cast.acme_id, cast.ann.user_id, said.agent_id)
    rest = BRAIN.get().state(scope)
    give_feedback(cast.ann, said.answer.id, "positive", "")
    outbox.drain()
    praised = BRAIN.get().state(scope, history=5)
    assert praised.feedback_count == 1
    assert praised.weights != rest.weights
    assert [one.cause for one in praised.history] == ["feedback"]
    # The same again is no further praise; taken back and turned round, it counts against.
    give_feedback(cast.ann, said.answer.id, "positive", "")
    give_feedback(cast.ann, said.answer.id, "neutral", "")
    outbox.drain()
    assert BRAIN.get().state(scope).feedback_count == 1
    give_feedback(cast.ann, said.answer.id, "negative", "")
    outbox.drain()
    assert BRAIN.get().state(scope).feedback_count == 2
    assert outbox.measure()["pending"] == 0


def test_an_answer_that_helped_leaves_a_hint_until_the_judgement_is_taken_back(cast: Cast) -> None:
    said = Said(cast, "How do I reset the boiler?", "Hold the green button for ten seconds.")
    scope = MemoryScope(cast.acme_id, cast.ann.user_id, said.agent_id)

    def hints() -> list[str]:
        return [one.text for one in BRAIN.get().recent(scope, limit=5, where=PROCEDURAL)]

    for _ in range(2):
        give_feedback(cast.ann, said.answer.id, "positive", "")
        outbox.drain()
    assert hints() == [
        "This helped when asked “How do I reset the boiler?”: "
        "Hold the green button for ten seconds."
    ]
    BRAIN.get().settle()
    found = BRAIN.get().recall(scope, RecallQuery("The boiler has to be reset", timeout_s=5.0))
    assert [one.text for one in found] == hints()
    for signal in ("negative", "neutral"):
        give_feedback(cast.ann, said.answer.id, "positive", "")
        outbox.drain()
        assert len(hints()) == 1
        give_feedback(cast.ann, said.answer.id, signal, "")
        outbox.drain()
        assert hints() == []


def test_a_brain_that_cannot_learn_leaves_no_dead_letters(cast: Cast) -> None:
    said = Said(cast, "What is my cat called?", "Miso.")
    with serving(brain_original.Brain()) as double:
        BRAIN.bind(HttpBrain(double.url, TOKEN))
        give_feedback(cast.ann, said.answer.id, "positive", "")
        outbox.drain()
    assert outbox.measure() == {"pending": 0, "dead": 0, "lag_s": 0.0}


def test_catching_up_delivers_what_gave_up_once_it_can(cast: Cast) -> None:
    one, other = Said(cast, "My cat is Miso.", "Nice."), Said(cast, "I like tea.", "Good.")
    embedded = BRAIN.get()
    BRAIN.bind(HttpBrain(f"http://127.0.0.1:{free_port()}", TOKEN))
    one.finish(cast)
    outbox.drain()
    with platform_unit("as if it had failed for another reason, often"):
        OutboxEvent.objects.update(dead_at=MORNING, last_error="Boom")
    other.finish(cast)
    outbox.drain()
    BRAIN.bind(embedded)
    told = caught_up("--dry-run")
    assert "2 not delivered" in told
    assert "1 chat.turn_finished dead (Boom)" in told
    assert "1 chat.turn_finished retrying (MemoryUnavailable)" in told
    assert recent_memory(cast.ann) == ()
    told = caught_up()
    assert "due again: 1 dead letters, 1 that were backing off" in told
    assert "delivered: 2" in told
    assert "embeddings made: 4" in told
    assert "after: 0 not delivered; 0 memories wait" in told
    assert {found.text for found in recent_memory(cast.ann)} == {
        "My cat is Miso.", "Nice.", "I like tea.", "Good.",
    }  # fmt: skip
    assert "delivered: 0" in caught_up()
    assert len(recent_memory(cast.ann)) == 4


@pytest.mark.parametrize("way", ["outbox", "bus", "dead"])
def test_what_was_on_its_way_does_not_come_back_after_forgetting(cast: Cast, way: str) -> None:
    one, other = Said(cast, "My cat is Miso.", "Nice."), Said(cast, "I like tea.", "Good.")
    for said in (one, other):
        said.finish(cast)
    if way == "bus":
        outbox.relay()
    ann = signed_in("ann")
    proof = ann.post("/memory/delete", {"conversation_id": str(one.conversation_id)})
    assert proof.status_code == 200
    if way == "dead":
        with platform_unit("as if it had failed often"):
            OutboxEvent.objects.update(dead_at=MORNING)
            InboxRecord.objects.all().delete()
        outbox.replay_dead()
    outbox.drain()
    assert {found.text for found in recent_memory(cast.ann)} == {"I like tea.", "Good."}
    # What is said afterwards is remembered, in the same conversation too.
    with unit_of_work(cast.acme):
        Message.objects.filter(conversation_id=one.conversation_id).update(created_at=now())
    one.finish(cast)
    outbox.drain()
    assert len(recent_memory(cast.ann)) == 4


def test_what_waits_is_shown_while_the_brain_is_away(cast: Cast) -> None:
    BRAIN.bind(HttpBrain(f"http://127.0.0.1:{free_port()}", TOKEN))
    Said(cast, "My cat is Miso.", "Nice.").finish(cast)
    shown = signed_in("ann").get("/memory/pending")
    assert shown.json() == {
        "waiting": 0, "failed": 0, "undelivered": 1, "dead": 0,
        "is_of_tenant": False, "is_brain_away": True,
    }  # fmt: skip
    assert "1 not delivered; what waits in the brain is not known" in caught_up("--dry-run")
    with pytest.raises(CommandError, match="1 events are still not delivered"):
        caught_up()
    for path in ("/memory/search?q=cat", "/memory/recent", "/memory/stats"):
        answer = signed_in("ann").get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "memory-unavailable")


def test_catching_up_says_what_still_cannot_be_delivered(cast: Cast) -> None:
    Said(cast, "My cat is Miso.", "Nice.").finish(cast)
    with platform_unit("a payload of a newer version"):
        OutboxEvent.objects.update(version=99)
    with pytest.raises(CommandError, match="1 events are still not delivered"):
        caught_up()
    assert "dead (unknown event chat.turn_finished v99)" in caught_up("--dry-run")
    assert letters.survey(["somebody.else"]) == []


def test_other_apps_dead_letters_stay_where_they_are(cast: Cast) -> None:
    said = Said(cast, "My cat is Miso.", "Nice.")
    said.finish(cast)
    with platform_unit("as if of another app"):
        told = OutboxEvent.objects.filter(type="chat.turn_finished")
        told.update(type="other.happened", dead_at=MORNING)
    assert "0 not delivered" in caught_up()
    with platform_unit("a look"):
        assert OutboxEvent.objects.filter(dead_at=MORNING).count() == 1


def test_what_is_written_down_while_the_brain_is_away_is_kept_for_it(cast: Cast) -> None:
    embedded = BRAIN.get()
    agent_id = create_agent(cast.admin, "Archivist", "", None).id
    BRAIN.bind(HttpBrain(f"http://127.0.0.1:{free_port()}", TOKEN))
    ann = signed_in("ann")
    body = {"agent_id": str(agent_id), "text": "I am allergic to nuts."}
    answers = [ann.post("/memory", body, **{"Idempotency-Key": "note"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert ann.get("/memory/pending").json()["undelivered"] == 1
    outbox.drain()
    BRAIN.bind(embedded)
    assert "delivered: 1" in caught_up()
    assert [found.text for found in recent_memory(cast.ann)] == ["I am allergic to nuts."]
    assert "delivered: 0" in caught_up()
    with unit_of_work(cast.acme):
        assert not MemoryGiven.objects.exists()


@pytest.mark.parametrize("by", ["everything", "agent", "time"])
def test_what_waits_for_the_brain_can_be_forgotten(cast: Cast, by: str) -> None:
    embedded = BRAIN.get()
    agent_id = create_agent(cast.admin, "Archivist", "", None).id
    BRAIN.bind(HttpBrain(f"http://127.0.0.1:{free_port()}", TOKEN))
    body = {"agent_id": str(agent_id), "text": "I am allergic to nuts."}
    assert signed_in("ann").post("/memory", body).status_code == 202
    BRAIN.bind(embedded)
    selections = {
        "everything": {"everything": True},
        "agent": {"agent_id": str(agent_id)},
        "time": {"said_from": "2020-01-01T00:00:00Z"},
    }
    proof = signed_in("ann").post("/memory/delete", selections[by])
    assert proof.status_code == 200, proof.content
    assert proof.json()["stores"]["undelivered"] == 1
    outbox.drain()
    assert recent_memory(cast.ann) == ()
