"""What a person writes down while the brain is away: kept here, told to the brain once it is back.

Everything runs in the open unit of the person's tenant.
"""

from __future__ import annotations

from uuid import UUID

from kernel import outbox
from kernel.clock import now
from kernel.events import Envelope, subscribe
from memory.errors import EmptyMemory
from memory.events import MemoryGiven as Given
from memory.models_given import MemoryGiven
from memory.ports import BRAIN, Everything, Matching, MemoryItem, MemoryScope, Selection, These
from memory.verbs import tell_remembered

# Conditions of a selection that hold for none of these: they come from no conversation.
_OF_CONVERSATIONS = frozenset(("conversation_id", "turn_id", "message_id"))
_BOUNDS = {"said_from": "said_at__gte", "said_before": "said_at__lt"}


def put_aside(scope: MemoryScope, item: MemoryItem) -> UUID:
    """Keep what the brain could not take now; return the id by which it waits.

    Raises: EmptyMemory (no agent).
    """
    if scope.agent_id is None:
        raise EmptyMemory("A memory belongs to an agent; none was named.")
    row: MemoryGiven = MemoryGiven.objects.create(
        tenant_id=scope.tenant_id,
        created_at=now(),
        user_id=scope.user_id,
        agent_id=scope.agent_id,
        kind=item.kind,
        text=item.text,
        said_at=item.said_at,
        idempotency_key=item.idempotency_key,
    )
    given_id: UUID = row.id
    outbox.emit(Given(scope.user_id, scope.agent_id, given_id), key=str(scope.user_id))
    return given_id


def drop(scope: MemoryScope, selection: Selection) -> int:
    """Forget those that wait and are selected; return how many."""
    rows = MemoryGiven.objects.filter(user_id=scope.user_id)
    if isinstance(selection, These):
        rows = rows.filter(id__in=selection.memory_ids)
    elif isinstance(selection, Matching):
        given = selection.given()
        if _OF_CONVERSATIONS & set(given) or given.pop("speaker", "user") != "user":
            return 0
        rows = rows.filter(**{_BOUNDS.get(name, name): value for name, value in given.items()})
    if not isinstance(selection, Everything) and scope.agent_id is not None:
        rows = rows.filter(agent_id=scope.agent_id)
    return int(rows.delete()[0])


@subscribe(Given, name="memory.keep_given")
def keep_given(event: Given, envelope: Envelope) -> None:
    """Tell the brain.  Idempotent on: the key that the first try had.

    Raises: MemoryUnavailable, MemoryLate; it is tried again then.
    """
    # Who forgets it meanwhile waits for the lock, and then forgets it in the brain.
    row = MemoryGiven.objects.select_for_update().filter(id=event.given_id).first()
    if row is None:
        return  # Forgotten meanwhile.
    scope = MemoryScope(envelope.tenant_id, row.user_id, row.agent_id)
    item = MemoryItem(row.text, "user", row.said_at, row.idempotency_key, kind=row.kind)
    tell_remembered(scope, (BRAIN.get().remember(scope, item),))
    row.delete()
