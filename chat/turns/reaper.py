"""Ends turns whose runner is gone: their text so far is kept, their readers are told.

A runner renews its lease every second; a turn past its lease belongs to a process that died (or
lost the database for longer than the lease). The text is the PostgreSQL snapshot plus whatever
frames Valkey still has after it.
"""

from uuid import UUID

import structlog
from django.db import connections
from prometheus_client import Counter

from chat.frames import Delta, Done, Note, RecalledView
from chat.models import Turn
from chat.turns import store, stream
from kernel.actor import Scope
from kernel.bus.ports import BUS
from kernel.clock import now
from kernel.db import AWAY, platform_unit
from kernel.errors import Unavailable

# A database that has just come back gives the runners time to show that they are alive.
SETTLE_S = 5.0

log = structlog.get_logger(__name__)

_reaped = Counter("soma_turns_reaped_total", "Turns ended because their runner was gone")


class AnswerInterrupted(Unavailable):
    """The process that wrote the answer stopped."""

    code, title = "answer-interrupted", "The answer was interrupted"

    @classmethod
    def with_text_kept(cls) -> "AnswerInterrupted":
        """As a person is told."""
        return cls("What was written so far is kept. You can let it continue.")


def reap() -> int:
    """End all turns past their lease. Safe to run in several processes. Returns how many."""
    with platform_unit("turn reaper") as alias:
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "select clock_timestamp() - pg_postmaster_start_time() < make_interval(secs => %s)",
                [SETTLE_S],
            )
            if cursor.fetchone()[0]:
                return 0
        expired = list(
            Turn.objects.filter(state=Turn.State.OPEN, lease_until__lt=now()).values_list(
                "id", "tenant_id"
            )[:500]
        )
    return sum(_ended(Scope(tenant_id), turn_id) for turn_id, tenant_id in expired)


def _ended(scope: Scope, turn_id: UUID) -> bool:
    try:
        return _end(scope, turn_id)
    except AWAY:
        raise
    except Exception:
        # One turn that cannot be ended must not keep the others open.
        log.exception("turn.reap_failed", turn_id=str(turn_id))
        return False


def _end(scope: Scope, turn_id: UUID) -> bool:
    view = store.read_turn(scope, turn_id)
    if view is None or view.state != "open":
        return False
    seq, content, degraded, recalled = view.seq, view.content, view.degraded, view.recalled
    for body in stream.stored_frames(scope, turn_id, seq):
        if body.seq != seq + 1 or isinstance(body, Done):
            break
        seq = body.seq
        if isinstance(body, Delta):
            content += body.delta
        elif isinstance(body, Note):
            degraded, recalled = body.degraded, body.recalled
    error = AnswerInterrupted.with_text_kept().problem()
    outcome = store.Outcome(
        state="interrupted",
        seq=seq + 1,
        content=content,
        degraded=degraded,
        recalled=[recalled_json(item) for item in recalled],
        error=error,
    )
    if not store.close_turn(scope, turn_id, outcome):
        return False
    _reaped.inc()
    log.warning("turn.reaped", turn_id=str(turn_id), tenant_id=str(scope.tenant_id))
    stream.publish_end(
        scope,
        Done(
            view.conversation_id, view.id, view.message_id, seq + 1, "interrupted", content,
            degraded, recalled, None, None, error,
        ),
    )  # fmt: skip
    BUS.get().publish(f"conversation:{view.conversation_id}", {"turn": view.id})
    return True


def recalled_json(item: RecalledView) -> dict[str, object]:
    """The stored form of a recalled passage."""
    return {
        "memory_id": item.memory_id,
        "text": item.text,
        "said_at": item.said_at,
        "speaker": item.speaker,
        "conversation_id": item.conversation_id,
        "score": item.score,
        "reason": item.reason,
    }
