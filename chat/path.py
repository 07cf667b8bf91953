"""Paths through a branched conversation: pure lineage arithmetic, and the queries along a path.

A lineage is [[branch_id, max_seq], ...] from the root on; each entry covers the seqs above the
previous entry's max up to its own; the last one's max is null (open end).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from chat.models import Branch, Conversation, Message
from kernel.rows import Statement
from kernel.scope import require_scope

Lineage = list[list[Any]]
# (branch, above, up to or None): a part of a path.
Span = tuple[str, int, int | None]


def root(branch_id: UUID) -> Lineage:
    """The lineage of a conversation's first branch."""
    return [[str(branch_id), None]]


def fork(lineage: Lineage, after_seq: int, branch_id: UUID) -> Lineage:
    """The lineage of a new branch that shares the path up to and including `after_seq`."""
    shared: Lineage = []
    for known_id, max_seq in lineage:
        shared.append([known_id, after_seq if max_seq is None else min(max_seq, after_seq)])
        if max_seq is None or max_seq >= after_seq:
            break
    return [*shared, [str(branch_id), None]]


def ranges(lineage: Lineage) -> list[Span]:
    """The span of each entry, root first."""
    found: list[Span] = []
    above = 0
    for branch_id, max_seq in lineage:
        found.append((branch_id, above, max_seq))
        above = max_seq if max_seq is not None else above
    return found


def newest(
    conversation: Conversation, lineage: Lineage, limit: int, *, before: int | None = None
) -> list[Message]:
    """Up to `limit` messages below seq `before`, newest first: index range scans, no sort."""
    found: list[Message] = []
    for rows in _along(conversation, reversed(ranges(lineage))):
        span = rows if before is None else rows.filter(seq__lt=before)
        found += span.order_by("-seq")[: limit - len(found)]
        if len(found) >= limit:
            break
    return found


def texts_in(conversation_id: UUID, span: Span, limit: int, *, before: int) -> Statement:
    """The statement for (id, seq, role, text) of up to `limit` messages of a range, newest first.

    What a prompt needs of a message, without building rows that carry everything.
    """
    branch_id, above, up_to = span
    top = before - 1 if up_to is None else min(up_to, before - 1)
    return (
        "select id, seq, role, text from chat_message where tenant_id = %s "
        "and conversation_id = %s and branch_id = %s and seq > %s and seq <= %s "
        "order by seq desc limit %s",
        [require_scope().tenant_id, conversation_id, UUID(branch_id), above, top, limit],
    )


def newest_texts(
    conversation_id: UUID, spans: Sequence[Span], limit: int, *, before: int
) -> list[tuple[Any, ...]]:
    """What `texts_in` gives, of up to `limit` messages along the `spans` below seq `before`."""
    found: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for span in reversed(spans):
            if len(found) >= limit:
                break
            cursor.execute(*texts_in(conversation_id, span, limit - len(found), before=before))
            found += cursor.fetchall()
    return found


def oldest_after(
    conversation: Conversation, lineage: Lineage, limit: int, after: int
) -> list[Message]:
    """Up to `limit` messages above seq `after`, oldest first."""
    found: list[Message] = []
    for rows in _along(conversation, ranges(lineage)):
        found += rows.filter(seq__gt=after).order_by("seq")[: limit - len(found)]
        if len(found) >= limit:
            break
    return found


def lineage_of(conversation: Conversation, branch_id: UUID | None = None) -> Lineage:
    """The lineage of a branch of this conversation (default: the active one); [] when none."""
    wanted = branch_id or conversation.active_branch_id
    if wanted is None:
        return []
    row = Branch.objects.filter(conversation=conversation, id=wanted).only("lineage").first()
    return row.lineage if row else []


def _along(conversation: Conversation, spans: Iterable[Span]) -> Iterator[QuerySet[Message]]:
    for branch_id, above, up_to in spans:
        rows: QuerySet[Message] = Message.objects.filter(
            conversation=conversation, branch_id=branch_id, seq__gt=above
        )
        yield rows if up_to is None else rows.filter(seq__lte=up_to)


def contains(lineage: Lineage, branch_id: UUID, seq: int) -> bool:
    """Whether the message (branch, seq) lies on the path."""
    return any(
        known == str(branch_id) and above < seq and (up_to is None or seq <= up_to)
        for known, above, up_to in ranges(lineage)
    )
