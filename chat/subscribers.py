"""Consumers of chat's own events: what other apps are told through their facades."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from chat.events import FeedbackGiven, TurnFinished
from chat.models import Conversation, Message, Turn
from chat.workspace import REMEMBERS
from gateway.facade import learn_from_judgement
from kernel.actor import Actor
from kernel.clock import now
from kernel.events import Arrivals, Envelope, subscribe, subscribe_many
from kernel.scope import require_scope
from memory.facade import FinishedTurn, JudgedAnswer, Said, learn_from_feedback, remember_turns
from saas.facade import TenantSuspended, audit, behaviour_of

FROM_MEMORY = {"no-model", "models-down"}
# Turns whose texts are read together: what was forgotten meanwhile is looked up as often.
READ_AT_ONCE = 100


@subscribe_many(TurnFinished, name=REMEMBERS)
def remember_finished_turns(arrivals: Arrivals) -> None:
    """Both sides of each exchange become memories, in the unit of the inbox rows."""
    for first in range(0, len(arrivals), READ_AT_ONCE):
        arrived = arrivals[first : first + READ_AT_ONCE]
        found = _finished([event for event, _ in arrived])
        remember_turns(
            [
                (found[event.turn_id], envelope)
                for event, envelope in arrived
                # Else the conversation was deleted for good in between: nothing to remember.
                if event.turn_id in found
            ],
            REMEMBERS,
        )


def _finished(told: Sequence[TurnFinished]) -> dict[UUID, FinishedTurn]:
    """The turns that still exist, as memory sees them, by their ids."""
    tenant_id = require_scope().tenant_id
    with connection.cursor() as cursor:
        cursor.execute(
            "select t.id, t.degraded ?| %s, u.text, u.created_at, a.text, a.created_at "
            "from unnest(%s::uuid[], %s::uuid[], %s::uuid[]) as e (turn_id, user_id, answer_id) "
            "join chat_turn t on t.tenant_id = %s and t.id = e.turn_id "
            "left join chat_message u on u.tenant_id = t.tenant_id and u.id = e.user_id "
            "left join chat_message a on a.tenant_id = t.tenant_id and a.id = e.answer_id",
            [
                sorted(FROM_MEMORY),
                [event.turn_id for event in told],
                [event.user_message_id for event in told],
                [event.message_id if event.state == "done" else None for event in told],
                tenant_id,
            ],
        )
        rows = {row[0]: row[1:] for row in cursor.fetchall()}

    def said(message_id: UUID | None, text: str | None, at: datetime | None) -> Said | None:
        return None if text is None or at is None else Said(text, at, message_id)

    return {
        event.turn_id: FinishedTurn(
            tenant_id=tenant_id,
            user_id=event.user_id,
            agent_id=event.agent_id,
            conversation_id=event.conversation_id,
            turn_id=event.turn_id,
            user=said(event.user_message_id, asked, asked_at),
            assistant=said(event.message_id, answer, answered_at),
            answered_from_memory=from_memory,
        )
        for event in told
        if event.turn_id in rows
        for from_memory, asked, asked_at, answer, answered_at in [rows[event.turn_id]]
    }


@subscribe(TurnFinished, name="chat.audit_turn")
def audit_finished_turn(event: TurnFinished, envelope: Envelope) -> None:
    """Where the mode says so, each answer has an entry in the audit log: no text, only what did."""
    if not behaviour_of(envelope.tenant_id).audits_turns:
        return
    turn = Turn.objects.filter(id=event.turn_id).first()
    if turn is None:
        return  # The conversation was deleted for good in between.
    audit(
        Actor(event.user_id, envelope.tenant_id),
        "turn.answered",
        "turn",
        event.turn_id,
        after={
            "state": event.state,
            "conversation": str(event.conversation_id),
            "agent": str(event.agent_id),
            "model": turn.model,
            "usage": turn.usage,
            "recalled": len(turn.recalled),
            "degraded": turn.degraded,
        },
    )


@subscribe(FeedbackGiven, name="gateway.learn_from_judgement")
def learn_which_model_satisfies(event: FeedbackGiven, envelope: Envelope) -> None:
    """The choice of models learns from it, unless the mode says otherwise."""
    if event.signal == "neutral" or not behaviour_of(envelope.tenant_id).learns:
        return
    asked = Message.objects.filter(id=event.message_id).values_list("turn_id", flat=True).first()
    turn = Turn.objects.filter(id=asked).only("usage").first()
    call_id = (turn.usage or {}).get("call_id") if turn else None
    if call_id is not None:
        learn_from_judgement(envelope.tenant_id, UUID(call_id), is_good=event.signal == "positive")


@subscribe(FeedbackGiven, name="memory.learn_from_feedback")
def learn_from_a_judged_answer(event: FeedbackGiven, envelope: Envelope) -> None:
    """The agent's recall learns from whether its answer helped, unless the mode says otherwise."""
    if not behaviour_of(envelope.tenant_id).learns:
        return
    message = Message.objects.filter(id=event.message_id).first()
    if message is None:
        return  # The conversation was deleted for good in between.
    agent_id = Conversation.objects.values_list("agent_id", flat=True).get(
        id=message.conversation_id
    )
    turn = Turn.objects.filter(id=message.turn_id).only("recalled", "user_message_id").first()
    asked = Message.objects.filter(id=turn.user_message_id).first() if turn else None
    learn_from_feedback(
        JudgedAnswer(
            tenant_id=envelope.tenant_id,
            user_id=event.user_id,
            agent_id=agent_id,
            message_id=message.id,
            signal=event.signal,
            memory_ids=tuple(UUID(one["memory_id"]) for one in turn.recalled) if turn else (),
            conversation_id=message.conversation_id,
            turn_id=message.turn_id,
            question=asked.text if asked is not None else "",
            answer=message.text,
        )
    )


@subscribe(TenantSuspended, name="chat.stop_turns")
def stop_turns(_: TenantSuspended, envelope: Envelope) -> None:
    """What was said so far is kept; the runner of each turn sees the mark at its next heartbeat.

    A turn younger than the event (both ids are UUIDv7) began after a resumption: it goes on.
    """
    Turn.objects.filter(
        state=Turn.State.OPEN, cancel_asked_at=None, id__lt=envelope.event_id
    ).update(cancel_asked_at=now())
