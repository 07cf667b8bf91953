"""What a turn's record says after each unit, and that none of them does anything twice."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings

from chat.access import TurnUnknown
from chat.errors import NoContextReport
from chat.facade import ensure_first_agent
from chat.frames import RecalledView
from chat.models import Agent, Conversation, Message, Turn
from chat.turns import opening, store
from chat.turns.reaper import recalled_json
from chat.turns.store import Outcome, Pulse
from chat.verbs import create_conversation
from kernel.clock import frozen
from kernel.db import unit_of_work
from kernel.models import OutboxEvent
from tests.support.cast import Cast

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RECALLED = [
    recalled_json(
        RecalledView("m", "You like tea.", "2026-02-01T08:00:00Z", "user", None, 0.5, "words")
    )
]
pytestmark = pytest.mark.usefixtures("nobody_is_woken")


@dataclass
class Open:
    """A turn that runs."""

    cast: Cast
    conversation_id: UUID
    turn_id: UUID
    opened: opening.Opened

    @property
    def row(self) -> Turn:
        with unit_of_work(self.cast.acme):
            return Turn.objects.get(id=self.turn_id)

    @property
    def conversation(self) -> Conversation:
        with unit_of_work(self.cast.acme):
            return Conversation.objects.get(id=self.conversation_id)

    def events(self) -> list[OutboxEvent]:
        with unit_of_work(self.cast.acme):
            return list(OutboxEvent.objects.filter(type="chat.turn_finished").order_by("id"))

    def answers(self) -> list[Message]:
        with unit_of_work(self.cast.acme):
            return list(Message.objects.filter(role="assistant").order_by("seq"))


def first_agent(cast: Cast) -> UUID:
    with unit_of_work(cast.acme):
        ensure_first_agent(cast.acme)
        return Agent.objects.get().id


@pytest.fixture
def turn(cast: Cast) -> Iterator[Open]:
    with frozen(NOON):
        agent_id = first_agent(cast)
        conversation = create_conversation(cast.ann, agent_id, None, None).id
        opened = opening.open_message(cast.ann, conversation, "What do I like?", "key-1")
        yield Open(cast, conversation, UUID(opened.turn.id), opened)


def pulse(turn: Open, **changes: Any) -> Pulse:
    said = Pulse(turn.turn_id, 7, "You like", ["memory"], RECALLED)
    return replace(said, **changes)


DONE = Outcome(
    "done",
    9,
    "You like tea.",
    ["memory"],
    RECALLED,
    {"code": "slow"},
    "gpt",
    {"input_tokens": 3, "output_tokens": 4, "counted": "provider"},
    {"level": "normal"},
    NOON - timedelta(seconds=1),
)


def test_a_sign_of_life_renews_the_lease_and_keeps_what_was_said(turn: Open) -> None:
    with frozen(NOON + timedelta(seconds=5)):
        assert store.keep_alive(turn.cast.acme, [pulse(turn)]) == ({turn.turn_id}, set())
    row = turn.row
    lease = timedelta(seconds=settings.SOMA.turn_lease_s)
    assert row.lease_until == NOON + timedelta(seconds=5) + lease
    assert (row.seq, row.content, row.degraded) == (7, "You like", ["memory"])
    assert (row.recalled, row.state) == (RECALLED, "open")


def test_signs_of_life_of_many_turns_go_each_to_its_own(turn: Open) -> None:
    other_conversation = create_conversation(turn.cast.bob, first_agent(turn.cast), None, None)
    other = opening.open_message(turn.cast.bob, other_conversation.id, "And I?", "key-2")
    other_id = UUID(other.turn.id)
    pulses = [pulse(turn), pulse(turn, turn_id=other_id, seq=2, content="Coffee")]
    ours, cancelled = store.keep_alive(turn.cast.acme, [*pulses, pulse(turn, turn_id=uuid4())])
    assert (ours, cancelled) == ({turn.turn_id, other_id}, set())
    assert (turn.row.content, turn.row.seq) == ("You like", 7)
    second = store.read_turn(turn.cast.acme, other_id)
    assert second is not None
    assert (second.content, second.seq) == ("Coffee", 2)


def test_what_cannot_be_stored_is_repaired_before_it_is_kept(turn: Open) -> None:
    store.keep_alive(turn.cast.acme, [pulse(turn, content="a\x00b")])
    assert turn.row.content == "a\ufffdb"
    store.close_turn(turn.cast.acme, turn.turn_id, replace(DONE, content="c\x00d"))
    assert turn.row.content == turn.answers()[0].text == "c\ufffdd"


def test_who_asked_to_cancel_is_told_with_the_next_sign_of_life(turn: Open) -> None:
    with frozen(NOON + timedelta(seconds=1)):
        assert store.ask_cancel(turn.cast.ann, turn.turn_id).state == "open"
    with frozen(NOON + timedelta(seconds=2)):
        store.ask_cancel(turn.cast.ann, turn.turn_id)
    assert turn.row.cancel_asked_at == NOON + timedelta(seconds=1), "the first wish counts"
    ours, cancelled = store.keep_alive(turn.cast.acme, [pulse(turn)])
    assert ours == cancelled == {turn.turn_id}


def test_a_turn_that_is_over_can_neither_be_cancelled_nor_kept_alive(turn: Open) -> None:
    assert store.close_turn(turn.cast.acme, turn.turn_id, DONE)
    assert store.ask_cancel(turn.cast.ann, turn.turn_id).state == "done"
    assert turn.row.cancel_asked_at is None
    assert store.keep_alive(turn.cast.acme, [pulse(turn, content="late")]) == (set(), set())
    assert turn.row.content == "You like tea."


def test_closing_leaves_the_answer_the_record_and_the_event(turn: Open) -> None:
    with frozen(NOON + timedelta(seconds=3)):
        assert store.close_turn(turn.cast.acme, turn.turn_id, DONE) is True
    row, opened = turn.row, turn.opened
    assert (row.state, row.seq, row.content, row.degraded) == ("done", 9, DONE.content, ["memory"])
    assert (row.recalled, row.error, row.model) == (RECALLED, {"code": "slow"}, "gpt")
    assert (row.usage, row.context_report) == (DONE.usage, {"level": "normal"})
    assert row.first_token_at == NOON - timedelta(seconds=1)
    assert row.finished_at == turn.conversation.active_at == NOON + timedelta(seconds=3)
    (answer,) = turn.answers()
    assert (answer.id, answer.turn_id) == (row.message_id, turn.turn_id)
    assert (answer.conversation_id, answer.branch_id) == (turn.conversation_id, row.branch_id)
    assert (answer.seq, answer.parent_id) == (row.message_seq, row.user_message_id)
    assert answer.seq == turn.conversation.next_seq - 1
    assert (answer.text, answer.char_count, answer.model) == ("You like tea.", 13, "gpt")
    assert answer.parts == [{"kind": "text", "text": "You like tea."}]
    assert answer.tenant_id == turn.cast.acme_id
    (event,) = turn.events()
    assert event.key == str(turn.conversation_id)
    assert event.payload == {
        "turn_id": str(turn.turn_id),
        "conversation_id": str(turn.conversation_id),
        "agent_id": str(opened.agent_id),
        "user_id": str(turn.cast.ann.user_id),
        "state": "done",
        "user_message_id": str(row.user_message_id),
        "message_id": str(row.message_id),
    }


def test_an_answer_without_a_word_is_a_message_without_parts_and_no_memory(turn: Open) -> None:
    nothing = Outcome("failed", 2, "")
    assert store.close_turn(turn.cast.acme, turn.turn_id, nothing)
    row = turn.row
    assert (row.state, row.content, row.degraded, row.recalled) == ("failed", "", [], [])
    assert (row.error, row.model, row.usage, row.context_report) == (None, "", None, None)
    assert row.first_token_at is None
    (answer,) = turn.answers()
    assert (answer.parts, answer.text, answer.char_count, answer.model) == ([], "", 0, "")
    assert turn.events()[0].payload["message_id"] is None


def test_a_turn_ends_once(turn: Open) -> None:
    assert store.close_turn(turn.cast.acme, turn.turn_id, DONE) is True
    again = replace(DONE, state="interrupted", content="other")
    assert store.close_turn(turn.cast.acme, turn.turn_id, again) is False
    assert (turn.row.state, turn.row.content) == ("done", "You like tea.")
    assert len(turn.answers()) == len(turn.events()) == 1


def test_another_tenant_can_neither_close_nor_read_nor_keep_it_alive(turn: Open) -> None:
    globex = turn.cast.globex
    assert store.close_turn(globex, turn.turn_id, DONE) is False
    assert store.keep_alive(globex, [pulse(turn)]) == (set(), set())
    assert store.read_turn(globex, turn.turn_id) is None
    assert (turn.row.state, turn.row.seq, turn.answers()) == ("open", 0, [])
    for act in (store.ask_cancel, store.get_turn, store.get_report, store.load_accepted):
        with pytest.raises(TurnUnknown):
            act(turn.cast.stranger, turn.turn_id)
    assert turn.row.cancel_asked_at is None


def test_a_viewer_may_not_cancel_and_a_stranger_of_the_conversation_sees_nothing(
    turn: Open,
) -> None:
    for actor in (turn.cast.viewer, turn.cast.bob):
        with pytest.raises(Exception, match=r".") as refused:
            store.ask_cancel(actor, turn.turn_id)
        assert refused.value.status in {403, 404}
    with pytest.raises(TurnUnknown):
        store.get_turn(turn.cast.bob, turn.turn_id)
    assert turn.row.cancel_asked_at is None


def test_a_turn_is_read_as_it_was_last_kept(turn: Open) -> None:
    store.keep_alive(turn.cast.acme, [pulse(turn, recalled=[])])
    for view in (
        store.get_turn(turn.cast.ann, turn.turn_id),
        store.read_turn(turn.cast.acme, turn.turn_id),
    ):
        assert view is not None
        assert (view.id, view.content, view.seq) == (str(turn.turn_id), "You like", 7)
    assert store.read_turn(turn.cast.acme, uuid4()) is None


def test_the_account_of_a_prompt_is_there_when_a_model_was_asked(turn: Open) -> None:
    with pytest.raises(NoContextReport):
        store.get_report(turn.cast.ann, turn.turn_id)
    store.close_turn(turn.cast.acme, turn.turn_id, DONE)
    report = store.get_report(turn.cast.ann, turn.turn_id)
    assert (report["model"], report["level"]) == ("gpt", "normal")
    json.dumps(report)


def test_a_title_is_given_once_and_never_replaces_one(turn: Open) -> None:
    title = "a\x00" + "x" * 300
    assert store.set_title(turn.cast.acme, turn.conversation_id, title) is True
    assert turn.conversation.title == "a\ufffd" + "x" * 198
    assert store.set_title(turn.cast.acme, turn.conversation_id, "Another") is False
    assert turn.conversation.title == "a\ufffd" + "x" * 198
    assert store.set_title(turn.cast.globex, turn.conversation_id, "Another") is False


def test_a_turn_that_another_client_opened_comes_with_its_key_and_question(turn: Open) -> None:
    view, key, question = store.load_accepted(turn.cast.ann, turn.turn_id)
    assert (view.id, key) == (str(turn.turn_id), "key-1")
    assert question is not None
    assert (question.text, question.id) == ("What do I like?", view.user_message_id)
    store.close_turn(turn.cast.acme, turn.turn_id, DONE)
    retried = opening.open_retry(turn.cast.ann, turn.turn_id, "key-2")
    view, key, question = store.load_accepted(turn.cast.ann, UUID(retried.turn.id))
    assert (key, question) == ("key-2", None), "another answer asks nothing new"
    assert view.user_message_id is not None
