"""Consumers of chat's own events: what other apps are told through their facades."""

from uuid import UUID

from chat.events import FeedbackGiven, TurnFinished
from chat.models import Conversation, Message, Turn
from gateway.facade import learn_from_judgement
from kernel.actor import Actor
from kernel.clock import now
from kernel.events import Envelope, subscribe
from memory.facade import FinishedTurn, JudgedAnswer, Said, learn_from_feedback, remember_turn
from saas.facade import TenantSuspended, audit, behaviour_of

FROM_MEMORY = {"no-model", "models-down"}


@subscribe(TurnFinished, name="memory.remember_turn")
def remember_finished_turn(event: TurnFinished, envelope: Envelope) -> None:
    """Both sides of the exchange become memories, in the unit of the inbox row."""
    wanted = [one for one in (event.user_message_id, event.message_id) if one is not None]
    messages = {one.id: one for one in Message.objects.filter(id__in=wanted)}
    turn = Turn.objects.filter(id=event.turn_id).only("tenant_id", "degraded").first()
    if turn is None:
        return  # The conversation was deleted for good in between: nothing to remember.

    def said(message_id: UUID | None) -> Said | None:
        message = messages.get(message_id) if message_id else None
        return Said(message.text, message.created_at, message.id) if message else None

    remember_turn(
        FinishedTurn(
            tenant_id=envelope.tenant_id,
            user_id=event.user_id,
            agent_id=event.agent_id,
            conversation_id=event.conversation_id,
            turn_id=event.turn_id,
            user=said(event.user_message_id),
            assistant=said(event.message_id) if event.state == "done" else None,
            answered_from_memory=bool(FROM_MEMORY & set(turn.degraded)),
        )
    )


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
