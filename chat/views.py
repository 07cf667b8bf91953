"""Rows as clients see them. Reads only; the caller has checked access and opened the unit."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from chat import frames
from chat.frames import MessageView, Part, RecalledView, TurnView, Usage, Variants, rfc3339
from chat.models import Message, Turn


def turn_view(turn: Turn) -> TurnView:
    """A turn; its content is the snapshot of frame `seq`."""
    return TurnView(
        id=str(turn.id),
        conversation_id=str(turn.conversation_id),
        branch_id=str(turn.branch_id),
        message_id=str(turn.message_id),
        user_message_id=str(turn.user_message_id) if turn.user_message_id else None,
        state=turn.state,  # type: ignore[arg-type]  # a checked choice
        seq=turn.seq,
        content=turn.content,
        degraded=turn.degraded,
        recalled=recalled_views(turn.recalled),
        error=turn.error,
        model=turn.model or None,
        usage=_usage(turn.usage),
        created_at=rfc3339(turn.created_at),
        finished_at=rfc3339(turn.finished_at) if turn.finished_at else None,
    )


def _usage(stored: dict[str, Any] | None) -> Usage | None:
    """The tokens, without the call by which the ledger knows them."""
    if not stored:
        return None
    return Usage(**{name: stored[name] for name in Usage.__dataclass_fields__})


def turn_snapshot(turn: Turn) -> frames.Snapshot:
    """The same as a snapshot frame."""
    view = turn_view(turn)
    return frames.Snapshot(
        conversation_id=view.conversation_id,
        turn=view.id,
        message_id=view.message_id,
        seq=view.seq,
        state=view.state,
        content=view.content,
        degraded=view.degraded,
        recalled=view.recalled,
        usage=view.usage,
        model=view.model,
        error=view.error,
    )


def message_views(messages: Sequence[Message]) -> list[MessageView]:
    """Messages of one conversation with their turns and variants: three queries in all."""
    if not messages:
        return []
    turn_ids = {one.turn_id for one in messages if one.role == "assistant" and one.turn_id}
    turns = {
        turn.id: turn
        for turn in Turn.objects.filter(id__in=turn_ids).only(
            "tenant_id", "state", "degraded", "recalled", "error"
        )
    }
    variants = _variants(messages)
    return [message_view(one, turns.get(one.turn_id), variants.get(one.id)) for one in messages]


def message_view(
    message: Message, turn: Turn | None = None, variants: Variants | None = None
) -> MessageView:
    """One message."""
    return MessageView(
        id=str(message.id),
        conversation_id=str(message.conversation_id),
        branch_id=str(message.branch_id),
        seq=message.seq,
        parent_id=str(message.parent_id) if message.parent_id else None,
        role=message.role,  # type: ignore[arg-type]  # a checked choice
        parts=[Part(**part) for part in message.parts],
        text=message.text,
        created_at=rfc3339(message.created_at),
        turn_id=str(message.turn_id) if message.turn_id else None,
        turn_state=turn.state if turn else None,  # type: ignore[arg-type]  # a checked choice
        model=message.model or None,
        feedback=message.feedback or None,  # type: ignore[arg-type]  # a checked choice
        degraded=turn.degraded if turn else [],
        recalled=recalled_views(turn.recalled) if turn else [],
        error=turn.error if turn else None,
        variants=variants,
    )


def recalled_views(items: Iterable[dict[str, Any]]) -> list[RecalledView]:
    """From the turn's stored JSON."""
    return [RecalledView(**item) for item in items]


def _variants(messages: Sequence[Message]) -> dict[UUID, Variants]:
    """Alternatives share their parent: {message id: its place among them}, where there are any."""
    conversation_id = messages[0].conversation_id
    siblings = Message.objects.filter(conversation_id=conversation_id)
    parents = {one.parent_id for one in messages}
    rows = list(
        siblings.filter(parent_id__in=parents - {None}).values_list(
            "parent_id", "seq", "id", "branch_id"
        )
    )
    if None in parents:
        rows += siblings.filter(parent_id=None).values_list("parent_id", "seq", "id", "branch_id")
    groups: dict[UUID | None, list[tuple[int, UUID, UUID]]] = {}
    for parent_id, seq, message_id, branch_id in rows:
        groups.setdefault(parent_id, []).append((seq, message_id, branch_id))
    found: dict[UUID, Variants] = {}
    for group in groups.values():
        if len(group) < 2:
            continue
        group.sort()
        branches = [str(branch_id) for _, _, branch_id in group]
        for place, (_, message_id, _) in enumerate(group, start=1):
            found[message_id] = Variants(place, len(group), branches)
    return found
