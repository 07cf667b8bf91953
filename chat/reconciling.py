"""Reconciliation: is what was said in finished turns remembered, and paid for?

For each turn that ended a while ago its question must be among the memories of its person. Where it
is not, and nothing of the tenant was forgotten since, it was lost on the way: its event is emitted
again, and memory takes it once in effect. Where something was forgotten since, nobody can tell the
one from the other: it is counted and reported, never repaired.

For each turn that a model answered the ledger must know the call. Where it does not, that is
counted and reported: whether anything was paid for it, only the provider could tell.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from prometheus_client import Counter
from redis.exceptions import RedisError

from chat.events import TurnFinished
from chat.models import Conversation, Turn
from gateway.facade import recorded_calls
from kernel import outbox
from kernel.actor import Scope
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from kernel.holding import held_tenants
from kernel.valkey import sync_client
from memory.facade import BRAIN, CONSUMERS, Matching, MemoryScope, was_forgotten_since

# What is younger may still be on its way; what is older was judged before.
SETTLED_AFTER = timedelta(minutes=10)
LOOK_BACK = timedelta(days=1)
TURNS_AT_ONCE = 2_000
# Up to where turns were judged. It may be lost: then a day is judged again.
MARK_KEY = "soma:reconciled:turns"

log = structlog.get_logger(__name__)

_repaired = Counter("soma_memories_repaired_total", "Turns found not remembered, told again")
_unexplained = Counter(
    "soma_memories_unexplained_total",
    "Turns not remembered whose memories may have been forgotten by hand",
)


_unpaid = Counter(
    "soma_turns_unpaid_total", "Turns that a model answered and whose call the ledger does not know"
)


@dataclass(frozen=True, slots=True)
class Judged:
    """`checked` turns; `repaired` were lost; of `unexplained` ones nobody can tell.

    `unpaid`: the ledger does not know their call.
    """

    checked: int
    repaired: int
    unexplained: int
    unpaid: int = 0


def reconcile_memories() -> Judged:
    """Judge what ended since the last run. Raises: what the brain raises when it is away."""
    turns = _finished(_mark(), now() - SETTLED_AFTER)
    repaired = unexplained = checked = unpaid = 0
    waiting = held_tenants()
    for tenant_id, group in _by_tenant(turns):
        if tenant_id in waiting:
            continue  # Its events wait in the outbox: they cannot be missed.
        scope = Scope(tenant_id)
        if outbox.backlog(scope, CONSUMERS).undelivered:
            # Something is on its way or waits: judged when it is through.
            break
        unpaid += _not_paid(scope, group)
        for turn in group:
            checked += 1
            outcome = _judge(scope, turn)
            repaired += outcome == "lost"
            unexplained += outcome == "unexplained"
    else:
        _set_mark(turns[-1].finished_at if turns else None)
    _unpaid.inc(unpaid)
    _repaired.inc(repaired)
    _unexplained.inc(unexplained)
    if repaired or unexplained or unpaid:
        log.error("turns.reconciled", repaired=repaired, unexplained=unexplained, unpaid=unpaid)
    return Judged(checked, repaired, unexplained, unpaid)


def _not_paid(scope: Scope, turns: Sequence[Turn]) -> int:
    """How many of the turns had an answer of a model that the ledger does not know."""
    calls = {
        UUID(turn.usage["call_id"]) for turn in turns if turn.usage and "call_id" in turn.usage
    }
    with unit_of_work(scope):
        return len(calls - recorded_calls(calls))


def _judge(scope: Scope, turn: Turn) -> str:
    """known, lost (and told again) or unexplained."""
    with unit_of_work(scope):
        conversation = Conversation.objects.filter(id=turn.conversation_id).first()
    if conversation is None or conversation.deleted_at is not None:
        return "known"
    whose = MemoryScope(scope.tenant_id, turn.user_id, conversation.agent_id)
    if BRAIN.get().recent(whose, limit=1, where=Matching(message_id=turn.user_message_id)):
        return "known"
    if was_forgotten_since(scope, turn.created_at):
        return "unexplained"
    with unit_of_work(scope):
        outbox.emit(
            TurnFinished(
                turn_id=turn.id,
                conversation_id=turn.conversation_id,
                agent_id=conversation.agent_id,
                user_id=turn.user_id,
                state=turn.state,  # type: ignore[arg-type]  # a checked choice
                user_message_id=turn.user_message_id,
                message_id=turn.message_id if turn.content else None,
            ),
            key=str(turn.conversation_id),
        )
    return "lost"


def _finished(after: datetime, until: datetime) -> list[Turn]:
    with platform_unit("reconciliation"):
        ended = Turn.objects.filter(
            finished_at__gt=after, finished_at__lte=until, user_message_id__isnull=False
        ).exclude(state=Turn.State.OPEN)
        return list(ended.order_by("finished_at")[:TURNS_AT_ONCE])


def _by_tenant(turns: Sequence[Turn]) -> Iterator[tuple[UUID, list[Turn]]]:
    groups: dict[UUID, list[Turn]] = {}
    for turn in turns:
        groups.setdefault(turn.tenant_id, []).append(turn)
    yield from groups.items()


def _mark() -> datetime:
    earliest = now() - LOOK_BACK
    try:
        kept = sync_client().get(MARK_KEY)
    except RedisError:
        return earliest
    assert kept is None or isinstance(kept, bytes)  # noqa: S101  # the synchronous client
    return max(earliest, datetime.fromisoformat(kept.decode())) if kept else earliest


def _set_mark(moment: datetime | None) -> None:
    if moment is None:
        return
    try:
        sync_client().set(MARK_KEY, moment.isoformat())
    except RedisError:
        log.info("reconciliation.mark_lost")
