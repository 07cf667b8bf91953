"""Every synchronous unit of a turn that was opened: keep alive, look, close. No await, no network.

Opening one is `chat.turns.opening`.
"""

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from django.db import connection

from chat.access import access_turn
from chat.errors import NoContextReport
from chat.events import TurnFinished, TurnRouted
from chat.frames import MessageView, TurnView
from chat.models import Conversation, Message, Turn
from chat.turns.opening import lease_from_now
from chat.views import message_view, turn_view
from kernel import outbox
from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.scope import require_scope
from kernel.text import scrubbed

EndState = Literal["done", "failed", "cancelled", "interrupted"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended. `seq` counts the closing frame too."""

    state: EndState
    seq: int
    content: str
    degraded: list[str] = field(default_factory=list)
    recalled: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    model: str = ""
    usage: dict[str, Any] | None = None
    context_report: dict[str, Any] | None = None
    first_token_at: Any = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a running turn has to say about itself."""

    turn_id: UUID
    seq: int
    content: str
    degraded: list[str]
    recalled: list[dict[str, Any]]


def keep_alive(scope: Scope, pulses: list[Pulse]) -> tuple[set[UUID], set[UUID]]:
    """Renew leases and keep snapshots, in one statement. Returns (still ours, asked to cancel)."""
    from psycopg.types.json import Jsonb  # driver detail of this statement

    with unit_of_work(scope), connection.cursor() as cursor:
        cursor.execute(
            "update chat_turn t set lease_until = %s, seq = p.seq, content = p.content, "
            "degraded = p.degraded, recalled = p.recalled "
            "from unnest(%s::uuid[], %s::int[], %s::text[], %s::jsonb[], %s::jsonb[]) "
            "  as p(id, seq, content, degraded, recalled) "
            "where t.id = p.id and t.state = 'open' returning t.id, t.cancel_asked_at is not null",
            [
                lease_from_now(),
                [pulse.turn_id for pulse in pulses],
                [pulse.seq for pulse in pulses],
                [scrubbed(pulse.content) for pulse in pulses],
                [Jsonb(pulse.degraded) for pulse in pulses],
                [Jsonb(pulse.recalled) for pulse in pulses],
            ],
        )
        rows = cursor.fetchall()
    return {row[0] for row in rows}, {row[0] for row in rows if row[1]}


def close_turn(scope: Scope, turn_id: UUID, outcome: Outcome) -> bool:
    """End a turn: its answer, its record, its event, in one transaction.

    Returns False when it was ended already (by the reaper, say): then nothing changes.
    """
    with unit_of_work(scope):
        text = scrubbed(outcome.content)
        ended = _end(turn_id, outcome, text)
        if ended is None:
            return False
        message = Message(
            id=ended.message_id,
            tenant_id=scope.tenant_id,
            conversation_id=ended.conversation_id,
            branch_id=ended.branch_id,
            seq=ended.message_seq,
            parent_id=ended.parent_id,
            turn_id=turn_id,
            role=Message.Speaker.ASSISTANT,
            parts=[{"kind": "text", "text": text}] if text else [],
            text=text,
            char_count=len(text),
            model=outcome.model,
        )
        routed = TurnRouted(turn_id, ended.agent_id, outcome.model, outcome.degraded)
        outbox.emit(
            TurnFinished(
                turn_id=turn_id,
                conversation_id=ended.conversation_id,
                agent_id=ended.agent_id,
                user_id=ended.user_id,
                state=outcome.state,
                user_message_id=ended.user_message_id,
                message_id=ended.message_id if text else None,
            ),
            key=str(ended.conversation_id),
            beside=[message, outbox.event_row(routed, key=str(ended.conversation_id))],
        )
        return True


def ask_cancel(actor: Actor, turn_id: UUID) -> TurnView:
    """Mark a turn for cancelling; its runner, wherever it is, sees the mark."""
    with unit_of_work(actor.scope):
        turn = access_turn(actor, turn_id, "write")
        if turn.state == Turn.State.OPEN and turn.cancel_asked_at is None:
            turn.cancel_asked_at = now()
            turn.save(update_fields=["cancel_asked_at"])
        return turn_view(turn)


def get_turn(actor: Actor, turn_id: UUID) -> TurnView:
    """The turn as it was last kept."""
    with unit_of_work(actor.scope):
        return turn_view(access_turn(actor, turn_id, "read"))


def get_report(actor: Actor, turn_id: UUID) -> dict[str, Any]:
    """What went into a prompt and what was left out. Raises: TurnUnknown, NoContextReport."""
    with unit_of_work(actor.scope):
        turn = access_turn(actor, turn_id, "read")
    if turn.context_report is None:
        raise NoContextReport
    return {"model": turn.model, **turn.context_report}


def read_turn(scope: Scope, turn_id: UUID) -> TurnView | None:
    """The turn for a reader whose access was checked when it began to follow."""
    with unit_of_work(scope):
        turn = Turn.objects.filter(id=turn_id).first()
        return turn_view(turn) if turn else None


def set_title(scope: Scope, conversation_id: UUID, title: str) -> bool:
    """Give a title to a conversation that has none. Returns whether it was used."""
    with unit_of_work(scope):
        untitled = Conversation.objects.filter(id=conversation_id, title=None)
        return bool(untitled.update(title=scrubbed(title)[:200]))


def load_accepted(actor: Actor, turn_id: UUID) -> tuple[TurnView, str, MessageView | None]:
    """(turn, client key, question) of a turn that another client opened. Raises: TurnUnknown."""
    with unit_of_work(actor.scope):
        turn = access_turn(actor, turn_id, "read")
        question = (
            Message.objects.filter(id=turn.user_message_id).first()
            if turn.user_message_id and turn.kind == Turn.Kind.MESSAGE
            else None
        )
        view = message_view(question) if question else None
        return turn_view(turn), turn.client_key, view


@dataclass(frozen=True, slots=True)
class Ended:
    """What the record of a turn that was just ended says."""

    conversation_id: UUID
    branch_id: UUID
    message_id: UUID
    message_seq: int
    parent_id: UUID | None
    user_id: UUID
    user_message_id: UUID | None
    agent_id: UUID


def _end(turn_id: UUID, outcome: Outcome, text: str) -> Ended | None:
    """Write the outcome into an open turn; None when it is not open any more."""
    from psycopg.types.json import Jsonb  # driver detail of this statement

    def as_json(value: object) -> Jsonb | None:
        return None if value is None else Jsonb(value)

    tenant_id, moment = require_scope().tenant_id, now()
    values: list[Any] = [
        *(outcome.state, outcome.seq, text, Jsonb(outcome.degraded)),
        *(Jsonb(outcome.recalled), as_json(outcome.error), outcome.model),
        *(as_json(outcome.usage), as_json(outcome.context_report)),
        *(outcome.first_token_at, moment, tenant_id, turn_id, moment, tenant_id),
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "with ended as (update chat_turn set state = %s, seq = %s, content = %s, "
            "  degraded = %s, recalled = %s, error = %s, model = %s, usage = %s, "
            "  context_report = %s, first_token_at = %s, finished_at = %s "
            "  where tenant_id = %s and id = %s and state = 'open' "
            "  returning conversation_id, branch_id, message_id, message_seq, parent_id, "
            "  user_id, user_message_id) "
            "update chat_conversation c set active_at = %s from ended "
            "where c.tenant_id = %s and c.id = ended.conversation_id "
            "returning ended.*, c.agent_id",
            values,
        )
        found = cursor.fetchone()
    return Ended(*found) if found else None
