"""Shapes of the memory operations at the HTTP edge, and the page cursor."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from ninja import Schema
from pydantic import Field

from memory.errors import BadCursor
from memory.ports import Position, Recalled


class ScorePartsOut(Schema):
    """Why a memory ranks where it does; ranks start at 1, null when not in that list."""

    lexical_rank: int | None
    dense_rank: int | None
    coverage: float = Field(description="Share of the question's words found, 0 to 1.")
    cosine: float | None = Field(description="Closeness in meaning; null before indexing.")


class RecalledOut(Schema):
    """A memory that was found, word for word, with where it comes from."""

    memory_id: UUID
    text: str
    said_at: datetime
    speaker: str
    conversation_id: UUID | None
    turn_id: UUID | None
    score: float
    reason: str
    parts: ScorePartsOut


class MemoryPageOut(Schema):
    """A page of memories; `next` asks for the following one."""

    items: list[RecalledOut]
    next: str | None

    @classmethod
    def of(cls, items: Sequence[Recalled], following: str | None = None) -> MemoryPageOut:
        """From the verb's values."""
        return cls(
            items=[RecalledOut.model_validate(item, from_attributes=True) for item in items],
            next=following,
        )


def cursor_after(item: Recalled) -> str:
    """Return the opaque cursor of the page that follows `item`."""
    plain = f"{item.said_at.isoformat()}|{item.memory_id}"
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def position_of(cursor: str | None) -> Position | None:
    """Return the position that `cursor` stands for.  Raises: BadCursor."""
    if not cursor:
        return None
    try:
        plain = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        said_at, _, memory_id = plain.partition("|")
        position = Position(datetime.fromisoformat(said_at), UUID(memory_id))
    except (ValueError, binascii.Error) as exc:
        raise BadCursor from exc
    if position.said_at.tzinfo is None:
        raise BadCursor
    return position
